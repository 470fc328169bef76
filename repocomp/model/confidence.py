"""How sure an answer is, from what is known of it: a logistic model and a calibration, as data beside a pack.

A handful of named numbers is weighed and summed; an isotonic calibration makes of the sum the share of such answers
that a person would keep. Both were fitted on repositories that the pack has not seen (`repocomp train confidence`).
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from repocomp.errors import PackError

CONFIDENCE = "confidence.json"
"""The file of a pack that holds it."""
FORMAT = 1
_MOST_LOG_ODDS = 7.0


@dataclass(frozen=True, slots=True)
class Confidence:
    """`weights` by the name of a figure, and `offset`; figures that an answer lacks count 0.

    `scores` (rising) and `chances` are corners of the calibration, which is straight between them. `threshold` is the
    confidence below which an answer is not worth showing unasked. `fitted` says on what, for people.
    """

    weights: Mapping[str, float]
    offset: float
    scores: tuple[float, ...]
    chances: tuple[float, ...]
    threshold: float
    fitted: Mapping[str, Any] = field(default_factory=dict)

    def score(self, figures: Mapping[str, float]) -> float:
        """The weighed sum, in nats of log-odds before calibration."""
        return self.offset + sum(weight * figures.get(name, 0.0) for name, weight in self.weights.items())

    def of(self, figures: Mapping[str, float]) -> float:
        """The chance (0..1) that a person keeps an answer with these `figures`."""
        return self.calibrated(self.score(figures))

    def calibrated(self, score: float) -> float:
        """The chance at a score; beyond the corners that of the last one."""
        at = bisect_right(self.scores, score)
        if at == 0 or at == len(self.scores):
            return self.chances[max(0, at - 1)]
        low, high = self.scores[at - 1], self.scores[at]
        return self.chances[at - 1] + (self.chances[at] - self.chances[at - 1]) * (score - low) / (high - low)

    def recalibrated(self, slope: float, offset: float) -> Confidence:
        """The same with each chance moved in log-odds, by a slope above 0 and an offset in nats."""
        moved = (1 / (1 + math.exp(-slope * log_odds(chance) - offset)) for chance in self.chances)
        return replace(self, chances=tuple(moved))

    def to_json(self) -> str:
        """As the file of a pack."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Confidence:
        """As `to_json` wrote it. Raises PackError."""
        try:
            content = json.loads(text)
            if content.pop("format") != FORMAT:
                raise ValueError("it is of another format")
            return cls.of_values(content)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PackError(f"{CONFIDENCE}: {error}", "repocomp train confidence PACK LABELS TREE...") from error

    @classmethod
    def of_values(cls, content: Mapping[str, Any]) -> Confidence:
        """Of the values of its fields. Raises ValueError, KeyError, TypeError or AttributeError where they fit none."""
        found = cls(
            {str(name): float(weight) for name, weight in content["weights"].items()},
            float(content["offset"]),
            tuple(map(float, content["scores"])),
            tuple(map(float, content["chances"])),
            float(content["threshold"]),
            dict(content["fitted"]),
        )
        found.check()
        return found

    def check(self) -> None:
        """Raise ValueError where it cannot be applied."""
        numbers = (*self.weights.values(), self.offset, *self.scores, *self.chances, self.threshold)
        if not all(map(math.isfinite, numbers)):
            raise ValueError("a number is missing")
        if not self.scores or len(self.scores) != len(self.chances) or list(self.scores) != sorted(set(self.scores)):
            raise ValueError("the calibration does not rise")
        if not all(0 <= chance <= 1 for chance in (*self.chances, self.threshold)):
            raise ValueError("a chance is outside of 0 .. 1")


def log_odds(chance: float) -> float:
    """In nats, no further than those of one in a thousand."""
    if not 0 < chance < 1:
        return math.copysign(_MOST_LOG_ODDS, chance - 0.5)
    return min(_MOST_LOG_ODDS, max(-_MOST_LOG_ODDS, math.log(chance / (1 - chance))))
