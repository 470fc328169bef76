"""Cases as they are measured, on disk, so that a run that was stopped can be resumed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from repocomp.evaluate.cases import Case
from repocomp.named_files import read_regular


@dataclass(frozen=True, slots=True)
class Journal:
    """One run's file; `cases` are those it held when it was opened."""

    path: Path
    cases: tuple[Case, ...]

    @classmethod
    def open(cls, folder: Path, identity: Iterable[str]) -> Journal:
        """The journal in `folder` of the run that `identity` names: pack and holes; another run has another file."""
        digest = hashlib.blake2b("\0".join(identity).encode(), digest_size=8).hexdigest()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"bench-{digest}.jsonl"
        text = read_regular(path).decode() if path.exists() else ""
        # A crash may have cut the last line short.
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            path.write_text(whole, encoding="utf-8")
        return cls(path, tuple(Case.from_json(json.loads(line)) for line in whole.splitlines()))

    def follow(self, measured: Iterable[Case], progress: Callable[[int], None]) -> list[Case]:
        """Keep each case as it is measured; all of the run once it is done, and the file is gone."""
        cases = list(self.cases)
        with open(self.path, "a", encoding="utf-8", opener=_private) as stream:
            for case in measured:
                cases.append(case)
                stream.write(json.dumps(case.to_json()) + "\n")
                stream.flush()
                progress(len(cases))
        self.path.unlink(missing_ok=True)
        return cases


def _private(path: str, flags: int) -> int:
    """Cases hold source text."""
    return os.open(path, flags, 0o600)
