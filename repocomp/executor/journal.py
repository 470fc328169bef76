"""The journal of a run: what it has found, kept as it comes, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from repocomp.named_files import read_regular

T = TypeVar("T")


class Journal:
    """JSON values by key, one line each in the file at `path`; without one they last as long as this object."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._known: dict[str, Any] = {}
        if path is not None:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            text = read_regular(path).decode() if path.exists() else ""
            # A crash may have cut the last line short.
            whole = text[: text.rfind("\n") + 1]
            if whole != text:
                path.write_text(whole, encoding="utf-8")
            self._known = dict(json.loads(line) for line in whole.splitlines())

    @classmethod
    def of_run(cls, folder: Path, identity: Iterable[str]) -> Journal:
        """The journal in `folder` of the run that `identity` names; another run has another file."""
        digest = hashlib.blake2b("\0".join(identity).encode(errors="surrogateescape"), digest_size=8).hexdigest()
        return cls(folder / f"run-{digest}.jsonl")

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, key: str) -> bool:
        return key in self._known

    def get(self, key: str) -> Any | None:  # noqa: ANN401  (whatever was noted)
        """What was noted under `key`; None where nothing was."""
        return self._known.get(key)

    def values(self) -> list[Any]:
        """All that was noted, oldest first."""
        return list(self._known.values())

    def put(self, key: str, value: object) -> None:
        """Note a JSON value under a new `key`."""
        self._known[key] = value
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps([key, value]) + "\n")

    def follow(
        self,
        tasks: Mapping[str, T],
        run: Callable[[Iterable[T]], Iterator[object]],
        progress: Callable[[int], None] = lambda done: None,
    ) -> Iterator[Any]:
        """A JSON value for each of the `tasks`, in their order: as noted, or what `run` gives now, which is noted.

        `progress` is told how many are there, each time that one came.
        """
        left = {key: task for key, task in tasks.items() if key not in self._known}
        found = run(left.values())
        for number, key in enumerate(tasks):
            if key in left:
                value = next(found, None)
                if value is None:
                    # Whoever draws the tasks has stopped.
                    return
                self.put(key, value)
                progress(number + 1)
            yield self._known[key]

    def forget(self) -> None:
        """Remove the file: the run is done."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
