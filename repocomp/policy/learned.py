"""The file of what was learned in a repository: read once per process, believed only when it is whole and fits.

Nothing here is needed for a completion: a file that is missing, damaged or of another version leaves the shipped
behaviour, and a sentence to warn with.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from repocomp.named_files import read_regular
from repocomp.policy.select import Action, Parameters, from_json, to_json
from repocomp.store.identity import known_name
from repocomp.store.paths import learned_path

FORMAT = 3
"""Raised when the columns or what the numbers mean change."""
_FIX = "run: repocomp learn"


@dataclass(frozen=True, slots=True)
class Learned:
    """What a process knows: `parameters`, or None and perhaps a `warning` why they are not used."""

    parameters: Parameters | None = None
    warning: str | None = None


def path_for(root: Path) -> Path | None:
    """Where the parameters of the repository at `root` would lie, without asking git; None where that is unknown."""
    name = known_name(root)
    return None if name is None else learned_path(name)


def load_learned(path: Path | None, pack: str, actions: Sequence[Action]) -> Learned:
    """Read the file at `path` for the generator with the digest `pack` and its `actions`. Raises nothing."""
    if path is None:
        return Learned()
    try:
        data = read_regular(path)
    except (FileNotFoundError, NotADirectoryError):
        return Learned()
    except OSError as error:
        return Learned(warning=f"what was learned cannot be read ({error.strerror}) and is not used")
    try:
        found = _parse(data)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Learned(warning=f"what was learned is damaged or of another version, and is not used; {_FIX}")
    if found.pack != pack:
        return Learned(warning=f"what was learned is of another model pack, and is not used; {_FIX}")
    if found.actions != tuple(actions):
        return Learned(warning=f"what was learned is of other retrieval strategies, and is not used; {_FIX}")
    return Learned(found)


def write_learned(path: Path, parameters: Parameters) -> None:
    """Put the parameters into the file at `path`, all or nothing. Raises OSError."""
    body = json.dumps(to_json(parameters), separators=(",", ":"))
    text = json.dumps({"format": FORMAT, "digest": _digest(body), "parameters": body})
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _parse(data: bytes) -> Parameters:
    content = json.loads(data)
    if content["format"] != FORMAT:
        raise ValueError("of another version")
    body = content["parameters"]
    if _digest(body) != content["digest"]:
        raise ValueError("not as it was written")
    return from_json(json.loads(body))


def _digest(body: str) -> str:
    return hashlib.blake2b(body.encode(), digest_size=16).hexdigest()
