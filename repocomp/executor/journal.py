"""The journal of a run: what it has found, kept as it comes, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from repocomp.errors import DocumentError
from repocomp.named_files import open_regular

T = TypeVar("T")


class Journal:
    """JSON values by key, one line each in the file at `path`; without one they last as long as this object.

    Of a file only the keys are held in memory, so it may be larger than that. Raises DocumentError for a file that is
    no journal.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._values: dict[str, Any] = {}
        self._places: dict[str, int] = {}
        if path is not None:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._end = self._scan(path) if path.exists() else 0

    @classmethod
    def of_run(cls, folder: Path, identity: Iterable[str]) -> Journal:
        """The journal in `folder` of the run that `identity` names; another run has another file."""
        digest = hashlib.blake2b("\0".join(identity).encode(errors="surrogateescape"), digest_size=8).hexdigest()
        return cls(folder / f"run-{digest}.jsonl")

    def __len__(self) -> int:
        return len(self._values) + len(self._places)

    def __contains__(self, key: str) -> bool:
        return key in self._values or key in self._places

    def get(self, key: str) -> Any | None:  # noqa: ANN401  (whatever was noted)
        """What was noted under `key`; None where nothing was."""
        if self._path is None or key not in self._places:
            return self._values.get(key)
        with open_regular(self._path) as file:
            file.seek(self._places[key])
            return json.loads(file.readline())[1]

    def values(self) -> Iterator[Any]:
        """All that was noted, oldest first."""
        return (self.get(key) for key in [*self._values, *self._places])

    def put(self, key: str, value: object) -> None:
        """Note a JSON value under a new `key`."""
        if self._path is None:
            self._values[key] = value
            return
        line = json.dumps([key, value]).encode() + b"\n"
        with open(self._path, "ab", opener=_private) as stream:
            stream.write(line)
        self._places[key] = self._end
        self._end += len(line)

    def follow(
        self,
        tasks: Mapping[str, T],
        run: Callable[[Iterable[T]], Iterator[object]],
        progress: Callable[[int], None] = lambda done: None,
    ) -> Iterator[Any]:
        """A JSON value for each of the `tasks`, in their order: as noted, or what `run` gives now, which is noted.

        `progress` is told how many are there, each time that one came.
        """
        left = {key: task for key, task in tasks.items() if key not in self}
        found = run(left.values())
        for number, key in enumerate(tasks):
            if key in left:
                value = next(found, None)
                if value is None:
                    # Whoever draws the tasks has stopped.
                    return
                self.put(key, value)
                progress(number + 1)
            yield self.get(key)

    def forget(self) -> None:
        """Remove the file: the run is done."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _scan(self, path: Path) -> int:
        """Find the lines of the file; returns where the next one goes. What a crash has cut short is cut off."""
        end = 0
        with open_regular(path) as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._places[_key(line, path)] = end
                end += len(line)
        if end < path.stat().st_size:
            with path.open("r+b") as stream:
                stream.truncate(end)
        return end


def _private(path: str, flags: int) -> int:
    """What is noted may hold source text."""
    return os.open(path, flags, 0o600)


def _key(line: bytes, path: Path) -> str:
    try:
        key, _ = json.loads(line)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, str):
        raise DocumentError(f"{path}: is no journal of this version", "name another file")
    return key
