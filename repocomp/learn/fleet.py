"""What many repositories teach together, as one pack that each member of a team can add.

Every repository is replayed by itself, and its replays stay with it. They are then put together, one of each in turn,
and a challenger is held against what is shipped on each repository after having been fitted to the others alone: what
passes the gate is expected to help in a repository that nobody has replayed. The artefact is the pack that replayed,
with weights, chances and counts beside it. Nothing in it is text, a path or a name; what only one repository has to say
is left out, and what verdicts of users taught is not asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from repocomp.errors import FeedbackError, PackError
from repocomp.executor.executor import Executor
from repocomp.feedback.ledger import repository_path
from repocomp.learn.challenge import Proposal, propose
from repocomp.learn.confidence import Recalibrated, recalibrate
from repocomp.learn.replay import Replay, Replayer, replay, replayer, usual_shares
from repocomp.learn.table import table_of
from repocomp.model.confidence import CONFIDENCE, Confidence
from repocomp.model.library import load_pack, new_folder, seal
from repocomp.model.pack import LEARNED, Pack
from repocomp.model.pairing import PAIRING
from repocomp.policy.learned import write_learned
from repocomp.policy.select import traits
from repocomp.policy.selector import actions_of
from repocomp.progress import OnProgress
from repocomp.store.feedback.connect import explained, open_feedback
from repocomp.store.memory.credits import open_memory
from repocomp.store.paths import memory_path

_NAMES = "repositories"
"""What `fitted` calls the repositories that something was fitted on."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """How it went: the artefact lies in the folder `out` where anything was proven (`is_written`)."""

    out: Path
    repositories: int
    replays: int
    proposal: Proposal
    recalibrated: Recalibrated

    @property
    def is_written(self) -> bool:
        """Whether there is something to share."""
        return self.proposal.parameters is not None or self.recalibrated.found is not None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        verdicts = {"replays": self.proposal.verdicts["replays"], "confidence": self.recalibrated.verdict}
        return {
            "pack": str(self.out) if self.is_written else None,
            "repositories": self.repositories,
            "replays": self.replays,
            "verdicts": {name: verdict.to_json() for name, verdict in verdicts.items()},
        }


def fleet(
    roots: Sequence[Path],
    out: Path,
    bar: Callable[[], AbstractContextManager[OnProgress]],
    *,
    limit: int,
    pack: str = "default",
    executor: Executor | None = None,
) -> Fleet:
    """Replay up to `limit` lines of each indexed repository, and write the pack `out` of what all of them teach.

    `bar` shows the progress of one repository. What was replayed before is not replayed again. Raises RepocompError.
    """
    if out.exists():
        raise PackError(f"{out}: is there already", "name a new folder")
    if len(set(roots)) < 2:
        raise FeedbackError("what one repository teaches is its own", "name two repositories, or: repocomp learn")
    opened = load_pack(pack)
    with replayer(pack, executor=executor) as workers:
        each = [_replays(root, opened, workers, bar, limit) for root in roots]
    pooled = _in_turn(each)
    table = table_of(pooled, actions_of(opened), _columns(each))
    found = propose(table, (), usual_shares(pooled), None, opened.thresholds, opened.digest)
    made = Fleet(out, len(each), len(pooled), found, recalibrate(pooled, (), opened))
    if made.is_written:
        _write(opened, made)
    return made


def _replays(
    root: Path, pack: Pack, workers: Replayer, bar: Callable[[], AbstractContextManager[OnProgress]], limit: int
) -> list[Replay]:
    path = repository_path(root)
    with (
        closing(open_feedback(path)) as connection,
        explained(path),
        closing(open_memory(memory_path(path.parent.name))) as memory,
        bar() as show,
    ):
        return replay(root, pack, pack, workers, connection, memory, float("inf"), show, limit)[:limit]


def _in_turn(each: Sequence[Sequence[Replay]]) -> list[Replay]:
    """One replay of each repository after the other. Repositories are to learning what files are in one of them."""
    told = ([replace(one, path=str(number)) for one in replays] for number, replays in enumerate(each))
    return [one for one in chain.from_iterable(zip_longest(*told)) if one is not None]


def _columns(each: Sequence[Sequence[Replay]]) -> list[str]:
    """What is known of places in at least two repositories."""
    counts = Counter(chain.from_iterable({name for one in replays for name in traits(one.known)} for replays in each))
    return sorted({"bias", *(name for name, count in counts.items() if count > 1)})


def _write(pack: Pack, made: Fleet) -> None:
    """The files of `pack` with what was learned, complete or not at all. Raises PackError."""
    try:
        with new_folder(made.out) as folder:
            for name in pack.digests:
                (folder / name).write_bytes((pack.folder / name).read_bytes())
            parameters = made.proposal.parameters
            (folder / LEARNED).unlink(missing_ok=True)
            if parameters is not None:
                # Nobody explores for the team: the same request gets the same answer.
                write_learned(folder / LEARNED, replace(parameters, is_frozen=True))
            if pack.confidence is not None:
                (folder / CONFIDENCE).write_text(_judged(pack.confidence, made).to_json(), encoding="utf-8")
            if pack.pairing is not None:
                pairing = replace(pack.pairing, fitted=_nameless(pack.pairing.fitted))
                (folder / PAIRING).write_text(pairing.to_json(), encoding="utf-8")
            seal(pack, folder)
    except OSError as error:
        raise PackError(f"{made.out}: {error.strerror or error}", "check the disk and its permissions") from error


def _judged(confidence: Confidence, made: Fleet) -> Confidence:
    bent = made.recalibrated.found
    moved = confidence if bent is None else confidence.recalibrated(bent.slope, bent.offset)
    return replace(moved, fitted={**_nameless(moved.fitted), "fleet": {"replays": made.replays}})


def _nameless(fitted: Mapping[str, Any]) -> dict[str, Any]:
    """What something was fitted on, for people, without the names of repositories."""
    return {name: value for name, value in fitted.items() if name != _NAMES}
