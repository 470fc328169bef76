"""Replays as arrays: what was known of each place, and what each action was worth there.

A reward is the gain in nats per token (weighted as in `evaluate.likelihood`, cut to +-`MOST_GAIN`) minus what it cost
to wait. The cost is predicted, not measured anew for each hole: the median time of each arm and of one token of prompt
on this machine, times what the action asks for, so that a busy moment teaches nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from repocomp.learn.replay import Replay
from repocomp.policy.select import Action, traits, vector
from repocomp.retrieve.retrieve import DEFAULT_ARMS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

COST = 0.2
"""Nats per token that a second of waiting costs: 100 ms more must make the truth 2 % likelier by the token."""
MOST_GAIN = 0.5
"""Short answers gain or lose up to ten nats per token; beyond this more of it decides nothing any more. Each gain is
cut, not a difference of two: a rare great loss must not weigh less than many small gains. The less is left, the less a
single place can prove, and the sooner the gate can tell: of 220 replays of pack 0.4 each, those of one tree in three
convinced it with 1, those of two with 0.5."""
_LEAST_ROWS = 5
"""A column that fewer rows have says nothing."""


@dataclass(frozen=True, slots=True)
class Table:
    """`x` [n, columns], `gain` [n, actions] in nats per token, `ms` [n, actions], `probability` [n] of the policy."""

    paths: tuple[str, ...]
    modes: tuple[str, ...]
    columns: tuple[str, ...]
    actions: tuple[Action, ...]
    x: Floats
    gain: Floats
    ms: Floats
    probability: Floats

    def __len__(self) -> int:
        return len(self.paths)

    def reward(self, cost: float = COST) -> Floats:
        """Net worth [n, actions] in nats per token when a second costs `cost`."""
        result: Floats = np.clip(self.gain, -MOST_GAIN, MOST_GAIN) - cost * self.ms / 1000
        return result

    def take(self, rows: Ints) -> Table:
        """Some of the rows, in the order asked."""
        return replace(
            self,
            paths=tuple(self.paths[at] for at in rows),
            modes=tuple(self.modes[at] for at in rows),
            x=self.x[rows],
            gain=self.gain[rows],
            ms=self.ms[rows],
            probability=self.probability[rows],
        )


def table_of(replays: Sequence[Replay], every: Sequence[Action], columns: Sequence[str] | None = None) -> Table:
    """Replays of `every` action, the shipped one first, in their order.

    The columns are those that enough of them have, unless they are given.
    """
    places = [traits(one.known) for one in replays]
    if columns is None:
        counts = Counter(name for place in places for name in place)
        columns = sorted({"bias", *(name for name, count in counts.items() if count >= _LEAST_ROWS)})
    gain = np.array([[one.gain[action.name] for action in every] for one in replays]).reshape(len(replays), len(every))
    return Table(
        paths=tuple(one.path for one in replays),
        modes=tuple(one.mode for one in replays),
        columns=tuple(columns),
        actions=tuple(every),
        x=np.array([vector(columns, place) for place in places]).reshape(len(replays), len(columns)),
        gain=gain,
        ms=_predicted_ms(replays, every),
        probability=np.array([float(one.known["probability"]) for one in replays]),
    )


def _predicted_ms(replays: Sequence[Replay], every: Sequence[Action]) -> Floats:
    if not replays:
        return np.zeros((0, len(every)))
    names = (*DEFAULT_ARMS, "rank", "token")
    usual = {name: float(np.median([one.ms[name] for one in replays])) for name in names}
    tokens = np.array([[one.tokens[action.name] for action in every] for one in replays], dtype=np.float64)
    fixed = []
    for action in every:
        arms = DEFAULT_ARMS if action.arms is None else action.arms
        # Ranking takes time by what is drawn.
        share = action.draws * len(arms) / (every[0].draws * len(DEFAULT_ARMS))
        fixed.append(sum(usual[arm] for arm in arms) + usual["rank"] * share)
    result: Floats = np.array(fixed) + usual["token"] * tokens
    return result
