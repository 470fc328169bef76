"""Retrieve or skip: the self-evaluation of Repoformer (arXiv 2403.10059, section 3.2).

At its decision token the model says whether cross-file context would help. SelectiveG follows the more probable of
the two answers; SelectiveT compares the probability with a threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Rule = Literal["greedy", "threshold", "always", "never"]

GREEDY_THRESHOLD = 0.5
"""Between two tokens the argmax is the one above one half."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to retrieve, by which rule, and the probability it was read from (None: not asked)."""

    retrieve: bool
    rule: Rule
    probability: float | None
    threshold: float | None


def decide(rule: Rule, probability: float, threshold: float) -> Decision:
    """Apply `rule`; `threshold` is read by SelectiveT alone."""
    match rule:
        case "greedy":
            return Decision(probability > GREEDY_THRESHOLD, rule, probability, GREEDY_THRESHOLD)
        case "threshold":
            return Decision(probability > threshold, rule, probability, threshold)
        case _:
            return Decision(rule == "always", rule, probability, None)
