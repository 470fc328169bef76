"""What a hidden line says about the chunks that its prompt would hold: credits for the arm `memory`."""

from __future__ import annotations

from repocomp.complete.parts import IndexRetriever
from repocomp.evaluate.holes import Hole
from repocomp.evaluate.unseen import Place
from repocomp.generate.local.generator import LocalGenerator
from repocomp.policy.select import shipped
from repocomp.retrieve.arms.memory import credit_rows
from repocomp.store.index.reader import IndexReader
from repocomp.store.memory.credits import CreditRow
from repocomp.terms import words


def credits_of(hole: Hole, reader: IndexReader, generator: LocalGenerator) -> list[CreditRow]:
    """Credit each chunk that would be shown with the share of the answer's unseen identifiers that it holds.

    Those that hold none are remembered too: they stood in the way of others.
    """
    place = Place.of(hole, generator)
    if not place.unseen:
        return []
    found = IndexRetriever(reader).find(place.query, shipped(is_read=generator.pack.is_reader), place.leaks)
    shown = [snippet.hit for snippet in generator.fit(found.hits, generator.snippet_tokens)]
    return [
        row
        for hit in shown
        if not place.leaks(hit)
        for row in credit_rows(reader, place.query, hit, len(place.unseen & set(words(hit.text))) / len(place.unseen))
    ]
