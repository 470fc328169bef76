"""What an encoder learns from: places in real code, and which chunks of other files show what comes next there.

A question is the lines before a cursor. The names that the next lines need and that are not in sight are looked up in
the other files of the repository: each chunk that holds some is right, by their rarity and for its length. Nothing is
generated, so a question costs microseconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from repocomp.evaluate.holes import is_source
from repocomp.evaluate.metrics import identifiers
from repocomp.index.chunk import syntax_pieces
from repocomp.index.symbols import parse
from repocomp.languages.table import language_of
from repocomp.model.encoder import ASKED_LINES, ASKED_TOKENS, CHUNK_TOKENS
from repocomp.model.tokenizer import Tokenizer
from repocomp.terms import words

Ids = list[int]

_MOST_CHARS, _QUESTIONS = 300_000, 400
"""Of one repository: some 500 chunks."""
_TRIES = 6
_MEAN_LINES = 1.5
_SEEN_BEFORE, _SEEN_AFTER = 60, 25
"""Lines that a prompt shows around the cursor, about."""
_BEST = 24
_FEWEST_CHUNKS = 20
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Question:
    """The ids before a cursor in `file`, and the chunks (by number) that answer, with shares that sum to one."""

    ids: Ids
    file: int
    answers: npt.NDArray[np.int64]
    shares: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Lesson:
    """One repository: the ids of all its chunks, the number of the file of each, and questions about them."""

    chunks: list[Ids]
    files: npt.NDArray[np.int64]
    questions: list[Question]


@dataclass(frozen=True, slots=True)
class _Chunks:
    """The chunks of a repository: texts, the file and the number of words of each, and where a word stands."""

    texts: list[str]
    files: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    holders: dict[str, list[int]]


def lesson_of(files: Sequence[tuple[str, str]], tokenizer: Tokenizer, rng: np.random.Generator) -> Lesson | None:
    """Questions about some of the (path, text) files of a repository; None where there is too little to ask about."""
    files = list(_up_to(files, _MOST_CHARS, rng))
    chunks = _chunks_of(files)
    if len(chunks.texts) < _FEWEST_CHUNKS:
        return None
    asked = list(_ask(files, chunks, rng, _QUESTIONS))
    if not asked:
        return None
    ids = tokenizer.encode_batch([text for text, *_ in asked])
    return Lesson(
        [own[:CHUNK_TOKENS] for own in tokenizer.encode_batch(chunks.texts)],
        chunks.files,
        [
            Question(own[: -ASKED_TOKENS - 1 : -1], file, answers, shares)
            for own, (_, file, answers, shares) in zip(ids, asked, strict=True)
        ],
    )


def _up_to(files: Sequence[tuple[str, str]], most: int, rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    for at in rng.permutation(len(files)):
        path, text = files[at]
        if is_source(path):
            most -= len(text)
            if most < 0:
                return
            yield path, text


def _chunks_of(files: Sequence[tuple[str, str]]) -> _Chunks:
    texts: list[str] = []
    owners: list[int] = []
    sizes: list[int] = []
    holders: dict[str, list[int]] = {}
    for number, (path, text) in enumerate(files):
        lines = text.rstrip("\n").split("\n")
        for piece in syntax_pieces(len(lines), parse(language_of(path), text).definitions):
            shown = "\n".join(lines[piece.start_line - 1 : piece.end_line])
            found = set(words(shown))
            for word in found:
                holders.setdefault(word, []).append(len(texts))
            texts.append(shown)
            owners.append(number)
            sizes.append(len(found))
    return _Chunks(texts, np.array(owners), np.array(sizes), holders)


def _ask(
    files: Sequence[tuple[str, str]], chunks: _Chunks, rng: np.random.Generator, wanted: int
) -> Iterator[tuple[str, int, npt.NDArray[np.int64], npt.NDArray[np.float32]]]:
    """(lines before a cursor, file, answers, shares), until there are enough or tries run out."""
    split = [text.split("\n") for _, text in files]
    for _ in range(wanted * _TRIES):
        if not wanted:
            return
        number = int(rng.integers(len(files)))
        lines = split[number]
        at = int(rng.integers(len(lines)))
        before, target, after = _cut(lines, at, rng)
        seen = {*words("\n".join(before[-_SEEN_BEFORE:])), *words("\n".join(after[:_SEEN_AFTER]))}
        names = set(identifiers(target, language_of(files[number][0]))) - seen
        answers, shares = _answers(names, number, chunks)
        if len(answers):
            wanted -= 1
            yield "\n".join(before[-ASKED_LINES:]), number, answers, shares


def _cut(lines: Sequence[str], at: int, rng: np.random.Generator) -> tuple[list[str], str, list[str]]:
    """Lines before a cursor in line `at`, what is to be written there, and the lines after that."""
    line = lines[at]
    lead = len(line) - len(line.lstrip())
    column = lead + int(rng.integers(len(line) - lead + 1)) * int(rng.random() < 0.4)
    end = at + 1 + int(rng.poisson(_MEAN_LINES))
    before = [*lines[max(0, at - _SEEN_BEFORE) : at], line[:column]]
    return before, "\n".join([line[column:], *lines[at + 1 : end]]), list(lines[end : end + _SEEN_AFTER])


def _answers(names: set[str], file: int, chunks: _Chunks) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The chunks of other files that hold any of `names`, best first, and the share of each."""
    worth: dict[int, float] = {}
    for name in sorted(names):
        held = chunks.holders.get(name, ())
        for chunk in held:
            if chunks.files[chunk] != file:
                worth[chunk] = worth.get(chunk, 0.0) + math.log(1 + len(chunks.texts) / len(held)) ** 2
    found = np.array(sorted(worth), dtype=np.int64)
    value = np.array([worth[int(chunk)] for chunk in found]) / np.sqrt(5 + chunks.sizes[found])
    best = np.argsort(-value, kind="stable")[:_BEST]
    return found[best], (value[best] / max(value[best].sum(), _TINY)).astype(np.float32)
