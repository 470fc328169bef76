"""Imports and class headers are read in time that grows with the text, whatever it begins and never ends."""

from __future__ import annotations

import time

import pytest

from repocomp.languages.table import language
from repocomp.retrieve.query import Query
from repocomp.retrieve.understand import understand

UNITS = [
    ("javascript", "let \n"),
    ("javascript", "import {\n"),
    ("typescript", "export \n"),
    ("tsx", "const a:\n"),
    ("rust", "pub(\n"),
    ("rust", "use a::{\n"),
    ("python", "public \n"),
]
"""What took seconds for 32 kB."""


@pytest.mark.slow
@pytest.mark.parametrize(("name", "unit"), UNITS)
def test_eight_times_the_text_takes_about_eight_times_as_long(name: str, unit: str) -> None:
    small, large = (min(_seconds(name, unit, size) for _ in range(3)) for size in (1 << 14, 1 << 17))
    assert large < 24 * small + 0.01


def _seconds(name: str, unit: str, size: int) -> float:
    known, text = language(name), (unit * size)[:size]
    assert known is not None
    started = time.thread_time()
    list(known.imports(text))
    understand(Query("a", name, "", "", (1, 1), text, ""))
    return time.thread_time() - started
