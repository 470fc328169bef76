"""What feedback changes, simulated: users who take answers in one kind of place where one arm filled the prompt.

The places and rewards of replays are those of a real tree; only the users are made up. Their verdicts come at once or
late. Counted is after how many completions the choice there changes, how often it then asks for that arm alone or with
fewer others, and how often the choice changes elsewhere, where nobody cared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from repocomp.learn.challenge import choices, propose
from repocomp.learn.credit import shares_under
from repocomp.learn.rewards import Event
from repocomp.learn.table import Table
from repocomp.policy.select import Parameters
from repocomp.retrieve.retrieve import DEFAULT_ARMS

DELAYS = (0, 100, 300)
"""Completions between an answer and the feedback on it."""
_STEP = 200
_MOST = 1_400
_ELSEWHERE = 0.4
_LEAST, _SLOPE = 0.1, 0.8
"""What is taken where nobody cares; and in the place: without the arm, and with nothing but the arm beyond that."""
_CONCENTRATION = 2.0
"""How prompts differ: one or two arms fill most of each."""


@dataclass(frozen=True, slots=True)
class Change:
    """After `completions` of users who favour `arm` at `place` (None: the choice never changed).

    `share_before` and `share_after` are the arm's mean share in the prompts asked for there; `elsewhere` the share of
    the choices in other places that changed.
    """

    place: str
    arm: str
    delay: int
    completions: int | None
    share_before: float
    share_after: float
    elsewhere: float


def favour(
    table: Table,
    usual: Mapping[str, float],
    thresholds: Mapping[str, float],
    place: str,
    arm: str,
    *,
    delay: int = 0,
    seed: int = 0,
) -> Change:
    """Let users favour `arm` at `place` (a column of the table) until the choice there changes."""
    at_place = table.x[:, table.columns.index(place)] > 0
    events = made_up(table, usual, place, arm, _MOST, seed)
    before = choices(None, table)
    for count in range(_STEP, _MOST + 1, _STEP):
        heard = events[: max(0, count - delay)]
        made = propose(table, heard, usual, None, thresholds, "").parameters
        taken = choices(made, table)
        if made is not None and (taken != before)[at_place].any():
            return Change(
                place,
                arm,
                delay,
                count,
                _share(None, table, usual, arm, at_place),
                _share(made, table, usual, arm, at_place),
                round(float((taken != before)[~at_place].mean()), 4),
            )
    share = _share(None, table, usual, arm, at_place)
    return Change(place, arm, delay, None, share, share, 0.0)


def made_up(
    table: Table, usual: Mapping[str, float], place: str, arm: str | None, count: int, seed: int
) -> list[Event]:
    """Completions at places of the table, prompts filled by chance; without an `arm` nobody cares anywhere."""
    rng = np.random.default_rng(seed)
    column = table.columns.index(place)
    base = np.array([usual.get(name, 0.0) for name in DEFAULT_ARMS]) + 0.02
    events = []
    for number in range(count):
        x = table.x[int(rng.integers(len(table)))]
        shares = dict(zip(DEFAULT_ARMS, rng.dirichlet(_CONCENTRATION * base).tolist(), strict=True))
        chance = _ELSEWHERE if arm is None or not x[column] else _LEAST + _SLOPE * shares[arm]
        known = _known(table.columns, x)
        events.append(Event(f"c_{number}", known, shares, float(rng.random() < chance), None, None))
    return events


def _known(columns: Sequence[str], x: npt.NDArray[np.float64]) -> dict[str, str | int | float | bool]:
    """What of a place its kinds say: enough for the columns that name one."""
    kinds = (name.partition("=") for name, value in zip(columns, x, strict=True) if "=" in name and value)
    return {kind: value for kind, _, value in kinds}


def _share(
    parameters: Parameters | None,
    table: Table,
    usual: Mapping[str, float],
    arm: str,
    rows: npt.NDArray[np.bool_],
) -> float:
    """The mean share of an arm in the prompts that are asked for in some rows."""
    base = np.array([usual.get(name, 0.0) for name in DEFAULT_ARMS])
    shares = np.array([shares_under(action, base)[DEFAULT_ARMS.index(arm)] for action in table.actions])
    return round(float(shares[choices(parameters, table)][rows].mean()), 4)
