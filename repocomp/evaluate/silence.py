"""What silence is worth: how many of the answers that are shown are wrong, against how many places get one.

An answer is *kept* where a person would keep it: it says what stood there, or its first word is right and at least half
of it is (edit similarity to as many lines of the truth as it has). The first word is what the eye judges by; half right
is mended faster than typed. It is *wrong* where less than three tenths of it stand in the truth.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from repocomp.evaluate.metrics import edit_similarity, exact_match
from repocomp.stats.classification import expected_calibration_error, roc_auc

WRONG = 0.3
"""Edit similarity below which an answer is wrong."""
_KEPT = 0.5
_LEVELS = 21
_WORD = re.compile(r"\w+|[^\w\s]")


def is_kept(text: str, truth: str) -> bool:
    """Whether a person would keep `text` where `truth` was meant. What was not said to its end can be right."""
    meant = "\n".join(truth.split("\n")[: text.strip("\n").count("\n") + 1])
    if exact_match(text, meant):
        return bool(text.strip())
    return first_word(text) == first_word(meant) and edit_similarity(text, meant) >= _KEPT


def first_word(text: str) -> str:
    """The first word or sign of a text; nothing where there is none."""
    match = _WORD.search(text)
    return match[0] if match else ""


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer that was held against the truth: edit similarity in 0..1; an empty one is not `answered`."""

    confidence: float | None
    similarity: float
    is_kept: bool
    is_answered: bool


@dataclass(frozen=True, slots=True)
class Level:
    """What is shown with at least the confidence `bound`: its share of all places, and of it the `wrong` and `kept`.

    All in percent, as is the mean edit `similarity` of what is shown.
    """

    bound: float
    coverage: float
    wrong: float
    kept: float
    similarity: float


@dataclass(frozen=True, slots=True)
class Silence:
    """Precision against coverage: `shipped` at the bound in force, `everything` without one, `levels` between.

    `roc_auc` and `calibration_error` are of the confidence that an answer is kept, over what was answered.
    """

    places: int
    shipped: Level
    everything: Level
    levels: tuple[Level, ...]
    roc_auc: float | None
    calibration_error: float

    @classmethod
    def of(cls, judged: Sequence[Judged], least: float) -> Silence | None:
        """Of answers to some places, `least` being the bound in force; None where none of them has a confidence."""
        sure = np.array([np.nan if one.confidence is None else one.confidence for one in judged], np.float64)
        sure[[not one.is_answered for one in judged]] = np.nan
        known = ~np.isnan(sure)
        if not known.any():
            return None
        kept = np.array([one.is_kept for one in judged])
        # The same share more at each level.
        bounds = np.unique(np.quantile(sure[known], np.linspace(0, 1, _LEVELS)))
        return cls(
            places=len(judged),
            shipped=_level(judged, sure, least),
            everything=_level(judged, sure, 0.0),
            levels=tuple(_level(judged, sure, float(bound)) for bound in bounds),
            roc_auc=roc_auc(sure[known], kept[known]),
            calibration_error=round(expected_calibration_error(sure[known], kept[known]), 4),
        )


def _level(judged: Sequence[Judged], sure: np.typing.NDArray[np.float64], bound: float) -> Level:
    shown = [one for one, confidence in zip(judged, sure, strict=True) if confidence >= bound]
    wrong = sum(one.similarity < WRONG for one in shown)
    kept = sum(one.is_kept for one in shown)
    count = max(1, len(shown))
    similarity = sum(one.similarity for one in shown) / count
    shares = (len(shown) / len(judged), wrong / count, kept / count, similarity)
    return Level(round(float(bound), 4), *(round(100 * share, 2) for share in shares))
