"""The file of a run that may be resumed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from repocomp.bench.completion.journal import Journal
from repocomp.evaluate.cases import Case


@pytest.mark.skipif(os.name == "nt", reason="modes of files")
def test_source_text_is_the_users_alone(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "cache", ["pack"])

    def measured() -> Iterator[Case]:
        assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(journal.path.parent.stat().st_mode) == 0o700
        yield from ()

    assert journal.follow(measured(), lambda _: None) == []
    assert not journal.path.exists()
