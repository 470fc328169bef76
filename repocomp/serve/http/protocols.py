"""What clients of llama.cpp's `/infill` and of OpenAI's `/v1/completions` ask for, and the shapes of their answers."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from repocomp.prompt.parse import parse
from repocomp.request import Completion
from repocomp.serve.http.wire import Refused

Content = dict[str, Any]

MODEL = "repocomp"
"""What a model is called: which pack writes is a matter of settings."""
_MOST_TOKENS, _MOST_STOPS, _MOST_FILES = 4096, 16, 256


@dataclass(frozen=True, slots=True)
class Wanted:
    """A completion as a client asks for it: both sides of the cursor, what it tells of files, and its limits.

    llama.cpp's limits of time set none: that of the prompt it ignores, that of the answer begins with its second line.

    `path` is the file's own where it is told, `names` those of other files. An answer ends before any of the `stops`.
    """

    left: str
    right: str
    path: str | None
    names: tuple[str, ...]
    max_new_tokens: int | None
    stops: tuple[str, ...]
    is_streamed: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: the `text` for the client, which may end before that of the `completion`."""

    text: str
    completion: Completion | None

    @property
    def is_cut(self) -> bool:
        """Whether length or time ended it."""
        return self.completion is not None and self.completion.stop_reason in ("length", "deadline")

    @property
    def tokens(self) -> tuple[int, int, int]:
        """Of the prompt, of those the cached, and of the answer."""
        if self.completion is None:
            return 0, 0, 0
        counts = self.completion.tokens
        return counts.prompt, counts.cached, counts.generated


class Shape(Protocol):
    """A protocol of clients."""

    def wanted(self, body: Content) -> Wanted:
        """What is asked for. Raises Refused."""

    def whole(self, body: Content, outcome: Outcome) -> Content:
        """All of an answer at once."""

    def piece(self, text: str) -> Content:
        """An event that adds `text`."""

    def last(self, body: Content, outcome: Outcome) -> list[Content | str]:
        """The events after all text."""


class Infill:
    """llama.cpp's `POST /infill`."""

    def wanted(self, body: Content) -> Wanted:
        """`input_prefix` with `prompt` behind it, `input_suffix`, and files in `input_extra`."""
        extra = body.get("input_extra") or []
        if not isinstance(extra, list) or any(not isinstance(each, dict) for each in extra):
            raise Refused(400, "input_extra is no list of files")
        names = tuple(name for each in extra[-_MOST_FILES:] if isinstance(name := each.get("filename"), str))
        return Wanted(
            _text(body, "input_prefix") + _text(body, "prompt"),
            _text(body, "input_suffix"),
            _text(body, "file") or None,
            names,
            _count(body, "n_predict"),
            _stops(body),
            body.get("stream") is True,
        )

    def whole(self, body: Content, outcome: Outcome) -> Content:
        """As llama.cpp's server answers; of `response_fields` those alone, by their paths."""
        content = self._content(outcome)
        wanted = body.get("response_fields")
        if not isinstance(wanted, list):
            return content
        found = {path: _at(content, path) for path in wanted if isinstance(path, str)}
        return {path: value for path, value in found.items() if value is not None}

    def piece(self, text: str) -> Content:
        """One event of many."""
        return {"index": 0, "content": text, "tokens": [], "stop": False, "id_slot": -1}

    def last(self, body: Content, outcome: Outcome) -> list[Content | str]:
        """The event that stops, without text."""
        return [{**self._content(outcome), "content": ""}]

    def _content(self, outcome: Outcome) -> Content:
        prompt, cached, generated = outcome.tokens
        times = outcome.completion.timings_ms if outcome.completion is not None else None
        return {
            "index": 0,
            "content": outcome.text,
            "tokens": [],
            "id_slot": -1,
            "stop": True,
            "model": MODEL,
            "tokens_predicted": generated,
            "tokens_evaluated": prompt,
            "tokens_cached": cached,
            "truncated": False,
            "stop_type": "limit" if outcome.is_cut else "eos",
            "stopping_word": "",
            "has_new_line": "\n" in outcome.text,
            "timings": {
                "cache_n": cached,
                **_speed("prompt", prompt - cached, times.prefill if times is not None else 0.0),
                **_speed("predicted", generated, times.decode if times is not None else 0.0),
            },
        }


class Completions:
    """OpenAI's `POST /v1/completions`."""

    def wanted(self, body: Content) -> Wanted:
        """`prompt` and `suffix`, or the prompt of a family of models, which is taken apart."""
        prompt = body.get("prompt")
        if isinstance(prompt, list) and len(prompt) == 1:
            prompt = prompt[0]
        if not isinstance(prompt, str):
            raise Refused(400, "prompt must be one text")
        parsed = parse(prompt)
        names = tuple(name for name, _ in parsed.files) if parsed is not None else ()
        return Wanted(
            prompt if parsed is None else parsed.left,
            _text(body, "suffix") if parsed is None else parsed.right,
            _text(body, "file") or (None if parsed is None else parsed.path),
            names[-_MOST_FILES:],
            _count(body, "max_tokens"),
            _stops(body),
            body.get("stream") is True,
        )

    def whole(self, body: Content, outcome: Outcome) -> Content:
        """One choice."""
        return {**self._choice(outcome.text, _finish(outcome), outcome.completion), "usage": _usage(outcome)}

    def piece(self, text: str) -> Content:
        """One event of many."""
        return self._choice(text, None, None)

    def last(self, body: Content, outcome: Outcome) -> list[Content | str]:
        """Why it ended, the counts where they are asked for, and the mark of the end."""
        end: list[Content | str] = [self._choice("", _finish(outcome), outcome.completion)]
        options = body.get("stream_options")
        if isinstance(options, dict) and options.get("include_usage"):
            end.append({**self._choice("", None, outcome.completion), "choices": [], "usage": _usage(outcome)})
        return [*end, "[DONE]"]

    def _choice(self, text: str, finish_reason: str | None, completion: Completion | None) -> Content:
        return {
            "id": f"cmpl-{completion.id if completion is not None else MODEL}",
            "object": "text_completion",
            "created": int(time.time()),
            "model": MODEL,
            "choices": [{"text": text, "index": 0, "logprobs": None, "finish_reason": finish_reason}],
        }


def models() -> Content:
    """The answer to `GET /v1/models`."""
    return {"object": "list", "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": MODEL}]}


def stopped(text: str, stops: Sequence[str]) -> tuple[str, bool]:
    """`text` up to the first of the `stops`, and whether there is one."""
    ends = [at for stop in stops if (at := text.find(stop)) >= 0]
    return (text[: min(ends)], True) if ends else (text, False)


def _finish(outcome: Outcome) -> str:
    return "length" if outcome.is_cut else "stop"


def _usage(outcome: Outcome) -> Content:
    prompt, _, generated = outcome.tokens
    return {"prompt_tokens": prompt, "completion_tokens": generated, "total_tokens": prompt + generated}


def _speed(name: str, tokens: int, ms: float) -> Content:
    """The figures of llama.cpp for one step."""
    return {
        f"{name}_n": tokens,
        f"{name}_ms": ms,
        f"{name}_per_token_ms": ms / max(1, tokens),
        f"{name}_per_second": 1000 * tokens / ms if ms else 0.0,
    }


def _at(content: Mapping[str, Any], path: str) -> object:
    value: object = content
    for name in path.split("/"):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _text(body: Content, name: str) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Refused(400, f"{name} must be a text")
    return value


def _number(body: Content, name: str) -> float | None:
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e9 < value < 1e9:
        raise Refused(400, f"{name} must be a number")
    return max(0.0, float(value))


def _count(body: Content, name: str) -> int | None:
    """How many tokens; None where the client leaves it open (-1 does)."""
    value = body.get(name)
    if value is None or value == -1:
        return None
    number = _number(body, name)
    return None if number is None else min(int(number), _MOST_TOKENS)


def _stops(body: Content) -> tuple[str, ...]:
    value = body.get("stop") or []
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or any(not isinstance(stop, str) for stop in listed):
        raise Refused(400, "stop must be texts")
    return tuple(stop for stop in listed[:_MOST_STOPS] if stop)
