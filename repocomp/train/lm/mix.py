"""How far to trust the n-gram cache: the mixture that makes held-out code most likely.

Likely is not the same as similar: greedy text that follows one source for a while is closer to the truth than text that
changes sources at every token. So the shares are raised together, by `trust` in their log-odds, as far as held-out edit
similarity rises.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from repocomp.complete.copy_sources import copy_sources
from repocomp.complete.parts import IndexRetriever, Parts
from repocomp.errors import TrainError
from repocomp.evaluate.counterfactual import compare
from repocomp.evaluate.holes import Hole
from repocomp.executor.journal import Journal
from repocomp.generate.generator import Task
from repocomp.generate.local.copying import ngram_cache
from repocomp.generate.local.decode import softmax
from repocomp.generate.local.generator import LocalGenerator
from repocomp.model.pack import ALONE, CacheMixture
from repocomp.progress import OnProgress, Progress, ignore
from repocomp.retrieve.hit import Hit
from repocomp.train.lm.label import MAX_NEW_TOKENS, draw
from repocomp.train.lm.mixture import Token, most_likely
from repocomp.train.repository import Repository, opened

TRUSTS = (0.0, 0.5, 1.0)
READING = 0.3
"""The share of the time that may go into reading; completing with each trust takes longer."""


@dataclass(frozen=True, slots=True)
class MixFit:
    """The mixture before trust is applied, and bits per token of the answers without and with it, on the same holes."""

    mixture: CacheMixture
    tokens: int
    bits_alone: float
    bits_mixed: float


@dataclass(frozen=True, slots=True)
class Chosen:
    """A fitted mixture, and edit similarity (0..1) by the trust in it; None: without it."""

    fit: MixFit
    trust: dict[float | None, float]

    @property
    def similarity(self) -> float:
        """That of the best trust."""
        return max(self.trust.values())

    @property
    def mixture(self) -> CacheMixture:
        """The one to use; none where the model alone serves best."""
        best = max(self.trust, key=lambda trust: self.trust[trust])
        return ALONE if best is None else trusted(self.fit.mixture, best)


def choose_mixture(
    repositories: Sequence[Repository],
    loaded: LocalGenerator,
    holes_each: int,
    progress: OnProgress = ignore,
    journal: Journal | None = None,
    time_spent: Callable[[], float] = lambda: 0.0,
) -> Chosen:
    """Fit the mixture on holes of each repository, and choose how far it is trusted.

    What is found is kept in the `journal`. `time_spent` is the share (0..1) of the time there is; reading may take
    `READING` of it. Raises TrainError where it is over before anything was found.
    """
    kept = journal if journal is not None else Journal()
    found = fit_mixture(repositories, loaded, holes_each, progress, kept, lambda: time_spent() >= READING)
    trust = choose_trust(repositories, loaded, found.mixture, holes_each, progress, kept, lambda: time_spent() >= 1)
    return Chosen(found, trust)


def trusted(mixture: CacheMixture, trust: float) -> CacheMixture:
    """The mixture with the log-odds of all shares raised together."""
    raised = (np.array(mixture.odds) + trust).round(4).tolist()
    return replace(mixture, odds=tuple((one, agree, differ) for one, agree, differ in raised))


def choose_trust(
    repositories: Sequence[Repository],
    loaded: LocalGenerator,
    mixture: CacheMixture,
    holes_each: int,
    progress: OnProgress = ignore,
    journal: Journal | None = None,
    is_over: Callable[[], bool] = lambda: False,
) -> dict[float | None, float]:
    """Edit similarity (0..1, mean of without and with retrieval) by trust, on the same holes; None: no mixture."""
    kept = journal if journal is not None else Journal()
    ways: dict[float | None, CacheMixture] = {trust: trusted(mixture, trust) for trust in TRUSTS}
    ways[None] = ALONE
    packs = {trust: replace(loaded, pack=replace(loaded.pack, cache=cache)) for trust, cache in ways.items()}
    rows = []
    for at, (key, hole, retriever) in enumerate(_holes(repositories, holes_each)):
        if (row := kept.get(f"similarity {key}")) is None:
            if is_over():
                break
            row = [_similarity(hole, Parts(pack, pack, retriever)) for pack in packs.values()]
            kept.put(f"similarity {key}", row)
        rows.append(row)
        progress(Progress(at + 1, holes_each * len(repositories), "trusting"))
    if not rows:
        raise TrainError("the time was over before anything was compared", "run it again: it goes on where it was")
    return dict(zip(packs, np.mean(rows, axis=0).round(4).tolist(), strict=True))


def fit_mixture(
    repositories: Sequence[Repository],
    loaded: LocalGenerator,
    holes_each: int,
    progress: OnProgress = ignore,
    journal: Journal | None = None,
    is_over: Callable[[], bool] = lambda: False,
) -> MixFit:
    """Read holes of each repository without and with retrieval, and fit the mixture to all tokens of their answers."""
    kept = journal if journal is not None else Journal()
    seen: list[Token] = []
    for at, (key, hole, retriever) in enumerate(_holes(repositories, holes_each)):
        if (row := kept.get(f"tokens {key}")) is None:
            if is_over():
                break
            row = [token.to_json() for token in _tokens(hole, Parts(loaded, loaded, retriever), loaded)]
            kept.put(f"tokens {key}", row)
        seen.extend(map(Token.from_json, row))
        progress(Progress(at + 1, holes_each * len(repositories), "reading"))
    if not seen:
        raise TrainError("there is nothing to complete in these repositories", "name trees that hold source code")
    mixture, nats = most_likely(seen)
    alone = -np.log([one.probability for one in seen]).mean()
    return MixFit(mixture, len(seen), *(round(float(value) / math.log(2), 4) for value in (alone, nats)))


def _holes(repositories: Sequence[Repository], holes_each: int) -> Iterator[tuple[str, Hole, IndexRetriever]]:
    """Each hole with a name that it has in every run, and what retrieves for it."""
    for repository in repositories:
        with opened(repository.files, partial(draw, limit=holes_each, seed=0)) as (holes, retriever):
            for at, hole in enumerate(holes):
                yield f"{repository.name} {at}", hole, retriever


def _similarity(hole: Hole, parts: Parts) -> float:
    outcome = next(compare([hole], parts, MAX_NEW_TOKENS))
    return round((outcome.without.similarity + outcome.retrieved.similarity) / 2, 4)


def _tokens(hole: Hole, parts: Parts, loaded: LocalGenerator) -> Iterator[Token]:
    # What the answers would be does not matter here, only what is retrieved for them.
    outcome = next(compare([hole], parts, max_new_tokens=1))
    for hits in ((), outcome.found):
        yield from _observe(hole, hits, loaded)


def _observe(hole: Hole, hits: Sequence[Hit], loaded: LocalGenerator) -> Iterator[Token]:
    """Every token of the answer as it would be met with `hits` retrieved; its end too, where the model was taught one.

    A model of another family goes on where an answer ends, and is stopped by rules.
    """
    document = hole.opened
    cursor = document.at_offset(hole.start)
    window = loaded.window(document, cursor)
    snippets = loaded.fit(hits, loaded.snippet_tokens)
    task = Task(window, tuple(snippets), copy_sources(document, cursor, window, hits))
    middle = loaded.spell(window, hole.answer)
    ngrams = ngram_cache(task, loaded.tokenizer.encode, lambda rank: 1.0 + rank)
    taught = loaded.pack.control.with_decision()
    ends = [] if taught is None else [taught.end]
    rows = loaded.logits(task, middle) if ends else loaded.logits(task, middle[:-1])
    for row, token in zip(rows, [*middle, *ends], strict=True):
        yield Token.of(softmax(row), ngrams.places(), token)
        ngrams.extend([token])
