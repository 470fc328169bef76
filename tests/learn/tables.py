"""Replays that never were: rewards by rule and noise, so that what should be learned is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from repocomp.learn.table import Table
from repocomp.policy.select import actions
from repocomp.retrieve.retrieve import DEFAULT_ARMS

EVERY = actions(DEFAULT_ARMS, is_read=True)
NAMES = [action.name for action in EVERY]
COLUMNS = ("bias", "place=call", "place=import", "probability")
THRESHOLDS = {"line": 0.2, "block": 0.2}
USUAL = dict.fromkeys(DEFAULT_ARMS, 1 / len(DEFAULT_ARMS))


def table(
    n: int, worth: Callable[[str, bool], float], *, seed: int = 0, noise: float = 0.2, probability: float = 0.6
) -> Table:
    """`n` places in twenty files, half of them imports; an action gains `worth(name, is_import)` and noise."""
    rng = np.random.default_rng(seed)
    is_import = rng.random(n) < 0.5
    x = np.column_stack([np.ones(n), ~is_import, is_import, np.full(n, 2 * probability - 1)])
    shared = rng.normal(0, noise, (n, 1))
    gain = np.array([[worth(name, bool(at)) for name in NAMES] for at in is_import]) + shared
    gain += rng.normal(0, noise / 2, gain.shape)
    gain[:, NAMES.index("none")] = 0.0
    return Table(
        paths=tuple(f"f{rng.integers(20)}.py" for _ in range(n)),
        modes=("line",) * n,
        columns=COLUMNS,
        actions=EVERY,
        x=x,
        gain=gain,
        ms=np.zeros(gain.shape),
        probability=np.full(n, probability),
    )
