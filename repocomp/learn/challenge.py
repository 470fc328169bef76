"""A challenger to what is in use, fitted to replays and feedback, and the evidence for and against it.

Evidence comes from replays that the challenger had not seen: for each one, in order, the model is fitted to those
before it in other files, chooses, and is paired with what is in use. That one has seen some of them, which can only
hold a challenger back.

A challenger asks at every place: skipping is one of its actions, so the policy's threshold has nothing left to say. A
threshold for each mode, learned beside the choice, needs several times as many replays: with 175 .. 225 of them on the
validation trees arrow, praw and sanic it won 0.016, -0.001 and 0.039 nats per token, without thresholds 0.038, 0.066
and 0.064 (held against what is shipped, before the gate).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from repocomp.learn.credit import Evidence, credit, predicted
from repocomp.learn.rewards import Event
from repocomp.learn.table import COST, Table
from repocomp.policy.select import CAUTION, SAFE_LOSS, Parameters
from repocomp.stats.betting import Verdict, judge
from repocomp.stats.ridge import RIDGE, Fit, Moments, moments

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

_LEAST = 30
"""Replays before the first choice."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """`parameters` to take into use, None to stay, or to go back to what is shipped when `is_withdrawn`.

    `verdicts` are by question.
    """

    parameters: Parameters | None
    verdicts: Mapping[str, Verdict]
    is_withdrawn: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        verdicts = {name: verdict.to_json() for name, verdict in self.verdicts.items()}
        is_promoted = self.parameters is not None
        return {"is_promoted": is_promoted, "is_withdrawn": self.is_withdrawn, "verdicts": verdicts}


def propose(
    table: Table,
    events: Sequence[Event],
    usual: Mapping[str, float],
    champion: Parameters | None,
    shipped: Mapping[str, float],
    pack: str,
    *,
    since: int = 0,
    cost: float = COST,
    is_gated: bool = True,
) -> Proposal:
    """Fit, hold against the `champion` (None: what is shipped), and keep of it what the gate lets through.

    A champion that loses against the `shipped` thresholds and arms on the replays after the first `since`, which it
    had not seen, is withdrawn. `usual` are the mean shares of the arms in a shipped prompt. Without the gate
    everything is let through, to see what it holds back.
    """
    if champion is not None and not champion.is_credited:
        reward = table.reward(cost)
        lost = judge((earned(None, table, reward, shipped) - earned(champion, table, reward, shipped))[since:])
        if lost.is_above:
            fresh = _challenge(table, events, usual, None, shipped, pack, cost, is_gated)
            verdicts = {**fresh.verdicts, "withdrawal": lost}
            return Proposal(fresh.parameters, verdicts, is_withdrawn=fresh.parameters is None)
    return _challenge(table, events, usual, champion, shipped, pack, cost, is_gated)


def _challenge(
    table: Table,
    events: Sequence[Event],
    usual: Mapping[str, float],
    champion: Parameters | None,
    shipped: Mapping[str, float],
    pack: str,
    cost: float,
    is_gated: bool,
) -> Proposal:
    def passes(verdict: Verdict) -> bool:
        return verdict.is_above or not is_gated

    reward = table.reward(cost)
    # What feedback alone has put there is not held against replays, and nothing is won by beating it.
    rival = champion if champion is not None and champion.is_replayed else None
    taken = reward[np.arange(len(table)), sequential_choices(table, reward)]
    by_replays = judge((taken - earned(rival, table, reward, shipped))[_LEAST:])
    evidence = Evidence.of(events, table.columns)
    by_feedback = judge(predicted(evidence, usual))
    verdicts = {"replays": by_replays, "feedback": by_feedback}

    is_urged = passes(by_replays) and not (rival is not None and rival.is_credited)
    is_replayed = is_urged or rival is not None
    is_credited = len(evidence) > 0 and passes(by_feedback)
    if not len(table) or not (is_urged or is_credited or (champion is not None and champion.is_credited)):
        return Proposal(None, verdicts)
    if not is_replayed and not is_credited:
        return Proposal(None, verdicts, is_withdrawn=True)
    fit = moments(table.x, reward - reward[:, :1]).solve()
    weights = fit.weights if is_replayed else _held_back(fit, table)
    if is_credited:
        weights = weights + credit(evidence, table.actions, usual, table.columns.index("bias"))
    made = Parameters(
        number=0,
        pack=pack,
        columns=table.columns,
        actions=table.actions,
        weights=np.round(weights, 6),
        residual_deviation=np.round(fit.residual_deviation, 6),
        inverse=np.round(fit.inverse, 9),
        thresholds=dict.fromkeys(shipped, 0.0) if is_urged else (rival.thresholds if rival is not None else {}),
        is_replayed=is_replayed,
        is_credited=is_credited,
    )
    is_same = not is_urged and (choices(made, table) == choices(champion, table)).all()
    return Proposal(None if is_same else made, verdicts)


def earned(parameters: Parameters | None, table: Table, reward: Floats, shipped: Mapping[str, float]) -> Floats:
    """What of `reward` [n, actions] completions get [n]: nothing where the policy skips, else the action's."""
    asked = is_asked(table, thresholds_of(parameters, shipped))
    result: Floats = np.where(asked, reward[np.arange(len(table)), choices(parameters, table)], 0.0)
    return result


def thresholds_of(parameters: Parameters | None, shipped: Mapping[str, float]) -> dict[str, float]:
    """The thresholds in use by mode."""
    return {**shipped, **(parameters.thresholds if parameters is not None else {})}


def is_asked(table: Table, thresholds: Mapping[str, float]) -> npt.NDArray[np.bool_]:
    """Where [n] the policy lets retrieval be asked at all."""
    limits = np.array([thresholds[mode] for mode in table.modes])
    result: npt.NDArray[np.bool_] = table.probability > limits
    return result


def choices(parameters: Parameters | None, table: Table) -> Ints:
    """The action [n] that parameters take at each place, not exploring."""
    if parameters is None:
        return np.zeros(len(table), dtype=np.intp)
    x = np.zeros((len(table), len(parameters.columns)))
    for at, name in enumerate(parameters.columns):
        if name in table.columns:
            x[:, at] = table.x[:, table.columns.index(name)]
    return choose_all(Fit(parameters.weights, parameters.residual_deviation, parameters.inverse), x)


def choose_all(fit: Fit, x: Floats) -> Ints:
    """The action with the best lower bound at each of the places x [n, columns]."""
    result: Ints = lower_bounds(fit, x).argmax(axis=1)
    return result


def lower_bounds(fit: Fit, x: Floats) -> Floats:
    """What each action gains over the shipped one at the places x [n, columns], less its error: [n, actions]."""
    error = np.sqrt(np.maximum(0.0, np.einsum("nc,cd,nd->n", x, fit.inverse, x)))
    result: Floats = x @ fit.weights.T - CAUTION * error[:, None] * fit.residual_deviation
    return result


def sequential_choices(table: Table, reward: Floats, ridge: float = RIDGE) -> Ints:
    """What a model fitted to the replays before each one, in other files, takes there [n]."""
    gains = reward - reward[:, :1]
    columns, targets = table.x.shape[1], gains.shape[1]
    everything = Moments(columns, targets)
    by_file: dict[str, Moments] = {}
    taken = np.zeros(len(table), dtype=np.intp)
    for at, path in enumerate(table.paths):
        own = by_file.setdefault(path, Moments(columns, targets))
        if everything.n - own.n >= _LEAST:
            taken[at] = choose_all(everything.without(own).solve(ridge), table.x[at : at + 1])[0]
        everything.add(table.x[at], gains[at])
        own.add(table.x[at], gains[at])
    return taken


def _held_back(fit: Fit, table: Table) -> Floats:
    """Weights by which replays may object to an action but not urge it: none is ahead where anything was replayed."""
    ahead = np.maximum(0.0, lower_bounds(fit, table.x).max(axis=0))
    weights = fit.weights.copy()
    weights[1:, table.columns.index("bias")] -= ahead[1:] + SAFE_LOSS
    return weights
