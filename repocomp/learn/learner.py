"""Learning in one repository: replay for a while, fit a challenger, adopt it if the gate allows, and say why."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from repocomp.errors import FeedbackError, PackError
from repocomp.feedback.export import moment
from repocomp.feedback.ledger import repository_path
from repocomp.learn import versions
from repocomp.learn.challenge import Proposal, choices, is_asked, propose, thresholds_of
from repocomp.learn.confidence import recalibrate
from repocomp.learn.replay import Replay, Replayer, replay, replayer, state_of, usual_shares
from repocomp.learn.rewards import Event, events
from repocomp.learn.table import COST, Table, table_of
from repocomp.learn.trial import World, world_of
from repocomp.model.library import load_pack
from repocomp.model.pack import Pack
from repocomp.policy.learned import load_learned
from repocomp.policy.recalibration import Recalibration, write_recalibration
from repocomp.policy.select import Parameters, traits, vector
from repocomp.policy.selector import actions_of
from repocomp.progress import OnProgress
from repocomp.stats.off_policy import Evaluation, Log, evaluate
from repocomp.stats.ridge import moments
from repocomp.store.connect import Connection
from repocomp.store.feedback.connect import explained, open_feedback
from repocomp.store.feedback.learning import learned_rows, replay_rows
from repocomp.store.memory.credits import erase_memory, open_memory
from repocomp.store.paths import confidence_path, learned_path, memory_path

_FOR_EVER_S = 1e9
_PLACES = ("place", "last_name", "language", "mode")
"""What `show` breaks the choices down by."""


@dataclass(frozen=True, slots=True)
class Learning:
    """How one run went: counts, the proposal, and the number of the version that it made (None: none).

    Of the `events`, completions of which is known what became of them, the user gave a verdict on `verdicts`.
    """

    replays: int
    new_replays: int
    events: int
    proposal: Proposal | None
    version: int | None
    is_frozen: bool = False
    verdicts: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "replays": self.replays,
            "new_replays": self.new_replays,
            "events": self.events,
            "verdicts": self.verdicts,
            "version": self.version,
            "is_frozen": self.is_frozen,
            "gate": None if self.proposal is None else self.proposal.to_json(),
        }


def learn(
    root: Path,
    seconds: float,
    progress: OnProgress,
    *,
    limit: int | None = None,
    pack: str = "default",
    policy: str | None = None,
    workers: Replayer | None = None,
) -> Learning:
    """Replay for so many `seconds`, at most until there are `limit`; then learn. Raises RepocompError.

    A `policy` or the pack itself decides. Where learning is frozen nothing is done. Without `workers` for the packs
    this process replays.
    """
    with _open(root) as (connection, path):
        if versions.is_frozen(connection):
            return Learning(0, 0, 0, None, None, is_frozen=True)
        opened, decides = load_pack(pack), _judge(policy or pack)
        before = len(replay_rows(connection, state_of(opened, decides)))
        with ExitStack() as stack:
            replaying = workers or stack.enter_context(replayer(pack, policy))
            memory = stack.enter_context(closing(open_memory(_memory_path(root))))
            replays = replay(root, opened, decides, replaying, connection, memory, seconds, progress, limit)
        heard = events(connection)
        own = usable(versions.in_use(connection), opened)
        found = propose(
            table_of(replays, actions_of(opened)),
            heard,
            usual_shares(replays),
            own or shared_with(opened),
            decides.thresholds,
            opened.digest,
            since=versions.replays_behind(connection),
        )
        sure = recalibrate(replays, heard, opened)
        _keep(path, sure.found)
        found = replace(found, verdicts={**found.verdicts, "confidence": sure.verdict})
        report = {"replays": len(replays), "events": len(heard), **found.to_json()}
        versions.note_attempt(connection, report)
        number = None
        if found.parameters is not None:
            number = versions.promote(connection, path, found.parameters, report)
        elif found.is_withdrawn and own is not None:
            versions.withdraw(connection, path, report)
        told = sum(event.is_told for event in heard)
        return Learning(len(replays), len(replays) - before, len(heard), found, number, verdicts=told)


def measured(root: Path, limit: int, progress: OnProgress, pack: str = "default") -> World:
    """The first `limit` replays of the work tree at `root`, those that are missing measured now, for a simulation."""
    with _open(root) as (connection, _):
        opened = load_pack(pack)
        with replayer(pack) as workers, closing(open_memory(_memory_path(root))) as memory:
            replays = replay(root, opened, opened, workers, connection, memory, _FOR_EVER_S, progress, limit)
        return world_of(root.name, replays[:limit], opened.thresholds, actions_of(opened))


def roll_back(root: Path) -> int | None:
    """Take the version before the one in use; returns its number, None for the shipped behaviour."""
    with _open(root) as (connection, path):
        return versions.roll_back(connection, path)


def reset(root: Path) -> None:
    """Take the shipped behaviour into use, and forget what chunks were worth."""
    with _open(root) as (connection, path):
        versions.reset(connection, path)
        _keep(path, None)
        erase_memory(_memory_path(root))


def freeze(root: Path, is_on: bool) -> None:
    """Stop learning and exploring here, or go on."""
    with _open(root) as (connection, path):
        versions.freeze(connection, path, is_on)


def show(root: Path, pack: str = "default", policy: str | None = None) -> dict[str, Any]:
    """What was learned: versions, counts, the gate's last word, what is chosen where, off-policy estimates."""
    with _open(root) as (connection, _):
        opened = load_pack(pack)
        decides = _judge(policy or pack)
        replays = [Replay.from_row(row) for row in replay_rows(connection, state_of(opened, decides))]
        heard = events(connection)
        own = usable(versions.in_use(connection), opened)
        parameters = own or shared_with(opened)
        table = table_of(replays, actions_of(opened), parameters.columns if parameters else None)
        return {
            "version": own.number if own else None,
            "is_frozen": versions.is_frozen(connection),
            "versions": [
                {"number": row.number, "at": moment(row.at_ms), "reason": row.reason, **_basis(row.report)}
                for row in learned_rows(connection)
            ],
            "replays": len(replays),
            "events": len(heard),
            "verdicts": sum(event.is_told for event in heard),
            "cost_nats_per_second": COST,
            "thresholds": thresholds_of(parameters, decides.thresholds),
            "gate": versions.last_attempt(connection),
            "actions": _by_place(table, parameters),
            "worth": _worth(table, parameters, decides),
            "off_policy": off_policy(heard, parameters).to_json(),
        }


def _judge(policy: str) -> Pack:
    """The pack that decides. Raises PackError for one that cannot."""
    pack = load_pack(policy)
    if "policy" not in pack.roles:
        message = f"the pack {policy!r} does not judge whether retrieval helps"
        raise PackError(message, "repocomp learn --policy default")
    return pack


def usable(parameters: Parameters | None, pack: Pack) -> Parameters | None:
    """Parameters that fit this pack and these arms, else None: what requests would do with them."""
    fits = parameters is not None and parameters.pack == pack.digest and parameters.actions == actions_of(pack)
    return parameters if fits else None


def shared_with(pack: Pack) -> Parameters | None:
    """What a team has learned, where the pack brings it: it holds where a repository has learned nothing of its own."""
    return load_learned(pack.learned_path, pack.digest, actions_of(pack)).parameters


def off_policy(heard: Sequence[Event], parameters: Parameters | None) -> Evaluation:
    """What always taking the best action would have earned, from the events that were chosen with known chances.

    The reward model is fitted to the other half of the events each.
    """
    every = parameters.actions if parameters is not None else ()
    numbers = {action.name: at for at, action in enumerate(every)}
    rows = [event for event in heard if event.action in numbers and event.propensities is not None]
    if not rows or parameters is None:
        return Evaluation(0, 0.0, {})
    x = np.array([vector(parameters.columns, traits(event.known)) for event in rows])
    taken = np.array([numbers[str(event.action)] for event in rows])
    reward = np.array([event.reward for event in rows])
    propensity = np.array([(event.propensities or {})[str(event.action)] for event in rows])
    model = np.zeros((len(rows), len(every)))
    half = np.arange(len(rows)) % 2 == 0
    for fitted in (half, ~half):
        base = moments(x[fitted], reward[fitted, None]).solve().weights[0]
        for at in range(len(every)):
            own = fitted & (taken == at)
            beyond = moments(x[own], (reward[own] - x[own] @ base)[:, None]).solve().weights[0]
            model[~fitted, at] = x[~fitted] @ (base + beyond)
    target = np.zeros_like(model)
    target[np.arange(len(rows)), [parameters.best(place) for place in x]] = 1.0
    return evaluate(Log(taken, propensity, reward, model), target)


@contextmanager
def _open(root: Path) -> Iterator[tuple[Connection, Path]]:
    """The repository's database, and the file that requests read."""
    path = repository_path(root)
    with closing(open_feedback(path)) as connection, explained(path):
        yield connection, learned_path(path.parent.name)


def _keep(path: Path, found: Recalibration | None) -> None:
    """Put how sure answers are beside what else was learned. Raises FeedbackError."""
    file = confidence_path(path.parent.name)
    try:
        write_recalibration(file, found)
    except OSError as error:
        hint = "check the disk and the folder's permissions"
        raise FeedbackError(f"{file}: {error.strerror or error}", hint) from error


def _memory_path(root: Path) -> Path:
    return memory_path(repository_path(root).parent.name)


def _basis(report: str) -> Mapping[str, Any]:
    content = json.loads(report)
    return {name: content[name] for name in ("replays", "events") if name in content}


def _by_place(table: Table, parameters: Parameters | None) -> list[dict[str, Any]]:
    """How often each action is chosen, overall and by kind of place, over the replays."""
    if parameters is None or not len(table):
        return [{"place": "everywhere", "n": len(table), "chosen": {table.actions[0].name: 1.0}}]
    taken = choices(parameters, table)
    groups = {"everywhere": np.ones(len(table), dtype=np.bool_)}
    for at, name in enumerate(table.columns):
        if name.partition("=")[0] in _PLACES:
            groups[name] = table.x[:, at] > 0
    found = []
    for name, rows in groups.items():
        counts = Counter(table.actions[at].name for at in taken[rows])
        share = {action: round(count / rows.sum(), 4) for action, count in counts.most_common()}
        found.append({"place": name, "n": int(rows.sum()), "chosen": share})
    return found


def _worth(table: Table, parameters: Parameters | None, policy: Pack) -> dict[str, float]:
    """Mean nats per token over no retrieval, net of cost, on the replays that the policy asks retrieval for."""
    asked = is_asked(table, thresholds_of(parameters, policy.thresholds))
    if not asked.any():
        return {}
    reward = table.reward()[asked]
    fixed = {action.name: round(float(reward[:, at].mean()), 4) for at, action in enumerate(table.actions)}
    taken = choices(parameters, table)[asked]
    return {"learned": round(float(reward[np.arange(len(reward)), taken].mean()), 4), **fixed}
