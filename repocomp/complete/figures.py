"""What speaks for an answer, in numbers: what its confidence is computed from. None of them is source text."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from repocomp.complete.cursor_kind import CursorKind
from repocomp.complete.place import Place
from repocomp.generate.generator import Generated, TokenEvidence
from repocomp.languages.table import keywords
from repocomp.request import Filter

Figures = Mapping[str, float]

_NAME = re.compile(r"[^\W\d]\w*")
_MOST_NAMES = 24
_SURE = math.log(0.5)
_LONG_COPY = 2
"""A single repeated token says little: it is the length of a copy that counts."""
_FAMILIES = {
    "python": "python",
    "ruby": "script",
    "bash": "script",
    "lua": "script",
    "elixir": "script",
    "text": "prose",
    "toml": "prose",
    "yaml": "prose",
}
"""Families of languages; those of the C kind by default."""


def figures_of(
    generated: Generated,
    text: str,
    filters: Sequence[Filter],
    place: Place,
    kind: CursorKind,
    sources: Sequence[str],
) -> dict[str, float]:
    """Figures of an answer, finished as `text` by `filters`, at a place; `sources` were retrieved for it.

    Without log-probabilities of its tokens there are none.
    """
    if not generated.token_logprobs:
        return {}
    kept = _kept_tokens(generated, text)
    logprobs = generated.token_logprobs[:kept]
    return {
        **_likelihood(logprobs),
        **_evidence(generated.evidence[:kept]),
        **_form(text, filters, place, generated),
        **_names(text, place, sources),
        f"kind={kind}": 1.0,
        f"family={_FAMILIES.get(place.query.language, 'braces')}": 1.0,
    }


def _kept_tokens(generated: Generated, text: str) -> int:
    """How many tokens spell what was kept of an answer, and the one behind them, which says that it ends there."""
    size = len(text.encode())
    ends = [evidence.end_bytes for evidence in generated.evidence]
    inside = sum(end < size for end in ends)
    return min(len(ends), inside + 2) if ends else len(generated.token_logprobs or ())


def _likelihood(logprobs: Sequence[float]) -> dict[str, float]:
    lowest = sorted(logprobs)
    return {
        "lowest": max(-8.0, lowest[0]),
        "second_lowest": max(-8.0, lowest[1]) if len(lowest) > 1 else 0.0,
        "mean": max(-4.0, sum(logprobs) / len(logprobs)),
        "first": max(-8.0, logprobs[0]),
        "sum": max(-30.0, sum(logprobs)),
        "unsure_tokens": sum(value < _SURE for value in logprobs) / len(logprobs),
        "log_tokens": math.log(len(logprobs)),
    }


def _evidence(evidence: Sequence[TokenEvidence]) -> dict[str, float]:
    if not evidence:
        return {}
    count = len(evidence)
    alone = [max(-8.0, one.alone) for one in evidence]
    return {
        "least_margin": min(min(5.0, one.margin) for one in evidence),
        "first_margin": min(5.0, evidence[0].margin),
        "alone_mean": sum(alone) / count,
        "alone_lowest": min(alone),
        "copied_share": sum(one.copied >= _LONG_COPY for one in evidence) / count,
        "copied_length": sum(one.copied for one in evidence) / count / 8,
        "first_copied": min(8, evidence[0].copied) / 8,
        "agreed_share": sum(one.copied >= _LONG_COPY and one.alone > _SURE for one in evidence) / count,
    }


def _form(text: str, filters: Sequence[Filter], place: Place, generated: Generated) -> dict[str, float]:
    after = place.window.right.partition("\n")[0]
    rules = {item.rule for item in filters}
    return {
        "log_chars": math.log1p(len(text)),
        # A statement's last brackets say nothing of how far it goes.
        "lines": min(8, (text if place.mode == "block" else text.rstrip(")]} \n")).count("\n")),
        "is_block": float(place.mode == "block"),
        "is_inside_a_line": float(bool(after.strip())),
        "healed_chars": min(12, len(place.window.open_end)) / 12,
        "is_without_words": float(_NAME.search(text) is None),
        "is_mended": float(bool(rules & {"syntax", "bracket", "suffix-overlap", "call"})),
        "is_repetition": float(bool(rules & {"repetition", "neighbour", "prefix"})),
        f"stop={generated.stop_reason}": 1.0,
    }


def _names(text: str, place: Place, sources: Sequence[str]) -> dict[str, float]:
    """How many names an answer says, and which share of them the file or what was retrieved says too."""
    reserved = keywords(place.query.language)
    names = [name for name in dict.fromkeys(_NAME.findall(text)) if name not in reserved][:_MOST_NAMES]
    if not names:
        return {}
    near, far = (place.window.left, place.window.right), ("\n".join((place.query.above, place.query.below)), *sources)
    in_sight = sum(any(_says(part, name) for part in near) for name in names)
    known = sum(any(_says(part, name) for part in (*near, *far)) for name in names)
    return {
        "log_names": math.log1p(len(names)),
        "names_in_sight": in_sight / len(names),
        "names_known": known / len(names),
        "strangers": float(min(4, len(names) - known)),
    }


def _says(text: str, name: str) -> bool:
    """Whether a name stands in `text` as a word of its own."""
    at = text.find(name)
    while at >= 0:
        end = at + len(name)
        if not (_is_word(text[at - 1 : at]) or _is_word(text[end : end + 1])):
            return True
        at = text.find(name, at + 1)
    return False


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"
