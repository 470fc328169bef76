"""What a long run has found, kept as it comes: a run that was stopped goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class Notes:
    """Values by key, one JSON line each in the file at `path`; without one they last as long as this object."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._known: dict[str, Any] = {}
        if path is not None:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            text = path.read_text(encoding="utf-8") if path.exists() else ""
            # A crash may have cut the last line short.
            whole = text[: text.rfind("\n") + 1]
            if whole != text:
                path.write_text(whole, encoding="utf-8")
            self._known = dict(json.loads(line) for line in whole.splitlines())

    def get(self, key: str) -> Any | None:  # noqa: ANN401  (whatever was noted)
        """What was noted under `key`; None where nothing was."""
        return self._known.get(key)

    def put(self, key: str, value: object) -> None:
        """Note a JSON value under a new `key`."""
        self._known[key] = value
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps([key, value]) + "\n")

    def forget(self) -> None:
        """Remove the file: the run is done."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
