"""What learning is worth, and what it can cost, simulated on replays: the rewards of every action are known there.

Trees are replayed once with the real generator. Then, for each seed, files are dealt into those that are learned from
and those that are completed in; the second are a stream of completions on which the learned choice, exploring, is held
against the shipped allocation, the best single action and the oracle that knows every reward.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from repocomp.learn.challenge import choices, earned, is_asked, propose, sequential_choices, thresholds_of
from repocomp.learn.feedback_trial import DELAYS, favour
from repocomp.learn.replay import Replay, usual_shares
from repocomp.learn.table import COST, Table, table_of
from repocomp.policy.select import Action, Parameters
from repocomp.stats.betting import judge
from repocomp.stats.off_policy import Log, evaluate
from repocomp.stats.resampling import bootstrap, folds, interval

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

COSTS = (0.0, COST, 1.0, 3.0)
"""Nats per token that a second of waiting costs: nothing, what is shipped, slow and very slow machines."""
ROUNDS = 3_000
_WARM_ROUNDS = 50
_FOLDS = 5
_NULLS = 200
_FAVOURED = ("place=", "last_name=")


@dataclass(frozen=True, slots=True)
class World:
    """One tree's replays, its name, the thresholds of the pack and the usual shares of the arms."""

    name: str
    table: Table
    thresholds: Mapping[str, float]
    usual: Mapping[str, float]

    def learned(self, rows: Ints, cost: float, *, is_gated: bool) -> Parameters | None:
        """What would be in use after the replays in `rows`."""
        table = self.table.take(rows)
        return propose(table, (), self.usual, None, self.thresholds, "", cost=cost, is_gated=is_gated).parameters

    def shipped(self, reward: Floats) -> Floats:
        """What completions get [n] where nothing was learned."""
        return earned(None, self.table, reward, self.thresholds)


@dataclass(frozen=True, slots=True)
class Stream:
    """Mean worth (nats per token, net) on one stream of completions, and the worst dip below the shipped, in percent.

    The dip is the lowest point of the summed difference, as a share of what the shipped allocation earns in all.
    """

    tree: str
    seed: int
    cost: float
    shipped: float
    learned: float
    ungated: float
    best_fixed: float
    oracle: float
    worst_dip: float
    is_promoted: bool


def streams(world: World, seeds: int, cost: float = COST) -> list[Stream]:
    """One stream for each seed."""
    return [_stream(world, seed, cost) for seed in range(seeds)]


def _stream(world: World, seed: int, cost: float) -> Stream:
    rng = np.random.default_rng(seed)
    seen, live = _deal(world.table, rng)
    rows = rng.choice(live, ROUNDS)
    reward = world.table.reward(cost)
    asked = is_asked(world.table, world.thresholds)
    shipped = world.shipped(reward)
    parameters = world.learned(seen, cost, is_gated=True)
    learned = _explored(world, parameters, reward, rows, rng)
    ungated = earned(world.learned(seen, cost, is_gated=False), world.table, reward, world.thresholds)
    fixed = np.where(asked[:, None], reward, 0.0)
    return Stream(
        world.name,
        seed,
        cost,
        round(float(shipped[rows].mean()), 5),
        round(float(learned.mean()), 5),
        round(float(ungated[rows].mean()), 5),
        round(float(fixed[rows].mean(axis=0).max()), 5),
        round(float(reward[rows].max(axis=1).mean()), 5),
        worst_dip(learned, shipped[rows]),
        parameters is not None,
    )


def worst_dip(learned: Floats, shipped: Floats) -> float:
    """The lowest point of the summed difference after the first rounds, in percent of all that is shipped earns."""
    total = np.cumsum(learned - shipped)[_WARM_ROUNDS:]
    return round(100 * float(min(0.0, total.min())) / max(abs(float(shipped.sum())), 1e-9), 3)


def _explored(
    world: World, parameters: Parameters | None, reward: Floats, rows: Ints, rng: np.random.Generator
) -> Floats:
    """What each round gets, the action drawn as requests draw it."""
    if parameters is None:
        return world.shipped(reward)[rows]
    table = world.table
    asked = is_asked(table, thresholds_of(parameters, world.thresholds))
    shares = np.array([parameters.propensities(x) for x in table.x])
    drawn = (rng.random(len(rows))[:, None] > shares[rows].cumsum(axis=1)).sum(axis=1)
    taken = np.minimum(drawn, shares.shape[1] - 1)
    result: Floats = np.where(asked[rows], reward[rows, taken], 0.0)
    return result


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Likelihood gain (nats per token) on files that were not learned from: shipped, learned, and their difference.

    `net` is with the cost taken off; intervals are 95 %, by bootstrap over files. `is_gated` says whether the gate had
    its say; `promoted` in how many of the folds something was taken into use.
    """

    tree: str
    replays: int
    is_gated: bool
    promoted: int
    shipped: float
    learned: float
    interval: tuple[float, float]
    net_shipped: float
    net_learned: float
    net_interval: tuple[float, float]


def held_out(world: World, *, is_gated: bool, cost: float = COST) -> HeldOut:
    """Learn from four fifths of the files, measure on the last fifth, in turn."""
    table, reward = world.table, world.table.reward(cost)
    fold_of = folds(table.paths, _FOLDS)
    gain, net = np.zeros(len(table)), np.zeros(len(table))
    promoted = 0
    for fold in range(_FOLDS):
        parameters = world.learned(np.flatnonzero(fold_of != fold), cost, is_gated=is_gated)
        promoted += parameters is not None
        out = fold_of == fold
        gain[out] = earned(parameters, table, table.gain, world.thresholds)[out]
        net[out] = earned(parameters, table, reward, world.thresholds)[out]
    plain, plain_net = (world.shipped(values) for values in (table.gain, reward))
    return HeldOut(
        world.name,
        len(table),
        is_gated,
        promoted,
        round(float(plain.mean()), 4),
        round(float(gain.mean()), 4),
        _interval(gain - plain, table.paths),
        round(float(plain_net.mean()), 4),
        round(float(net.mean()), 4),
        _interval(net - plain_net, table.paths),
    )


def false_promotions(worlds: Sequence[World], runs: int = _NULLS) -> float:
    """The share of A/A runs in which the gate lets through what is no better: rewards dealt anew among the actions."""
    hits = 0
    for run in range(runs):
        world = worlds[run % len(worlds)]
        rng = np.random.default_rng(run)
        order = rng.permutation(len(world.table))
        reward = rng.permuted(world.table.reward()[order], axis=1)
        table = world.table.take(order)
        taken = sequential_choices(table, reward)
        hits += judge(reward[np.arange(len(table)), taken] - reward[:, 0]).is_above
    return hits / runs


def drift(world: World, seed: int, cost: float = COST) -> dict[str, float]:
    """Half-way what each action but the first is worth is dealt anew: percent won or lost against what is shipped.

    `before` and `after` the change with what was learned before it, `again` with what the next replays make of it.
    """
    rng = np.random.default_rng(seed)
    seen, live = _deal(world.table, rng)
    table = world.table
    order = np.concatenate([[0], 1 + rng.permutation(table.gain.shape[1] - 1)])
    changed = replace(world, table=replace(table, gain=table.gain[:, order], ms=table.ms[:, order]))
    first = world.learned(seen, cost, is_gated=False)
    both = _joined(table.take(seen), changed.table.take(seen))
    then = propose(both, (), world.usual, first, world.thresholds, "", since=len(seen), cost=cost)
    second = None if then.is_withdrawn else then.parameters or first

    def won(where: World, parameters: Parameters | None) -> float:
        reward = where.table.reward(cost)
        got, plain = earned(parameters, where.table, reward, world.thresholds)[live], where.shipped(reward)[live]
        return round(100 * float((got - plain).sum() / max(abs(plain.sum()), 1e-9)), 2)

    return {"before": won(world, first), "after": won(changed, first), "again": won(changed, second)}


def off_policy_errors(world: World, seeds: int, cost: float = COST) -> dict[str, float]:
    """Root mean squared error of each estimate of the learned choice, from a log of one that explores uniformly.

    In percent of the true worth of the learned choice.
    """
    table, reward = world.table, world.table.reward(cost)
    rows, every = np.arange(len(table)), reward.shape[1]
    target = np.zeros(reward.shape)
    target[rows, choices(world.learned(rows, cost, is_gated=False), table)] = 1.0
    truth = float((target * reward).sum(axis=1).mean())
    errors: dict[str, list[float]] = {}
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        drawn = rng.choice(rows, ROUNDS)
        taken = rng.integers(every, size=ROUNDS)
        got = reward[drawn, taken]
        model = np.array([got[taken == at].mean() if (taken == at).any() else 0.0 for at in range(every)])
        log = Log(taken, np.full(ROUNDS, 1 / every), got, np.tile(model, (ROUNDS, 1)))
        for name, estimate in evaluate(log, target[drawn]).estimates.items():
            errors.setdefault(name, []).append(estimate.value - truth)
    return {name: round(100 * float(np.sqrt(np.mean(np.square(e)))) / abs(truth), 2) for name, e in errors.items()}


def world_of(name: str, replays: Sequence[Replay], thresholds: Mapping[str, float], every: Sequence[Action]) -> World:
    """A tree's replays as a world."""
    return World(name, table_of(replays, every), thresholds, usual_shares(replays))


def report(worlds: Sequence[World], seeds: int) -> dict[str, Any]:
    """All of it, as plain values."""
    runs = [stream for world in worlds for cost in COSTS for stream in streams(world, seeds, cost)]
    return {
        "held_out": [asdict(held_out(world, is_gated=gated)) for world in worlds for gated in (True, False)],
        "streams": [asdict(run) for run in runs],
        "worst_dip_percent": min(run.worst_dip for run in runs),
        "false_promotions": false_promotions(worlds),
        "feedback": [change for world in worlds for change in _feedback(world, seeds)],
        "drift": {world.name: [drift(world, seed) for seed in range(seeds)] for world in worlds},
        "off_policy_error_percent": {world.name: off_policy_errors(world, seeds) for world in worlds},
    }


def _feedback(world: World, seeds: int) -> list[dict[str, Any]]:
    """Users who favour the arm that most prompts hold, in a kind of place that is neither rare nor everywhere."""
    shares = {name: float((world.table.x[:, at] > 0).mean()) for at, name in enumerate(world.table.columns)}
    place = min((name for name in shares if name.startswith(_FAVOURED)), key=lambda name: abs(shares[name] - 0.35))
    arm = max(world.usual, key=lambda name: world.usual[name])
    table, usual, thresholds = world.table, world.usual, world.thresholds
    runs = [(0, seed) for seed in range(seeds)] + [(delay, 0) for delay in DELAYS[1:]]
    return [
        {"tree": world.name, "seed": seed}
        | asdict(favour(table, usual, thresholds, place, arm, delay=delay, seed=seed))
        for delay, seed in runs
    ]


def _deal(table: Table, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Rows of half of the files, and the others."""
    files = sorted(set(table.paths))
    own = {files[at] for at in rng.permutation(len(files))[: max(1, len(files) // 2)]}
    is_own = np.array([path in own for path in table.paths])
    return np.flatnonzero(is_own), np.flatnonzero(~is_own)


def _joined(first: Table, second: Table) -> Table:
    return replace(
        first,
        paths=first.paths + second.paths,
        modes=first.modes + second.modes,
        x=np.concatenate([first.x, second.x]),
        gain=np.concatenate([first.gain, second.gain]),
        ms=np.concatenate([first.ms, second.ms]),
        probability=np.concatenate([first.probability, second.probability]),
    )


def _interval(values: Floats, files: Sequence[str]) -> tuple[float, float]:
    low, high = interval(values, bootstrap(files, 0))
    return round(low, 4), round(high, 4)
