"""How sure answers are in this repository: the shipped confidence, bent by what was kept here, if that predicts better.

Each answer to a replayed hole, and each that a user took or turned down, comes with the confidence that is shipped.
A slope and an offset on its log-odds are fitted to all answers before one, and held against the shipped confidence on
that one by the square of the error (Brier). The gate that actions go through decides: until it is convinced, nothing
changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from repocomp.learn.replay import Replay
from repocomp.learn.rewards import Event
from repocomp.model.confidence import log_odds
from repocomp.model.pack import Pack
from repocomp.policy.recalibration import Recalibration
from repocomp.stats.betting import Verdict, judge
from repocomp.stats.regression import platt

Floats = npt.NDArray[np.float64]

_LEAST = 40
"""Answers before the first prediction."""
_AGAIN = 10
"""Answers after which it is fitted anew."""
_TAKEN = 0.5
"""The reward of feedback from which an answer counts as kept."""


@dataclass(frozen=True, slots=True)
class Recalibrated:
    """`found` is to be used, None: what is shipped; `verdict` is the gate's."""

    found: Recalibration | None
    verdict: Verdict


def recalibrate(replays: Sequence[Replay], events: Sequence[Event], pack: Pack) -> Recalibrated:
    """What replays and feedback say of the confidence that `pack` ships."""
    told = [(one.confidence, one.is_kept) for one in replays if one.confidence is not None]
    if pack.confidence is not None:
        heard = [event for event in events if event.score is not None]
        told += [(pack.confidence.calibrated(event.score or 0.0), event.reward >= _TAKEN) for event in heard]
    odds = np.array([log_odds(confidence) for confidence, _ in told])
    kept = np.array([is_kept for _, is_kept in told], dtype=np.bool_)
    verdict = judge(_gains(odds, kept))
    bent = platt(odds, kept) if verdict.is_above else None
    if bent is None or bent[0] <= 0:
        return Recalibrated(None, verdict)
    return Recalibrated(Recalibration(pack.digest, round(bent[0], 4), round(bent[1], 4), len(told)), verdict)


def _gains(odds: Floats, kept: npt.NDArray[np.bool_]) -> Floats:
    """How much smaller the squared error is, for each answer after the first few, than that of the shipped one."""
    bent: tuple[float, float] | None = None
    gains = []
    for at in range(_LEAST, len(odds)):
        if (at - _LEAST) % _AGAIN == 0:
            bent = platt(odds[:at], kept[:at])
        slope, offset = bent if bent is not None and bent[0] > 0 else (1.0, 0.0)
        shipped, own = _chance(odds[at]), _chance(slope * odds[at] + offset)
        gains.append((shipped - kept[at]) ** 2 - (own - kept[at]) ** 2)
    return np.array(gains)


def _chance(odds: float) -> float:
    return float(1 / (1 + np.exp(-odds)))
