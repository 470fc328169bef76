"""What was learned in a repository, applied to one place: which strategies to ask, and from which probability on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from repocomp.model.confidence import Confidence
from repocomp.model.pack import Pack
from repocomp.policy.learned import Learned, load_learned, path_for
from repocomp.policy.recalibration import Recalibration, load_recalibration
from repocomp.policy.select import Action, Known, actions, choose, look
from repocomp.request import Choice
from repocomp.retrieve.query import Query
from repocomp.retrieve.retrieve import DEFAULT_ARMS
from repocomp.store.index.reader import IndexReader
from repocomp.store.paths import confidence_path


@dataclass(frozen=True, slots=True)
class Selector:
    """What was learned in a repository, and the index that it looks at."""

    reader: IndexReader
    learned: Learned
    recalibration: Recalibration | None = None

    @classmethod
    def open(
        cls, root: Path, reader: IndexReader, digest: str, *, is_read: bool, shared: Path | None = None
    ) -> Selector:
        """For the generator `digest`, whose pack may bring what was `shared` by a team, for where nothing was learned.

        Raises nothing: what cannot be used says so in `learned.warning`.
        """
        path, every = path_for(root), actions(DEFAULT_ARMS, is_read=is_read)
        learned = load_learned(path, digest, every)
        if learned == Learned():
            learned = load_learned(shared, digest, every)
        beside = None if path is None else confidence_path(path.parent.name)
        return cls(reader, learned, load_recalibration(beside, digest))

    def choose(self, query: Query, known: Known, *, may_skip: bool) -> tuple[Action, Choice, Known] | None:
        """An action for the place, and all that is known of it; None where nothing was learned."""
        if self.learned.parameters is None:
            return None
        seen = {**known, **look(self.reader, query)}
        return *choose(self.learned.parameters, seen, query, may_skip=may_skip), seen

    def confidence(self, shipped: Confidence | None) -> Confidence | None:
        """How answers are judged here."""
        if shipped is None or self.recalibration is None:
            return shipped
        return shipped.recalibrated(self.recalibration.slope, self.recalibration.offset)

    def threshold(self, mode: str) -> float | None:
        """The retrieval threshold that was learned for a mode."""
        return None if self.learned.parameters is None else self.learned.parameters.thresholds.get(mode)


def actions_of(pack: Pack) -> tuple[Action, ...]:
    """What may be chosen among where `pack` writes, the shipped action first."""
    return actions(DEFAULT_ARMS, is_read=pack.is_reader)
