"""Other engines on the same holes, over HTTP as editors ask them: llama.cpp's `/infill`, OpenAI-style completions.

They get the lines that llama.vim sends. Whatever goes wrong with an answer counts as an empty one, and is counted.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from repocomp.complete.finish.finish import Finish
from repocomp.errors import BenchError
from repocomp.evaluate.cases import STEPS, Answer
from repocomp.evaluate.holes import Hole
from repocomp.languages.table import language_of
from repocomp.request import Tokens

_LINES_BEFORE, _LINES_AFTER = 256, 64
_LARGEST_REPLY = 1 << 20


@dataclass(slots=True)
class Rival:
    """An endpoint; `failures` says what went wrong, and how often."""

    url: str
    max_tokens: int
    timeout: float = 30.0
    failures: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        if urlsplit(self.url).scheme not in ("http", "https") or not urlsplit(self.url).netloc:
            raise BenchError(f"{self.url!r} is no address of an engine", "for example http://127.0.0.1:8012/infill")

    def answer(self, hole: Hole) -> Answer:
        """Fill a hole; trimmed and scored like our own answers. Never raises for what the engine does."""
        document = hole.opened.data.decode(errors="ignore").replace("\r\n", "\n")
        left = hole.opened.data[: hole.start].decode(errors="ignore").replace("\r\n", "\n")
        right = document[len(left) :]
        started = time.monotonic()
        text = self._ask("\n".join(left.split("\n")[-_LINES_BEFORE:]), "\n".join(right.split("\n")[:_LINES_AFTER]))
        ms = 1000 * (time.monotonic() - started)
        finish = Finish.of(left, right, language_of(hole.document.path), hole.mode)
        said, _ = finish.trim(text, is_finished=False)
        truth = hole.answer.replace("\r\n", "\n")
        steps = {**dict.fromkeys(STEPS, 0.0), "decode": round(ms, 3)}
        return Answer.of(said, truth, language_of(hole.document.path), Tokens(0, 0, 0), steps)

    def _ask(self, left: str, right: str) -> str:
        is_infill = urlsplit(self.url).path.rstrip("/").endswith("/infill")
        common = {"temperature": 0.0, "stream": False}
        body: dict[str, Any] = (
            {**common, "input_prefix": left, "input_suffix": right, "prompt": "", "n_predict": self.max_tokens}
            if is_infill
            else {**common, "prompt": left, "suffix": right, "max_tokens": self.max_tokens}
        )
        try:
            reply = json.loads(self._post(json.dumps(body).encode()))
            text = reply["content"] if is_infill else reply["choices"][0]["text"]
            if isinstance(text, str):
                return text
            self.failures["a reply without text"] += 1
        except urllib.error.HTTPError as error:
            self.failures[f"HTTP status {error.code}"] += 1
        except TimeoutError:
            self.failures[f"no reply in {self.timeout:.0f} s"] += 1
        except OSError as error:
            timed_out = isinstance(getattr(error, "reason", None), TimeoutError)
            self.failures[f"no reply in {self.timeout:.0f} s" if timed_out else "no connection"] += 1
        except (ValueError, KeyError, IndexError, TypeError):
            self.failures["a reply that is not its format"] += 1
        return ""

    def _post(self, body: bytes) -> bytes:
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        # Local engines are not behind a proxy, and code is not sent through one.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=self.timeout) as reply:
            data: bytes = reply.read(_LARGEST_REPLY)
        return data
