"""Published benchmarks as they lie on disk: RepoEval and CrossCodeEval files, one JSON object per line.

A line that cannot be used is named and left out; the rest goes on. Where the repositories are given, the file stands
around the hole as it does in an editor and retrieval asks a real index; else there is only what the line supplies.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from repocomp.document import Document
from repocomp.errors import BenchError
from repocomp.evaluate.holes import Hole, HoleKind
from repocomp.named_files import read_text
from repocomp.retrieve.hit import Hit

_KIND_MARKS: tuple[tuple[str, HoleKind], ...] = (("function", "function"), ("api", "api"), ("line", "line"))


@dataclass(frozen=True, slots=True)
class Task:
    """One line of a dataset: its hole, the folder of its repository if it was found, chunks that came with it."""

    name: str
    hole: Hole
    repository: Path | None
    supplied: tuple[Hit, ...] = ()


@dataclass(frozen=True, slots=True)
class Dataset:
    """The tasks of a file, and one sentence for each line that could not be used."""

    suite: str
    tasks: tuple[Task, ...]
    skipped: tuple[str, ...]


def repoeval(path: Path, repositories: Path | None = None) -> Dataset:
    """Read RepoEval: `prompt`, `metadata{task_id, ground_truth, fpath_tuple, lineno}`. Raises BenchError.

    `repositories` holds a folder for each; by default they are looked for around the file.
    """
    around = [repositories] if repositories is not None else [path.parent, path.parent.parent]
    kind: HoleKind = next((kind for mark, kind in _KIND_MARKS if mark in path.name), "function")
    tasks, skipped = [], []
    for number, line in _lines(path):
        try:
            tasks.append(_repoeval_task(json.loads(line), around, kind))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            skipped.append(f"{path.name}:{number}: {type(error).__name__}: {error}")
    return _dataset("repoeval", path, tasks, skipped)


def crosscodeeval(path: Path, repositories: Path | None = None) -> Dataset:
    """Read CrossCodeEval: `prompt, groundtruth, right_context, metadata{task_id, repository, file}`. Raises BenchError.

    Chunks come from `crossfile_context{list[{retrieved_chunk, filename, score}]}` unless `repositories` are given.
    """
    tasks, skipped = [], []
    for number, line in _lines(path):
        try:
            tasks.append(_crosscodeeval_task(json.loads(line), repositories))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            skipped.append(f"{path.name}:{number}: {type(error).__name__}: {error}")
    return _dataset("crosscodeeval", path, tasks, skipped)


def by_repository(tasks: Sequence[Task]) -> Iterator[tuple[Path | None, list[Task]]]:
    """Tasks with the same index together, in order of first sight."""
    for folder in dict.fromkeys(task.repository for task in tasks):
        yield folder, [task for task in tasks if task.repository == folder]


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        text = read_text(path)
    except OSError as error:
        raise BenchError(f"{path}: {error.strerror}", "name the dataset's .jsonl file") from error
    except UnicodeDecodeError as error:
        raise BenchError(f"{path}: is not UTF-8", "name the dataset's .jsonl file") from error
    yield from ((number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip())


def _dataset(suite: str, path: Path, tasks: list[Task], skipped: list[str]) -> Dataset:
    if not tasks:
        reason = skipped[0] if skipped else "it is empty"
        raise BenchError(f"{path}: holds no usable line ({reason})", f"check that it is a {suite} file")
    return Dataset(suite, tuple(tasks), tuple(skipped))


def _repoeval_task(row: dict[str, Any], around: Sequence[Path], kind: HoleKind) -> Task:
    facts = row["metadata"]
    top, *inside = facts["fpath_tuple"]
    truth = facts["ground_truth"].rstrip("\n")
    folder = _folder(around, top)
    found = _file_with(folder, inside, facts["lineno"], truth) if folder is not None else None
    name = f"{facts['task_id']}:{'/'.join(inside)}:{facts['lineno']}"
    if found is None:
        prompt = row["prompt"].encode()
        # Without the file the answer's own place is unknown, so nothing can hide it from an index.
        return Task(name, _hole("/".join([top, *inside]), prompt, truth.encode(), b"", kind), None)
    path, data = found
    start = sum(len(line) + 1 for line in data.split(b"\n")[: facts["lineno"]])
    hole = Hole(Document(path, data), start, start + len(truth.encode()), kind)
    return Task(name, _after_indent(hole), folder)


def _crosscodeeval_task(row: dict[str, Any], repositories: Path | None) -> Task:
    facts = row["metadata"]
    left, truth, right = row["prompt"].encode(), row["groundtruth"].encode(), (row.get("right_context") or "").encode()
    hole = _hole(facts["file"], left, truth, right, "line")
    chunks = (row.get("crossfile_context") or {}).get("list") or []
    hits = tuple(
        Hit(
            0,
            chunk["filename"],
            1,
            1 + chunk["retrieved_chunk"].count("\n"),
            float(chunk.get("score") or 0.0),
            "supplied",
            chunk["retrieved_chunk"],
        )
        for chunk in chunks
    )
    folder = _folder([repositories], facts["repository"]) if repositories is not None else None
    return Task(f"{facts['repository']}:{facts['task_id']}", hole, folder, hits)


def _hole(path: str, left: bytes, truth: bytes, right: bytes, kind: HoleKind) -> Hole:
    return _after_indent(Hole(Document(path, left + truth + right), len(left), len(left + truth), kind))


def _after_indent(hole: Hole) -> Hole:
    """The cursor of an editor stands behind the indentation, not before it."""
    body = hole.document.data[hole.start : hole.end]
    return replace(hole, start=hole.start + len(body) - len(body.lstrip(b" \t")))


def _folder(around: Sequence[Path], name: str) -> Path | None:
    """The folder of a repository under one of the spellings in use: owner_repo, owner--repo, owner/repo, repo."""
    owner, _, repository = name.replace("/", "_", 1).partition("_")
    spellings = [name, *(f"{owner}{mark}{repository}" for mark in ("--", "_", "-", "+", "/")), repository]
    places = (home / spelling for home in around for spelling in spellings if spelling)
    return next((place for place in places if place.is_dir()), None)


def _file_with(folder: Path, inside: Sequence[str], line: int, truth: str) -> tuple[str, bytes] | None:
    """(path, bytes) of the file that has `truth` from `line` on (0-based): by its path, or moved within the tree."""
    named = folder.joinpath(*inside)
    moved = (path for path in sorted(folder.rglob(inside[-1])) if path != named)
    for path in [named, *moved]:
        if path.is_file():
            data = path.read_bytes().replace(b"\r\n", b"\n")
            if b"\n".join(data.split(b"\n")[line:]).startswith(truth.encode()):
                return path.relative_to(folder).as_posix(), data
    return None
