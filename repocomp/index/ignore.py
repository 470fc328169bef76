"""Patterns of ignore files, read and matched as git does: byte by byte, the last one that matches decides.

Each pattern becomes a regular expression that never tries a place twice: what stands between two stars is found at its
first place and kept there (an atomic group), which is enough, since nothing else between stars has a variable length.
So matching takes at most (length of the pattern) x (length of the path) steps, whatever is written into a repository.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from repocomp.tree import read

MOST_PATTERNS, MOST_PATTERN_BYTES = 5_000, 1_000
"""Of one file; what is more is not read, with a warning."""
_MOST_BYTES = 1 << 20

_STAR, _SLASH = b"*", b"/"
_SPECIAL = re.compile(rb"\\(.)|(\*+)|(\?)|(\[)|(/)|([^\\*?\[/])", re.S)
_POSIX = {
    b"alnum": rb"0-9A-Za-z",
    b"alpha": rb"A-Za-z",
    b"blank": rb" \t",
    b"cntrl": rb"\x00-\x1f\x7f",
    b"digit": rb"0-9",
    b"graph": rb"!-~",
    b"lower": rb"a-z",
    b"print": rb" -~",
    b"punct": rb"!-/:-@\[-`{-~",
    b"space": rb" \t\n\r\f\v",
    b"upper": rb"A-Z",
    b"xdigit": rb"0-9A-Fa-f",
}


class Pattern(NamedTuple):
    """One line of an ignore file. `regex` matches a whole path (bytes, "/" separated) relative to the file's folder."""

    number: int
    line: str
    is_negated: bool
    is_for_folders: bool
    regex: bytes


class Verdict(NamedTuple):
    """What the patterns say of a path: whether it is left out, and the pattern that decides."""

    is_left_out: bool
    pattern: Pattern


@dataclass(frozen=True)
class Patterns:
    """The patterns of one file, in order; `faults` are the lines that git ignores too, each with its reason."""

    patterns: Sequence[Pattern]
    faults: Sequence[str] = ()

    @classmethod
    def of(cls, data: bytes, name: str) -> Patterns:
        """Read the content of an ignore file; `name` is for the faults."""
        patterns: list[Pattern] = []
        faults: list[str] = []
        for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
            line = _trimmed(line.removesuffix(b"\r"))
            if not line or line.startswith(b"#"):
                continue
            if len(patterns) >= MOST_PATTERNS:
                faults.append(f"{name}:{number}: only the first {MOST_PATTERNS:,} patterns are read")
                break
            try:
                patterns.append(_parsed(number, line))
            except ValueError as error:
                faults.append(f"{name}:{number}: pattern {os.fsdecode(line)[:40]!r} matches nothing: {error}")
        return cls(patterns, faults)

    @property
    def bring_back(self) -> bool:
        """Whether any pattern starts with "!"."""
        return any(pattern.is_negated for pattern in self.patterns)

    def concern(self, path: bytes) -> bool:
        """Whether a pattern matches `path` or a folder above it: where not, they need not be asked one by one."""
        return self._any is not None and self._any.match(path) is not None

    def verdict(self, path: bytes) -> Verdict | None:
        """What they say of the file `path`, by itself or by a folder that it lies in; None: nothing.

        A folder that is left out takes all with it, as in git; one that is brought back does so until a pattern says
        otherwise.
        """
        if not self.concern(path):
            return None
        decided = None
        for end in [*(at for at, byte in enumerate(path) if byte == 0x2F), len(path)]:
            decided = self.match(path[:end], is_folder=end < len(path)) or decided
            if decided is not None and decided.is_left_out:
                break
        return decided

    def match(self, path: bytes, is_folder: bool) -> Verdict | None:
        """What they say of `path` itself."""
        for pattern, regex in reversed(self._compiled):
            if (is_folder or not pattern.is_for_folders) and regex.fullmatch(path):
                return Verdict(not pattern.is_negated, pattern)
        return None

    @cached_property
    def _compiled(self) -> list[tuple[Pattern, re.Pattern[bytes]]]:
        return [(pattern, re.compile(pattern.regex, re.S)) for pattern in self.patterns]

    @cached_property
    def _any(self) -> re.Pattern[bytes] | None:
        regexes = dict.fromkeys(pattern.regex for pattern in self.patterns)
        # Patterns for any depth share the search for a place to start at.
        deep = b"|".join(regex.removeprefix(_DEEP) for regex in regexes if regex.startswith(_DEEP))
        anchored = [regex for regex in regexes if not regex.startswith(_DEEP)]
        alternatives = [*([_DEEP + b"(?:" + deep + b")"] if deep else []), *anchored]
        return re.compile(b"(?:" + b"|".join(alternatives) + rb")(?:/|\Z)", re.S) if alternatives else None


def patterns_of(folder: Path, path: str) -> Patterns:
    """The patterns of an ignore file; none where it is missing, and a fault where it is none that can be read."""
    try:
        data = read(folder, path, _MOST_BYTES)
    except FileNotFoundError:
        return Patterns(())
    except OSError as error:
        return Patterns((), (f"{path}: is not read: {error.strerror}",))
    return Patterns.of(data, path)


_DEEP = rb"(?:[^/]+/)*?"


def _trimmed(line: bytes) -> bytes:
    """Without the spaces at its end that no backslash protects."""
    rest = line.rstrip(b" ")
    is_escaped = (len(rest) - len(rest.rstrip(b"\\"))) % 2 == 1
    return rest + b" " if is_escaped and len(rest) < len(line) else rest


def _parsed(number: int, line: bytes) -> Pattern:
    """Raises ValueError for what matches nothing."""
    if len(line) > MOST_PATTERN_BYTES:
        raise ValueError("it is too long")
    is_negated = line.startswith(b"!")
    glob = line.removeprefix(b"!")
    is_for_folders = glob.endswith(b"/")
    glob = glob.removesuffix(b"/")
    if not glob:
        raise ValueError("it is empty")
    is_anchored = b"/" in glob
    regex = _regex(glob.removeprefix(b"/"))
    return Pattern(number, os.fsdecode(line), is_negated, is_for_folders, regex if is_anchored else _DEEP + regex)


def _regex(glob: bytes) -> bytes:
    """An expression for the paths that `glob` matches; "**" as a component stands for any folders."""
    components: list[list[bytes]] = [[]]
    for atom in _atoms(glob):
        if atom == _SLASH:
            components.append([])
        else:
            components[-1].append(atom)
    groups: list[list[bytes]] = [[]]
    for component in components:
        if component == [b"**"] and len(components) > 1:
            groups.append([])
        else:
            groups[-1].append(_component(component))
    first, *others = groups
    if not others:
        return b"/".join(first)
    regex = b"".join(part + b"/" for part in first)
    for group in filter(None, others[:-1]):
        regex += b"(?>" + _DEEP + b"".join(part + b"/" for part in group) + b")"
    return regex + (_DEEP + b"/".join(others[-1]) if others[-1] else rb".+")


def _component(atoms: list[bytes]) -> bytes:
    pieces: list[bytes] = [b""]
    for atom in atoms:
        if atom.startswith(_STAR):
            pieces.append(b"")
        else:
            pieces[-1] += atom
    first, *others = pieces
    if not others:
        return first
    middle = b"".join(b"(?>[^/]*?" + piece + b")" for piece in others[:-1] if piece)
    return first + middle + b"[^/]*" + others[-1]


def _atoms(glob: bytes) -> Iterator[bytes]:
    """Expressions of one byte each; stars and slashes as themselves. Raises ValueError."""
    at = 0
    while at < len(glob):
        found = _SPECIAL.match(glob, at)
        if found is None:
            raise ValueError("a backslash stands at its end")
        at = found.end()
        escaped, stars, any_byte, bracket, slash, plain = found.groups()
        if stars or slash:
            yield stars or slash
        elif escaped == _SLASH:
            yield _SLASH
        elif any_byte:
            yield b"[^/]"
        elif bracket:
            expression, at = _class(glob, at)
            yield expression
        else:
            yield re.escape(escaped or plain)


def _class(glob: bytes, at: int) -> tuple[bytes, int]:
    """The bracket expression whose content starts at `at`, and where it ends. Raises ValueError."""
    is_negated = glob[at : at + 1] in (b"!", b"^")
    at += is_negated
    start, inside = at, b""
    while at == start or glob[at : at + 1] != b"]":
        if at >= len(glob):
            raise ValueError("a bracket is not closed")
        if glob.startswith(b"[:", at) and b":]" in glob[at:]:
            end = glob.index(b":]", at)
            if glob[at + 2 : end] not in _POSIX:
                raise ValueError("there is no such class of characters")
            inside, at = inside + _POSIX[glob[at + 2 : end]], end + 2
            continue
        low, at = _byte(glob, at)
        high = low
        if glob[at : at + 1] == b"-" and glob[at + 1 : at + 2] not in (b"]", b""):
            high, at = _byte(glob, at + 1)
        if low <= high:
            inside += b"\\x%02x-\\x%02x" % (low[0], high[0])
    if not inside and not is_negated:
        raise ValueError("a range is empty")
    members = b"[^" + inside + b"]" if is_negated and inside else (b"[" + inside + b"]" if inside else b".")
    return b"(?!/)" + members, at + 1


def _byte(glob: bytes, at: int) -> tuple[bytes, int]:
    at += glob[at : at + 1] == b"\\"
    if at >= len(glob):
        raise ValueError("a bracket is not closed")
    return glob[at : at + 1], at + 1
