"""Answers held against the truth: what confidence is fitted to.

For each cursor of a repository the pack answers as users get it, and the answer is judged. A row keeps figures of the
answer and verdicts on it, no text. Repositories already in the output are not asked again: a run can be resumed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from repocomp.complete.cursor_kind import CURSOR_KINDS
from repocomp.complete.parts import IndexRetriever, Parts
from repocomp.evaluate.counterfactual import answer
from repocomp.evaluate.cursors import sample_cursors
from repocomp.evaluate.holes import texts_of
from repocomp.evaluate.silence import is_kept
from repocomp.generate.local.generator import LocalGenerator
from repocomp.index.build import build_from
from repocomp.languages.formats import language_in
from repocomp.progress import OnProgress, Progress, ignore
from repocomp.store.index.reader import IndexReader
from repocomp.train.lm.label import MAX_NEW_TOKENS, Repository


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer at a cursor: its `figures` (none where it was empty), its edit similarity (0..1), and whether kept."""

    repository: str
    path: str
    start: int
    kind: str
    language: str
    figures: dict[str, float]
    similarity: float
    is_kept: bool


def judge(
    repositories: Iterable[Repository],
    loaded: LocalGenerator,
    out: Path,
    *,
    holes_each: int,
    seed: int,
    total: int,
    progress: OnProgress = ignore,
) -> list[Verdict]:
    """Append verdicts to `out` (JSON Lines), `holes_each` a repository, some `total` in all; returns all there are."""
    done = read(out)
    known = {verdict.repository for verdict in done}
    with out.open("a", encoding="utf-8") as stream:
        for repository in repositories:
            if repository.name in known:
                continue
            rows = list(_verdicts(repository, loaded, holes_each, seed))
            stream.writelines(json.dumps(asdict(row)) + "\n" for row in rows)
            stream.flush()
            done += rows
            progress(Progress(len(done), max(total, len(done)), repository.name))
    return done


def read(path: Path) -> list[Verdict]:
    """All verdicts of a file that `judge` wrote, none without one; a line that a crash has cut short is dropped."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole, encoding="utf-8")
    return [Verdict(**json.loads(line)) for line in whole.splitlines()]


def _verdicts(repository: Repository, loaded: LocalGenerator, limit: int, seed: int) -> Iterator[Verdict]:
    with TemporaryDirectory() as folder:
        database = Path(folder) / "index.db"
        build_from(database, repository.files)
        with IndexReader.open_at(database) as reader:
            parts = Parts(loaded, loaded, IndexRetriever(reader))
            for hole in sample_cursors(texts_of(reader), CURSOR_KINDS, limit, np.random.default_rng(seed)):
                attempt = answer(hole, parts, MAX_NEW_TOKENS)
                yield Verdict(
                    repository=repository.name,
                    path=hole.document.path,
                    start=hole.start,
                    kind=hole.kind,
                    language=language_in(hole.document.path, hole.document.data),
                    figures=attempt.completion.figures,
                    similarity=round(attempt.similarity, 4),
                    is_kept=is_kept(attempt.text, hole.answer.replace("\r\n", "\n")),
                )
