"""The corpus: source files of permissively licensed repositories, checked by program, each text kept once.

Repositories are git directories (bare or not), read at HEAD. A licence that is not recognised as permissive refuses the
whole repository. Files that also stand in an excluded repository (a benchmark's) are dropped by content, whatever
their name; near-copies across repositories are found by bottom-k MinHash over their lines (Broder 1997).
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from repocomp import git_process
from repocomp.errors import TrainError
from repocomp.index.fitness import unfit
from repocomp.languages.language import TEXT
from repocomp.languages.table import language_of
from repocomp.named_files import read_regular
from repocomp.progress import OnProgress, Progress, ignore
from repocomp.train.recipe import Recipe

MANIFEST = "manifest.json"

_LICENCE_FILE = re.compile(r"(?i)^(licen[cs]e|copying)([.-].*)?$")
_REFUSED = ("GNU GENERAL PUBLIC", "GNU LESSER", "GNU AFFERO", "MOZILLA PUBLIC", "ECLIPSE PUBLIC")
_PERMISSIVE = (
    ("Apache-2.0", "Apache License"),
    ("MIT", "Permission is hereby granted, free of charge"),
    ("BSD", "Redistribution and use in source and binary forms"),
    ("ISC", "Permission to use, copy, modify, and"),
    ("Unlicense", "free and unencumbered software released into the public domain"),
)
_FOREIGN = re.compile(
    r"(?i)(^|/)(vendor|vendored|_vendor|third_party|node_modules|dist|build|migrations|locale|locales|snapshots?"
    r"|testdata|fixtures)/|_pb2|\.min\.|generated|lextab|yacctab|unicode"
)
_SMALLEST, _LARGEST = 200, 150_000
_LONGEST_LINE, _MEAN_LINE = 300, 100
_SKETCH = 12
_SAME_SHARE = 0.6
_LINE_CHARS = 20
_PATIENT_S, _MOST_BYTES = 600.0, 1 << 32


@dataclass(slots=True)
class RepositoryFacts:
    """What became of one repository, for the model card. `split` is train, validation, held_out or refused."""

    repository: str
    commit: str
    licence: str | None
    split: str
    files: int = 0
    bytes: int = 0
    dropped: dict[str, int] = field(default_factory=dict)

    def drop(self, reason: str) -> None:
        """Count a file that was left out."""
        self.dropped[reason] = self.dropped.get(reason, 0) + 1


@dataclass(slots=True)
class _Seen:
    """What was kept before, to keep nothing twice: digests of folded texts, and sketched lines by repository."""

    texts: dict[bytes, str] = field(default_factory=dict)
    lines: dict[bytes, str] = field(default_factory=dict)


def collect(
    folder: Path,
    out: Path,
    recipe: Recipe,
    *,
    excluded: Path | None = None,
    progress: OnProgress = ignore,
) -> list[RepositoryFacts]:
    """Read the repositories `folder/OWNER+NAME` into `out/OWNER+NAME.jsonl` and a manifest.

    `excluded` is a folder of the same form whose files must not enter. Raises TrainError when `folder` holds none.
    """
    # What must not be learnt comes first: its copies elsewhere are then known, and dropped.
    homes = sorted(_repositories(folder), key=lambda home: recipe.split_of(home[0]) == "train")
    if not homes:
        raise TrainError(f"{folder}: holds no repositories", "clone some into FOLDER/OWNER+NAME")
    out.mkdir(parents=True, exist_ok=True)
    seen = _Seen()
    for name, home in _repositories(excluded) if excluded is not None else ():
        for _, text in _texts(home, _listed(home)):
            seen.texts[_digest(text)] = f"excluded: {name}"
    facts = []
    for at, (name, home) in enumerate(homes):
        if name not in recipe.excluded:
            facts.append(_collect_one(name, home, out, recipe, seen))
        progress(Progress(at + 1, len(homes), name))
    (out / MANIFEST).write_text(json.dumps([asdict(one) for one in facts], indent=1), encoding="utf-8")
    return facts


def repositories_of(corpus: Path, split: str) -> Iterator[tuple[str, Path]]:
    """(repository, its file of the corpus) of one split, in the manifest's order. Raises TrainError without one."""
    try:
        facts = json.loads(read_regular(corpus / MANIFEST))
    except OSError as error:
        raise TrainError(f"{corpus}: holds no corpus", "repocomp train corpus FOLDER OUT") from error
    for one in facts:
        path = corpus / f"{one['repository'].replace('/', '+')}.jsonl"
        if one["split"] == split and path.exists():
            yield one["repository"], path


def read_repository(source: Path) -> list[tuple[str, str]]:
    """(path, text) of the files of one repository."""
    rows = (json.loads(line) for line in read_regular(source).decode().split("\n") if line)
    return [(row["path"], row["text"]) for row in rows]


def read_split(corpus: Path, split: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """(repository, [(path, text)]) of one split. Raises TrainError without a corpus."""
    for name, source in repositories_of(corpus, split):
        yield name, read_repository(source)


def licence_of(text: str) -> str | None:
    """The permissive licence that `text` is, or None."""
    folded = " ".join(text.split())
    if any(word in folded.upper() for word in _REFUSED):
        return None
    return next((name for name, mark in _PERMISSIVE if mark in folded), None)


def _repositories(folder: Path) -> Iterator[tuple[str, Path]]:
    """(OWNER/NAME, git directory) of every repository in `folder`, by name."""
    for home in sorted(folder.iterdir()) if folder.is_dir() else ():
        if "+" not in home.name:
            continue
        for inside in (home, home / ".git", home / "repo", home / "repo" / ".git"):
            if (inside / "objects").is_dir() and (inside / "HEAD").is_file():
                yield home.name.replace("+", "/", 1), inside
                break


def _collect_one(name: str, home: Path, out: Path, recipe: Recipe, seen: _Seen) -> RepositoryFacts:
    commit = _git(home, "rev-parse", "HEAD").decode().strip()
    licence = next((found for text in _licences(home) if (found := licence_of(text))), None)
    facts = RepositoryFacts(name, commit, licence, recipe.split_of(name) if licence else "refused")
    if facts.split == "refused":
        return facts
    listed = _listed(home)
    random.Random(f"{recipe.seed} {name}").shuffle(listed)
    with (out / f"{name.replace('/', '+')}.jsonl").open("w", encoding="utf-8") as stream:
        for path, text in _texts(home, _up_to(listed, recipe.bytes_each), facts.drop):
            reason = _known(text, name, seen)
            if reason is not None:
                facts.drop(reason)
                continue
            stream.write(json.dumps({"path": path, "text": text}, ensure_ascii=False) + "\n")
            facts.files += 1
            facts.bytes += len(text.encode())
    return facts


def _licences(home: Path) -> Iterator[str]:
    for name in _git(home, "ls-tree", "--name-only", "HEAD").decode(errors="replace").split("\n"):
        if _LICENCE_FILE.match(name):
            yield _git(home, "cat-file", "blob", f"HEAD:{name}").decode(errors="replace")


def _listed(home: Path) -> list[tuple[str, str, int]]:
    """(object, path, bytes) of every source file at HEAD that is the repository's own."""
    rows = []
    for line in _git(home, "ls-tree", "-r", "-l", "-z", "HEAD").decode(errors="replace").split("\0"):
        if not line:
            continue
        head, path = line.split("\t", 1)
        _, kind, sha, size = head.split()
        own = language_of(path) != TEXT and not _FOREIGN.search(path)
        # A snapshot may lack its largest objects: their size is no number.
        if kind == "blob" and own and size.isdigit() and _SMALLEST <= int(size) <= _LARGEST:
            rows.append((sha, path, int(size)))
    return rows


def _up_to(rows: Sequence[tuple[str, str, int]], limit: int) -> list[tuple[str, str, int]]:
    total = 0
    kept = []
    for row in rows:
        if total > limit:
            break
        kept.append(row)
        total += row[2]
    return kept


def _texts(
    home: Path, rows: Sequence[tuple[str, str, int]], drop: Callable[[str], None] = lambda reason: None
) -> Iterator[tuple[str, str]]:
    """(path, text) of the files worth learning from, line ends plain."""
    if not rows:
        return
    data = _git(home, "cat-file", "--batch", stdin="\n".join(sha for sha, _, _ in rows).encode() + b"\n")
    at = 0
    for _, path, _ in rows:
        head = data.index(b"\n", at)
        size = int(data[at:head].split()[2])
        blob, at = data[head + 1 : head + 1 + size], head + size + 2
        reason = unfit(blob)
        text = blob.decode(errors="replace").replace("\r\n", "\n")
        if reason is None and _is_odd(text):
            reason = "odd lines"
        if reason is None:
            yield path, text
        else:
            drop(reason)


def _is_odd(text: str) -> bool:
    lines = text.split("\n")
    return max(map(len, lines)) > _LONGEST_LINE or len(text) / len(lines) > _MEAN_LINE


def _known(text: str, name: str, seen: _Seen) -> str | None:
    """Why `text` is not new; what is new is remembered."""
    digest = _digest(text)
    if digest in seen.texts:
        return "excluded" if seen.texts[digest].startswith("excluded") else "copy"
    sketch = _sketch(text)
    elsewhere = sum(seen.lines.get(line, name) != name for line in sketch)
    if len(sketch) == _SKETCH and elsewhere >= _SAME_SHARE * _SKETCH:
        return "near copy"
    seen.texts[digest] = name
    for line in sketch:
        seen.lines.setdefault(line, name)
    return None


def _sketch(text: str) -> list[bytes]:
    lines = {stripped for line in text.split("\n") if len(stripped := line.strip()) > _LINE_CHARS}
    return sorted(hashlib.blake2b(line.encode(), digest_size=8).digest() for line in lines)[:_SKETCH]


def _digest(text: str) -> bytes:
    """Of the text without white space: indentation and line ends make no new file."""
    return hashlib.blake2b("".join(text.split()).encode(), digest_size=12).digest()


def _git(home: Path, *arguments: str, stdin: bytes | None = None) -> bytes:
    answer = git_process.ask(home, *arguments, top=None, stdin=stdin, timeout_s=_PATIENT_S, most_bytes=_MOST_BYTES)
    if answer.exit_code != 0:
        raise TrainError(f"{home}: git {arguments[0]} failed: {answer.problem}", "check the repository, or remove it")
    return answer.output
