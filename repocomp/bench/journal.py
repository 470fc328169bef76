"""Cases as they are measured, on disk, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from repocomp.evaluate.cases import Case
from repocomp.store.paths import index_path


@dataclass(frozen=True, slots=True)
class Journal:
    """One run's file beside the index; `cases` are those it held when it was opened."""

    path: Path
    cases: tuple[Case, ...]

    @classmethod
    def open(cls, root: Path, identity: Iterable[object]) -> Journal:
        """The journal of the run that `identity` names: packs and holes; another run has another file."""
        digest = hashlib.blake2b("\0".join(map(str, identity)).encode(), digest_size=8).hexdigest()
        path = index_path(root).with_name(f"bench-{digest}.jsonl")
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        # A crash may have cut the last line short.
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            path.write_text(whole, encoding="utf-8")
        return cls(path, tuple(Case.from_json(json.loads(line)) for line in whole.splitlines()))

    def add(self, case: Case) -> None:
        """Keep a case."""
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(case.to_json()) + "\n")

    def remove(self) -> None:
        """Forget the run: it is done."""
        self.path.unlink(missing_ok=True)
