"""Baselines that a model must beat: the n-gram cache alone, and copying what follows the most similar line.

Both see what the model sees with retrieval, the file around the hole and every chunk found, and are trimmed alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from repocomp.complete.copy_sources import copy_sources
from repocomp.complete.finish.finish import Finish
from repocomp.evaluate.counterfactual import Outcome
from repocomp.generate.generator import Task
from repocomp.generate.local.generator import LocalGenerator
from repocomp.generate.local.ngram_cache import NgramCache
from repocomp.languages.table import language_of
from repocomp.terms import words

_COPIED_LINES = {"line": 1, "block": 4}
"""Lines copied: the cursor's own, or a chunk of the mean length."""


def ngram_answer(outcome: Outcome, generator: LocalGenerator) -> str:
    """Continue with what most often followed the longest match, the latest of equals."""
    document, most = outcome.hole.opened, generator.pack.budgets.middle
    cursor = document.at_offset(outcome.hole.start)
    window = generator.window(document, cursor)
    finish = Finish.of(window.left, window.right, language_of(document.path), outcome.hole.mode)
    ngrams = generator.ngrams(Task(window, (), copy_sources(document, cursor, window, outcome.found)))
    ids: list[int] = []
    while len(ids) < most:
        written = generator.tokenizer.decode(ids)
        latest_first = _following(ngrams, window.open_end[len(written) :], generator)
        if not latest_first or finish.stop(written[len(window.open_end) :]) is not None:
            break
        ids.append(Counter(latest_first).most_common(1)[0][0])
        ngrams.extend(ids[-1:])
    is_finished = len(ids) < most
    text = generator.tokenizer.decode(ids)[len(window.open_end) :]
    return finish.trim(text, is_finished=is_finished)[0]


def _following(ngrams: NgramCache, partial: str, generator: LocalGenerator) -> list[int]:
    """What followed the longest match that can spell the partial word, the latest first."""
    allowed = set(generator.tokenizer.able_to_spell(partial)) if partial else None
    places = ngrams.places()
    for order in range(places.longest, 0, -1):
        following = places.following[places.orders >= order].tolist()[::-1]
        found = [token for token in following if allowed is None or token in allowed]
        if found:
            return found
    return []


def copied_answer(outcome: Outcome) -> str:
    """Find the line most like the one before the cursor, by its words, and copy what comes after it."""
    document = outcome.hole.opened
    left = document.data[: outcome.hole.start].decode(errors="ignore").replace("\r\n", "\n")
    right = document.data[outcome.hole.start :].decode(errors="ignore").replace("\r\n", "\n")
    mode = outcome.hole.mode
    finish = Finish.of(left, right, language_of(document.path), mode)
    started = finish.around.before.strip()
    asked = set(words(started or next((line for line in reversed(left.split("\n")) if line.strip()), "")))
    best = max(
        _lines(outcome, left),
        key=lambda lines: len(asked & set(words(lines[0]))) / max(1, len(asked | set(words(lines[0])))),
        default=[""],
    )
    count = _COPIED_LINES[mode]
    copied = [_rest(best[0], started), *best[1:count]] if started else best[1 : 1 + count]
    text = "\n".join(copied)
    return finish.trim(text if started else text.lstrip(), is_finished=True)[0]


def _lines(outcome: Outcome, left: str) -> Iterator[list[str]]:
    """Every line at hand, but for the cursor's own, with the lines after it."""
    texts = [left.rpartition("\n")[0], *(hit.text for hit in outcome.found)]
    for text in texts:
        lines = text.split("\n")
        yield from (lines[at : at + 6] for at in range(len(lines) - 1) if lines[at].strip())


def _rest(line: str, started: str) -> str:
    """What of `line` comes after the longest end of what was typed that it holds."""
    tails = (started[at:] for at in range(len(started)) if started[at:] in line)
    tail = next(tails, None)
    return line[line.index(tail) + len(tail) :] if tail else ""
