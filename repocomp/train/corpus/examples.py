"""Training examples: what one file, and what its repository says elsewhere, teach about filling a hole.

The layout is the serving prompt's. Cross-file chunks come from the same repository by shared rare identifiers, a
retriever simple enough to run for millions of rows; half of the queries see the target, which covers retrieving again
with a first answer, and some chunks are drawn at random, so that useless context is met early.
"""

from __future__ import annotations

import random
import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from math import log

import numpy as np

from repocomp.model.families import FimTokens
from repocomp.prompt.repocomp import ECHO_TOKENS, branch
from repocomp.train.recipe import Mixture

Encode = Callable[[str], list[int]]

_IDENTIFIER = re.compile(r"[^\W\d]\w{2,}")
_HEADER = re.compile(r"\s*(async )?(def|func|fn|function|public|private|static)\b.*[:{]\s*$")
_COMMON = 60
_WINDOW, _STRIDE = 20, 10
_HEADER_TOKENS = 40
_MOST_TARGET = 120
_TRIES = 8
_TOKEN_CHARS = 6
"""More than a token of code has on average (3.5 to 4), so that a text cut by it holds tokens enough."""


class Neighbourhood:
    """The files of one repository, and which 20-line windows share an identifier."""

    def __init__(self, files: Sequence[tuple[str, str]]) -> None:
        self.files = [(path, text, text.split("\n")) for path, text in files]
        self.windows: list[tuple[int, int, int]] = []
        self._holders: dict[str, list[int]] = defaultdict(list)
        for number, (_, _, lines) in enumerate(self.files):
            for start in range(0, max(1, len(lines) - _STRIDE + 1), _STRIDE):
                window = (number, start, min(len(lines), start + _WINDOW))
                for name in set(_IDENTIFIER.findall("\n".join(lines[start : window[2]]))):
                    self._holders[name].append(len(self.windows))
                self.windows.append(window)

    def related(self, query: str, file: int, hidden: range, number: int) -> list[tuple[int, int, int]]:
        """Up to `number` windows by idf-weighted shared identifiers; lines `hidden` of `file` are left out."""
        scores: Counter[int] = Counter()
        for name in sorted(set(_IDENTIFIER.findall(query))):
            holders = self._holders.get(name, ())
            if 0 < len(holders) <= _COMMON:
                for window in holders:
                    scores[window] += log(len(self.windows) / len(holders) + 1)  # type: ignore[assignment]
        found: list[tuple[int, int, int]] = []
        for window, _ in scores.most_common(4 * number + 8):
            where, start, end = self.windows[window]
            if where == file and start < hidden.stop and end > hidden.start:
                continue
            if all(where != other or abs(start - at) >= _WINDOW for other, at, _ in found):
                found.append((where, start, end))
            if len(found) >= number:
                break
        return found


def fill_in(
    hood: Neighbourhood, file: int, room: int, encode: Encode, mixture: Mixture, rng: random.Random
) -> list[int] | None:
    """One fill-in-the-middle example of at most `room` tokens from a file, or None when a draw fails."""
    path, text, lines = hood.files[file]
    starts = _line_starts(lines)
    span = draw_target(text, lines, starts, rng)
    if span is None:
        return None
    start, end = span
    middle = encode(text[start:end])
    if not middle or len(middle) > min(room // 3, _MOST_TARGET):
        return None
    tokens = FimTokens()
    room -= len(middle) + 8
    first, last = (max(0, bisect_right(starts, at) - 1) for at in span)
    chunks: list[int] = []
    if rng.random() < mixture.retrieved:
        query = "\n".join(lines[max(0, first - 12) : first]) + text[starts[first] : start]
        query += "\n" + text[start:end] if rng.random() < 0.5 else ""
        hidden = range(first - 40, last + 30)
        chunks = _chunks(hood, query, file, hidden, int(room * rng.uniform(0.25, 0.45)), encode, mixture, rng)
    room -= len(chunks) + (1 + ECHO_TOKENS if chunks else 0)
    header = [tokens.file, *encode(path + "\n")[-_HEADER_TOKENS:]]
    right_room = 0 if rng.random() < 0.1 else int(room * rng.uniform(0.12, 0.35))
    right = encode(text[end : end + _TOKEN_CHARS * right_room])[:right_room]
    left = _left(text, start, room - len(right) - len(header), encode)
    if left is None:
        return None
    parts = [[tokens.suffix, *right], [tokens.prefix, *header, *left]]
    context = [token for part in (parts if rng.random() < mixture.spm else parts[::-1]) for token in part]
    shared = [*context, tokens.decide]
    return [*shared, *branch(chunks, shared, tokens), *middle, tokens.end]


def plain(hood: Neighbourhood, size: int, encode: Encode, rng: random.Random) -> list[int]:
    """`size` tokens of files of one repository, one after the other."""
    tokens = FimTokens()
    ids: list[int] = []
    while len(ids) < size:
        path, text, _ = hood.files[rng.randrange(len(hood.files))]
        start = 0
        if rng.random() < 0.6 and len(text) > 5 * size:
            start = text.find("\n", rng.randrange(len(text) - 3 * size)) + 1
        ids += [tokens.file, *encode(path + "\n"), *encode(text[start : start + 7 * (size - len(ids))])]
        if len(ids) < size:
            ids.append(tokens.end)
    return ids[:size]


def draw_target(text: str, lines: Sequence[str], starts: Sequence[int], rng: random.Random) -> tuple[int, int] | None:
    """A span of characters to fill: rest of a line, line, next line, call arguments, lines, or a function body."""
    kind = rng.random()
    for _ in range(_TRIES):
        number = rng.randrange(len(lines))
        line = lines[number]
        if len(line.strip()) < 4:
            continue
        start, lead = starts[number], len(line) - len(line.lstrip())
        if kind < 0.40:
            return start + rng.randrange(lead, len(line)), start + len(line)
        if kind < 0.58:
            return start + lead, start + len(line)
        if kind < 0.68 and number > 0:
            return start - 1, start + len(line)
        if kind < 0.80:
            span = _arguments(text, line, start)
        elif kind < 0.93:
            end = min(len(lines) - 1, number + min(12, _poisson(3, rng)))
            span = start + lead, starts[end] + len(lines[end])
        else:
            span = _body(lines, starts, number, lead)
        if span is not None:
            return span
    return None


def _arguments(text: str, line: str, start: int) -> tuple[int, int] | None:
    call = re.search(r"\w\(", line)
    depth = 1
    for at in range(start + call.end(), min(len(text), start + call.end() + 250)) if call else ():
        depth += (text[at] in "([{") - (text[at] in ")]}")
        if not depth:
            return start + call.end() if call else start, at + 1
    return None


def _body(lines: Sequence[str], starts: Sequence[int], number: int, lead: int) -> tuple[int, int] | None:
    if not _HEADER.match(lines[number]):
        return None
    end = number + 1
    while end < len(lines) and end - number < 24 and (not lines[end].strip() or _indent(lines[end]) > lead):
        end += 1
    while end > number + 1 and not lines[end - 1].strip():
        end -= 1
    if end - number < 3:
        return None
    return starts[number] + len(lines[number]), starts[end - 1] + len(lines[end - 1])


def _chunks(
    hood: Neighbourhood,
    query: str,
    file: int,
    hidden: range,
    room: int,
    encode: Encode,
    mixture: Mixture,
    rng: random.Random,
) -> list[int]:
    """Chunks in prompt order, the best one last."""
    wrong = rng.random() < mixture.wrong
    found = _random_windows(hood, rng) if wrong else hood.related(query, file, hidden, 6)
    parts: list[list[int]] = []
    for where, start, end in found:
        if where == file and start < hidden.stop and end > hidden.start:
            continue
        path, _, lines = hood.files[where]
        if rng.random() < 0.4:
            start, end = start + 8, end + 8
        if rng.random() < 0.5:
            start += rng.randrange(8)
            end = start + 10
        ids = [FimTokens().file, *encode(path + "\n"), *encode("\n".join(lines[start:end]) + "\n")][:room]
        if len(ids) < 24:
            break
        parts.append(ids)
        room -= len(ids)
    return [token for part in reversed(parts) for token in part]


def _random_windows(hood: Neighbourhood, rng: random.Random) -> list[tuple[int, int, int]]:
    return [hood.windows[rng.randrange(len(hood.windows))] for _ in range(3)]


def _left(text: str, end: int, room: int, encode: Encode) -> list[int] | None:
    """At most `room` tokens before `end`, from the start of a line where lines allow it."""
    if room < 16:
        return None
    start = max(0, end - _TOKEN_CHARS * room)
    start = min(end, text.find("\n", start) + 1) if start else 0
    ids = encode(text[start:end])
    while len(ids) > room:
        # As many characters as the surplus has on average: encoding is what all the time goes to.
        surplus = max(1, (len(ids) - room) * (end - start) // len(ids))
        newline = text.find("\n", start + surplus, end)
        start = newline + 1 if newline >= 0 else start + surplus
        ids = encode(text[start:end])
    return ids


def _line_starts(lines: Sequence[str]) -> list[int]:
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    return starts


def _poisson(mean: float, rng: random.Random) -> int:
    return int(np.random.default_rng(rng.getrandbits(32)).poisson(mean))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def encoder(path: str) -> Encode:
    """The encoding of a tokenizer file, control tokens never parsed from text."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(path)
    tokenizer.encode_special_tokens = True
    return lambda text: tokenizer.encode(text, add_special_tokens=False).ids
