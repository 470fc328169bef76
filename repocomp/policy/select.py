"""Which arms are asked and for how many hits each: an action, chosen by what was learned in this repository.

A linear model says what each action brings over the shipped one (nats per token of the true text, cost taken off), and
how sure that is. The action with the best lower bound is taken; with a small probability another one of the safe set
is, those that are estimated to lose next to nothing. The draw follows from the request alone, so the same request on
the same state gets the same answer, and the whole vector of probabilities is logged with it. Where nothing was learned
there is one action, the shipped one, and nothing is drawn.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from repocomp.request import Choice
from repocomp.retrieve.query import Query
from repocomp.retrieve.resolve import bindings
from repocomp.store.index.reader import IndexReader
from repocomp.terms import words

Floats = npt.NDArray[np.float64]
Known = Mapping[str, str | int | float | bool]
"""What is known of a place before retrieval, by name."""

DRAWS = 10
"""Hits asked of each arm, the paper's top ten, where a budget decides how much enters the prompt."""
COPIED_DRAWS = 20
"""Hits asked of each arm where they are only copied from. Nats per token of the truth on 720 holes of 18 validation
repositories, the mixture fitted to each in cross-validation: 1.490 with 10, 1.479 with 15, 1.462 with 20, 1.453 with
30, which are half as much text again."""
EPSILON = 0.02
"""The share of choices that explore."""
CAUTION = 1.0
"""Standard errors taken off an estimate before it may displace the shipped action (pessimism: Jin, Yang, Wang 2021)."""
SAFE_LOSS = 0.005
"""Nats per token that an action of the safe set may be estimated to lose against the one that is taken."""
_SEED_CHARS = 400


@dataclass(frozen=True, slots=True)
class Action:
    """Ask `arms` (None: all that are on) for `draws` hits each.

    Where it `is_ranked` hits are cut into pieces and ordered by what was learned, for a prompt with little room; else
    they stay whole and are fused by rank. Snippets get a share `room` of the prompt's budget for them. The n-gram cache
    reads all hits whatever it is, so without room they can still be copied from, and the model reads no token more.
    """

    name: str
    arms: tuple[str, ...] | None
    draws: int
    is_ranked: bool = True
    room: float = 1.0

    @property
    def is_none(self) -> bool:
        """Whether nothing is asked: retrieval is skipped."""
        return not self.draws

    def budget(self, whole: int) -> int:
        """The tokens of a budget of `whole` that snippets may fill."""
        return int(self.room * whole)


READ = Action("all:10", None, DRAWS)
"""What is done where nothing was learned, the fixed allocation, for a model that reads what is retrieved."""
COPIED = Action("all:20", None, COPIED_DRAWS, is_ranked=False)
"""The same where it is only copied from: a table has room for all of it, and its votes go by fused rank."""
NONE = Action("none", (), 0)


def shipped(*, is_read: bool) -> Action:
    """The fixed allocation, by whether the model reads what is retrieved."""
    return READ if is_read else COPIED


def asked(arms: tuple[str, ...] | None, *, is_read: bool) -> Action:
    """The action that a request names itself."""
    usual = shipped(is_read=is_read)
    return usual if arms is None else Action("asked", arms, usual.draws, is_ranked=False)


def actions(arms: Sequence[str], *, is_read: bool) -> tuple[Action, ...]:
    """What may be chosen among where `arms` are on, the shipped action first.

    Reading can harm a small model where copying does not: with pack 0.3, which read, `copied` gained 0.046 (95 %:
    0.020 .. 0.066), 0.008 (-0.026 .. 0.041) and 0.057 (0.025 .. 0.093) nats per token over the shipped action at every
    place of the validation trees arrow, praw and sanic.
    """
    usual = shipped(is_read=is_read)

    def some(name: str, among: tuple[str, ...] | None, draws: int) -> Action:
        return replace(usual, name=name, arms=among, draws=draws)

    others = [some(f"without {name}", tuple(arm for arm in arms if arm != name), usual.draws) for name in arms]
    few = [
        some("jaccard+bm25:10", ("jaccard", "bm25"), 10),
        some("jaccard+bm25:2", ("jaccard", "bm25"), 2),
        some("structured+usage:5", ("structured", "usage"), 5),
        some("structured:2", ("structured",), 2),
    ]
    known = [action for action in few if set(action.arms or ()) <= set(arms)]
    every = [some(f"all:{draws}", None, draws) for draws in ((5, 2) if is_read else (40, 10, 5, 2))]
    less = [replace(usual, name="half the room", room=0.5), replace(usual, name="copied", room=0.0)]
    return (usual, NONE, *every, *(less if is_read else ()), *others, *known)


@dataclass(frozen=True, slots=True)
class Parameters:
    """What was learned. `weights` [actions, columns] estimate the gain of each action over the first, the shipped one.

    `residual_deviation` [actions] is the standard deviation of the residuals, `inverse` [columns, columns] the inverse
    of the design's second moments: an estimate at x has the standard error residual_deviation * sqrt(x inverse x).
    `thresholds` replace the pack's by mode. `number` names the version; a `is_frozen` one does not explore. Replays may
    urge an action where it `is_replayed`, and feedback where it `is_credited`.
    """

    number: int
    pack: str
    columns: tuple[str, ...]
    actions: tuple[Action, ...]
    weights: Floats
    residual_deviation: Floats
    inverse: Floats
    thresholds: Mapping[str, float]
    is_frozen: bool = False
    is_replayed: bool = False
    is_credited: bool = False

    def estimate(self, x: Floats) -> tuple[Floats, Floats]:
        """Gains over the shipped action and their standard errors, [actions] each, at the place x [columns]."""
        return self.weights @ x, self.residual_deviation * math.sqrt(max(0.0, float(x @ self.inverse @ x)))

    def best(self, x: Floats, may_skip: bool = True) -> int:
        """The number of the action with the best lower bound."""
        return int(np.argmax(self._low(x, may_skip)[1]))

    def propensities(self, x: Floats, may_skip: bool = True) -> Floats:
        """The probability [actions] with which each is taken at the place x [columns]."""
        gain, low = self._low(x, may_skip)
        taken = int(np.argmax(low))
        safe = (gain >= gain[taken] - SAFE_LOSS) & (low >= low[taken] - 2 * SAFE_LOSS)
        share = np.zeros(len(gain))
        share[taken] = 1.0
        return share if self.is_frozen else (1 - EPSILON) * share + EPSILON * safe / safe.sum()

    def _low(self, x: Floats, may_skip: bool) -> tuple[Floats, Floats]:
        gain, error = self.estimate(x)
        allowed = np.array([may_skip or not action.is_none for action in self.actions])
        gain = np.where(allowed, gain, -np.inf)
        return gain, gain - CAUTION * error


def choose(parameters: Parameters, known: Known, query: Query, *, may_skip: bool) -> tuple[Action, Choice]:
    """Draw an action for a place; `may_skip` says whether retrieving nothing is one of them."""
    share = parameters.propensities(vector(parameters.columns, traits(known)), may_skip)
    seed = _seed(query, parameters.number)
    at = min(int(np.searchsorted(np.cumsum(share), seed / 2**32, side="right")), len(share) - 1)
    while not share[at]:
        at -= 1
    action = parameters.actions[at]
    vector_of = {one.name: round(float(p), 6) for one, p in zip(parameters.actions, share, strict=True)}
    return action, Choice(action.name, vector_of[action.name], seed, parameters.number, vector_of)


def arm_propensities(parameters: Parameters, choice: Choice, arms: Sequence[str]) -> dict[str, float]:
    """The probability with which each of `arms` was asked."""
    total = dict.fromkeys(arms, 0.0)
    for action in parameters.actions:
        for arm in arms if action.arms is None else action.arms:
            if arm in total:
                total[arm] += choice.propensities[action.name]
    return {arm: round(min(1.0, value), 6) for arm, value in total.items()}


def look(reader: IndexReader, query: Query) -> dict[str, str | int]:
    """What the index says of a place: how much it holds, and whether it knows the last name before the cursor."""
    last = next(iter(words(query.last_lines(1))[::-1]), None)
    if last is None:
        name = "none"
    elif any(binding.alias == last for binding in bindings(reader, query)):
        name = "imported"
    else:
        name = "defined" if reader.symbols.definitions([last]) else "unknown"
    return {"last_name": name, "index_contents": reader.contents.count()}


def traits(known: Known) -> dict[str, float]:
    """A place in numbers of about -1 .. 1, by column; what is not known of it is left out."""
    return dict(_traits(known))


def vector(columns: Sequence[str], values: Mapping[str, float]) -> Floats:
    """The values [columns] in order, 0 for what is missing."""
    return np.array([values.get(name, 0.0) for name in columns], dtype=np.float64)


_KINDS = ("place", "last_name", "language", "mode")
_FLAGS = ("is_line_begun", "is_line_continued")
_SIZES = {"left_tokens": 9, "right_tokens": 9, "file_lines": 14, "names_asked": 7, "index_contents": 16}
"""Logarithms to base 2 that count as one."""


def _traits(known: Known) -> Iterator[tuple[str, float]]:
    yield "bias", 1.0
    for name in _KINDS:
        if name in known:
            yield f"{name}={known[name]}", 1.0
    for name in _FLAGS:
        yield name, float(known.get(name, 0.0))
    yield "in_word", float(known.get("character_before") == "word")
    for name, largest in _SIZES.items():
        if name in known:
            yield name, math.log2(1 + max(0.0, float(known[name]))) / largest
    if "probability" in known:
        p = min(1 - 1e-9, max(1e-9, float(known["probability"])))
        yield "probability", 2 * p - 1
        yield "entropy", -(p * math.log2(p) + (1 - p) * math.log2(1 - p))


def _seed(query: Query, number: int) -> int:
    """32 bits of the place, the word that is being typed left out so that typing it on asks no other arms."""
    line = query.prefix[-_SEED_CHARS:].rstrip("_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    text = f"{number}\0{query.path}\0{line}\0{query.suffix[:_SEED_CHARS]}"
    return int.from_bytes(hashlib.blake2b(text.encode(errors="replace"), digest_size=4).digest())


def to_json(parameters: Parameters) -> dict[str, Any]:
    """Plain values, read back by `from_json`."""
    return {
        "number": parameters.number,
        "pack": parameters.pack,
        "columns": list(parameters.columns),
        "actions": [{**asdict(one), "arms": _listed(one.arms)} for one in parameters.actions],
        "weights": parameters.weights.tolist(),
        "residual_deviation": parameters.residual_deviation.tolist(),
        "inverse": parameters.inverse.tolist(),
        "thresholds": dict(parameters.thresholds),
        "is_frozen": parameters.is_frozen,
        "is_replayed": parameters.is_replayed,
        "is_credited": parameters.is_credited,
    }


def _listed(arms: tuple[str, ...] | None) -> list[str] | None:
    return None if arms is None else list(arms)


def from_json(content: Mapping[str, Any]) -> Parameters:
    """Parameters as `to_json` wrote them. Raises ValueError, KeyError or TypeError for anything else."""
    found = Parameters(
        number=int(content["number"]),
        pack=str(content["pack"]),
        columns=tuple(content["columns"]),
        actions=tuple(
            Action(
                str(one["name"]),
                None if one["arms"] is None else tuple(one["arms"]),
                int(one["draws"]),
                bool(one["is_ranked"]),
                float(one["room"]),
            )
            for one in content["actions"]
        ),
        weights=np.array(content["weights"], dtype=np.float64),
        # Versions up to 0.5 wrote `spread`.
        residual_deviation=np.array(content.get("residual_deviation", content.get("spread")), dtype=np.float64),
        inverse=np.array(content["inverse"], dtype=np.float64),
        thresholds={str(mode): float(value) for mode, value in content["thresholds"].items()},
        is_frozen=bool(content["is_frozen"]),
        is_replayed=bool(content["is_replayed"]),
        is_credited=bool(content["is_credited"]),
    )
    rows, columns = len(found.actions), len(found.columns)
    shapes = (found.weights.shape, found.residual_deviation.shape, found.inverse.shape)
    if shapes != ((rows, columns), (rows,), (columns, columns)):
        raise ValueError("the shapes do not fit together")
    if not all(np.isfinite(values).all() for values in (found.weights, found.residual_deviation, found.inverse)):
        raise ValueError("a number is missing")
    if found.weights[:1].any() or found.residual_deviation[:1].any():
        raise ValueError("the first action is not the shipped one")
    return found
