"""Which drafts are written for a place, and what is made of what was retrieved.

One generator writes one, or as many as are wanted. Where a small pack decides for a generator that reads, the two share
the work (`model.pairing`): the small one drafts first, and where that draft is not sure enough the generator writes
too. Copying takes no time, reading nearly all of it, so the generator reads about as much in either case: all that it
sees of the file, or where other files are expected to help, less of the file and the best of what was retrieved. They
write one after the other: the first takes 28 of 1,460 ms, so that both at once gain 2 % on two cores, and no more on
as many as one likes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from repocomp.complete.beside import judged
from repocomp.complete.clock import Clock
from repocomp.complete.draft import Draft
from repocomp.complete.parts import BESIDE, Pair, Parts
from repocomp.complete.place import Place
from repocomp.complete.reading import reading_figures
from repocomp.complete.retrieval import CrossFileContext
from repocomp.complete.stream import Stream
from repocomp.complete.writer import Writer
from repocomp.generate.generator import Generator
from repocomp.model.confidence import Confidence
from repocomp.model.pairing import Author
from repocomp.request import CompletionOptions

_TRIES = 2
"""Answers written for each one wanted: some come to the same text."""


@dataclass(frozen=True, slots=True)
class Drafts:
    """All drafts in the order they were written, and what was made of the `context` that was retrieved for them.

    A draft of a server that tells no probabilities is taken to be as sure as `unknown`. `is_pair`: two wrote them.
    """

    written: tuple[Draft, ...]
    context: CrossFileContext
    unknown: float = 0.0
    is_pair: bool = False

    def less_cached(self, tokens: int) -> Drafts:
        """The same, where so many tokens of the first prompt had been read for it just before."""
        first, *others = self.written
        return replace(self, written=(first.less_cached(tokens), *others))

    def by_worth(self) -> list[Draft]:
        """The best one first, no two alike."""
        distinct: dict[str, Draft] = {}
        for draft in sorted(self.written, key=lambda draft: draft.worth(self.unknown), reverse=True):
            distinct.setdefault(draft.text.strip(), draft)
        return list(distinct.values())


def write_drafts(
    options: CompletionOptions, parts: Parts, place: Place, context: CrossFileContext, clock: Clock, stream: Stream
) -> Drafts:
    """Write what the place needs; `stream` is given what cannot be taken back any more."""
    pair = parts.pair_for(options)
    if pair is None:
        return Drafts(tuple(_written(options, parts, place, context, clock, stream)), context)
    fit = parts.judge(pair.drafter.confidence)
    first = first_writer(pair.drafter, place, context, fit, options.max_new_tokens).write(clock.budget)
    clock.add(first.generated.spent_ms)
    if first.is_sure(pair.pairing.keep) or clock.budget.spent is not None:
        return Drafts((first,), context.unread(), is_pair=True)
    context = _considered(pair, place, context, first)
    has_read = bool(context.snippets)
    seen = nearby(parts.generator, place) if has_read else place
    second = next(_written(options, parts, seen, context, clock, None, (first,)))
    written: dict[Author, Draft] = {"first": first, "read" if has_read else "unread": second}
    return Drafts(judged(written, pair.pairing.drafts, parts.judge), context, pair.pairing.keep, is_pair=True)


def first_writer(
    drafter: Generator, place: Place, context: CrossFileContext, fit: Confidence | None, max_new_tokens: int
) -> Writer:
    """The small pack, which sees less of the file and copies from what was retrieved."""
    seen = _seen(drafter, place, 1.0)
    snippets = tuple(drafter.fit(context.hits, drafter.snippet_tokens))
    return Writer.of(drafter, seen, fit, context.hits, snippets, max_new_tokens)


def nearby(generator: Generator, place: Place) -> Place:
    """The place as a generator sees it that reads other files too."""
    return _seen(generator, place, BESIDE)


def _seen(generator: Generator, place: Place, share: float) -> Place:
    window = generator.window(place.document, place.cursor, share)
    return Place.of(place.document, place.cursor, window, place.mode)


def _considered(pair: Pair, place: Place, context: CrossFileContext, first: Draft) -> CrossFileContext:
    """The context, unread where reading it is not expected to help."""
    if not context.snippets:
        return context
    chance = pair.pairing.reading.of(reading_figures(place, context.hits, first))
    return context.read(chance) if chance >= pair.pairing.reading.threshold else context.unread(chance)


def _written(
    options: CompletionOptions,
    parts: Parts,
    place: Place,
    context: CrossFileContext,
    clock: Clock,
    stream: Stream | None,
    earlier: tuple[Draft, ...] = (),
) -> Iterator[Draft]:
    """As many drafts of the generator as are wanted, no two alike."""
    fit = parts.confidence(has_read=bool(context.snippets))
    writer = Writer.of(parts.generator, place, fit, context.hits, context.snippets, options.max_new_tokens, earlier)
    one = options.candidates == 1
    drafts = iter([writer.write(clock.budget, stream)]) if one else writer.several(clock.budget)
    seen: set[str] = set()
    for _ in range(options.candidates * _TRIES):
        draft = next(drafts, None)
        if draft is None or len(seen) == options.candidates:
            return
        clock.add(draft.generated.spent_ms)
        clock.lap("post")
        if draft.text.strip() not in seen:
            seen.add(draft.text.strip())
            yield draft
