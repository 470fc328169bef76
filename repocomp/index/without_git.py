"""Files of a folder where there is no git to ask: by its `.gitignore` files alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from repocomp.index.ignore import Patterns, Verdict, patterns_of

_RULES = ".gitignore"
_PRIVATE = ".git/info/exclude"
_NEVER = frozenset({".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv", ".tox"})
_Specs = Sequence[tuple[str, str, Patterns]]
"""Ignore files that concern a folder, the outermost first: file, the folder they speak of ("" or "a/b/"), patterns."""


@dataclass(frozen=True)
class WithoutGit:
    """The folder `root`, whose repository, if it is one, cannot be asked."""

    root: Path

    def files(self) -> Iterator[str]:
        """Every path below the root that no `.gitignore` leaves out."""
        waiting: list[tuple[str, _Specs]] = [("", [(_PRIVATE, "", patterns_of(self.root, _PRIVATE))])]
        while waiting:
            folder, above = waiting.pop()
            try:
                entries = sorted(os.scandir(self.root / folder), key=lambda entry: entry.name)
            except OSError:
                continue
            has_rules = any(entry.name == _RULES for entry in entries)
            specs = self._specs(folder, above) if has_rules else above
            for entry in entries:
                path, is_folder = f"{folder}{entry.name}", entry.is_dir(follow_symlinks=False)
                if (is_folder and entry.name in _NEVER) or _decided(path, is_folder, specs)[1]:
                    continue
                if is_folder:
                    waiting.append((f"{path}/", specs))
                else:
                    yield path

    def rule(self, path: str) -> str | None:
        """What leaves the file `path` out, as FILE:LINE:PATTERN; None where nothing does."""
        specs: _Specs = [(_PRIVATE, "", patterns_of(self.root, _PRIVATE))]
        parts = path.split("/")
        for count, part in enumerate(parts, 1):
            is_folder = count < len(parts)
            if is_folder and part in _NEVER:
                return f"{part} is never indexed"
            specs = self._specs("".join(f"{above}/" for above in parts[: count - 1]), specs)
            file, said = _decided("/".join(parts[:count]), is_folder, specs)
            if said is not None:
                return f"{file}:{said.pattern.number}:{said.pattern.line}"
        return None

    def _specs(self, folder: str, above: _Specs) -> _Specs:
        return [*above, (f"{folder}{_RULES}", folder, patterns_of(self.root, f"{folder}{_RULES}"))]


def _decided(path: str, is_folder: bool, specs: _Specs) -> tuple[str, Verdict | None]:
    """The file that leaves `path` out, and its verdict; the deepest file with an opinion decides, as in git."""
    for file, folder, patterns in reversed(specs):
        relative = os.fsencode(path.removeprefix(folder))
        if (said := patterns.match(relative, is_folder)) is not None:
            return file, said if said.is_left_out else None
    return "", None
