"""A generator at a place: what it is asked there, and the drafts that come of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from repocomp.budget import Budget
from repocomp.complete.copy_sources import copy_sources
from repocomp.complete.draft import Draft
from repocomp.complete.finish.finish import Finish
from repocomp.complete.place import Place
from repocomp.complete.stream import Stream
from repocomp.generate.generator import DecodingRules, Generated, Generator, Task
from repocomp.model.confidence import Confidence
from repocomp.prompt.snippets import Snippet
from repocomp.request import Use
from repocomp.retrieve.hit import Hit


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes for a `place` as its `generator` sees it; `fit` judges what comes of it (None: the generic one does)."""

    generator: Generator
    place: Place
    fit: Confidence | None
    finish: Finish
    task: Task
    rules: DecodingRules

    @classmethod
    def of(
        cls,
        generator: Generator,
        place: Place,
        fit: Confidence | None,
        hits: Sequence[Hit],
        snippets: tuple[Snippet, ...],
        max_new_tokens: int,
        earlier: Sequence[Draft] = (),
    ) -> Writer:
        """Have `generator` read `snippets`, and copy from `hits`; `earlier` drafts, the last first, are its guesses."""
        finish = place.finish(hits)
        sources = copy_sources(place.document, place.cursor, place.window, hits)
        task = Task(place.window, snippets, sources, tuple(draft.generated.text for draft in earlier))
        return cls(generator, place, fit, finish, task, DecodingRules(max_new_tokens, finish.stop))

    def write(self, budget: Budget, stream: Stream | None = None) -> Draft:
        """The answer, passed on while it is written where a `stream` is given."""

        def emit(text: str) -> None:
            # What a server tells is seen in what it writes.
            if stream is not None and stream.is_early(self.generator.tells_probabilities is not False):
                stream.pass_on(self.finish.settled(text))

        started = time.perf_counter()
        may_be_early = stream is not None and stream.is_early(self.generator.tells_probabilities is True)
        generated = self.generator.complete(self.task, self.rules, budget, emit if may_be_early else None)
        return self._draft(generated, started)

    def several(self, budget: Budget) -> Iterator[Draft]:
        """The answer, then others, each written when it is asked for."""
        started = time.perf_counter()
        for generated in self.generator.several(self.task, self.rules, budget):
            yield self._draft(generated, started)
            started = time.perf_counter()

    def _draft(self, generated: Generated, started: float) -> Draft:
        draft = Draft.of(generated, self.place, self.finish, self.task.sources.hits, self.fit)
        return draft.by(self.generator.name, self._use, self._tokens_read, 1000 * (time.perf_counter() - started))

    @property
    def _use(self) -> Use:
        if self._tokens_read:
            return "read"
        return "copy" if self.task.sources.hits else "skip"

    @property
    def _tokens_read(self) -> int:
        return sum(len(snippet.ids) for snippet in self.task.snippets)
