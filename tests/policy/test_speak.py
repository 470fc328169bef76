"""How sure an answer is, by what was fitted to its generator or by what is true of any."""

from __future__ import annotations

from repocomp.model.confidence import Confidence
from repocomp.policy.speak import GENERIC, Sureness

PROBABLE = {"lowest": -0.1, "mean": -0.05, "log_chars": 3.0}
MARGINS = Confidence({"least_margin": 2.0}, -3.0, (-3.0, 3.0), (0.05, 0.95), 0.4)
"""To which what has no margin looks as if it might as well have been something else."""


def sure(fit: Confidence | None, figures: dict[str, float]) -> float:
    found = Sureness.of(fit, figures)
    assert found is not None
    return found.confidence


def test_what_rests_on_margins_does_not_judge_where_none_were_told() -> None:
    generic = GENERIC.of(PROBABLE)
    assert sure(MARGINS, PROBABLE) == sure(None, PROBABLE) == generic > 0.5
    assert sure(MARGINS, {**PROBABLE, "least_margin": 3.0}) == 0.95
    assert sure(MARGINS, {**PROBABLE, "least_margin": 0.0}) == 0.05


def test_what_was_fitted_without_margins_judges_all() -> None:
    fit = Confidence({"mean": 1.0}, 0.0, (-1.0, 0.0), (0.0, 1.0), 0.4)
    assert sure(fit, PROBABLE) == 0.95


def test_of_nothing_nothing_is_known() -> None:
    assert Sureness.of(MARGINS, {}) is None
