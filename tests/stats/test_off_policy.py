"""Off-policy estimates against the truth of a simulated bandit, and no verdict on too little."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from repocomp.stats.off_policy import LEAST_ESS, Log, effective_size, evaluate

Floats = npt.NDArray[np.float64]
ACTIONS = 5
ESTIMATORS = {"IPS", "SNIPS", "DM", "DR", "SWITCH-DR", "DRos"}


def world(seed: int, n: int = 4000, model_error: float = 0.0) -> tuple[Log, Floats, float]:
    """A log, the policy that always takes the best action, and what that would truly earn."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    means = 0.5 + 0.1 * x @ np.random.default_rng(9).normal(size=(3, ACTIONS))
    logged = np.exp(2 * means[:, ::-1])
    logged /= logged.sum(axis=1, keepdims=True)
    taken = (rng.random(n)[:, None] > logged.cumsum(axis=1)).sum(axis=1).clip(0, ACTIONS - 1)
    rows = np.arange(n)
    reward = means[rows, taken] + rng.normal(0, 0.2, n)
    target = np.eye(ACTIONS)[means.argmax(axis=1)]
    model = means + model_error
    return Log(taken, logged[rows, taken], reward, model), target, float((target * means).sum(axis=1).mean())


@pytest.mark.parametrize("seed", range(3))
def test_estimates_come_near_the_truth(seed: int) -> None:
    log, target, truth = world(seed)
    found = evaluate(log, target)
    assert set(found.estimates) == ESTIMATORS
    for name, estimate in found.estimates.items():
        assert estimate.value == pytest.approx(truth, abs=max(4 * estimate.error, 0.01)), name
    assert found.is_enough


def test_a_wrong_model_misleads_the_direct_method_and_not_the_doubly_robust() -> None:
    log, target, truth = world(0, model_error=0.3)
    estimates = evaluate(log, target).estimates
    assert abs(estimates["DM"].value - truth) > 0.25
    assert abs(estimates["DR"].value - truth) < 0.05
    assert estimates["DR"].error < estimates["IPS"].error


def test_few_or_one_sided_draws_give_no_verdict() -> None:
    log, target, _ = world(0, n=150)
    assert not evaluate(log, target).is_enough
    nothing = Log(np.zeros(0, dtype=np.intp), np.zeros(0), np.zeros(0), np.zeros((0, 2)))
    assert evaluate(nothing, np.zeros((0, 2))).ess == 0
    heavy = np.concatenate([np.full(1000, 0.001), [500.0]])
    assert effective_size(heavy) < 2 < LEAST_ESS
    assert effective_size(np.ones(300)) == 300
