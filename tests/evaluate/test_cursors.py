"""Cursors are told apart by where they stand, and holes are cut at those of the kinds asked for."""

from __future__ import annotations

import numpy as np
import pytest

from repocomp.complete.cursor_kind import CURSOR_KINDS, CursorKind, kind_of
from repocomp.complete.finish.needs import Needs
from repocomp.document import Document
from repocomp.evaluate.cursors import Cursors, sample_cursors, weights
from repocomp.evaluate.holes import Hole, Source

CODE = '''"""A module that says
what it is for."""

import json


def helper(alpha, beta):
    # adds the two of them
    total = alpha + json.loads(beta)
    if total:
        total += 1
        print("the total", total)
    return total


RESULT = helper(1, "two words")
'''
PROSE = "# Title\n\nSome words of prose, and more of them.\n"
SOURCES = [Source(Document("a.py", CODE.encode()), ()), Source(Document("README.md", PROSE.encode()), ())]


@pytest.mark.parametrize(
    ("left", "right", "kind"),
    [
        ("x = foo", "", "word"),
        ("x = foo + ", "", "space"),
        ("x = foo(", ")", "bracket"),
        ("x = foo.", "", "dot"),
        ("ptr->", "", "dot"),
        ("x =", "", "value"),
        ("x = ", "", "value"),
        ("return ", "", "value"),
        ("import ", "", "value"),
        ("if x == ", "", "space"),
        ("returned ", "", "space"),
        ("f(a,", ")", "sign"),
        ("def f():\n    ", "\nx = 1", "blank"),
        ("def f():\n    ", "\n\n", "end"),
        ("x = 1  # the", "", "comment"),
        ('x = "the ', '"', "string"),
        ('"""The ', '"""', "docstring"),
    ],
)
def test_kinds_of_python(left: str, right: str, kind: CursorKind) -> None:
    region = Needs.of(left, right, "python").start.region
    assert kind_of(left, right, region, is_code=True) == kind
    assert kind_of(left, right, region, is_code=False) == "prose"


def holes(kinds: tuple[CursorKind, ...] = CURSOR_KINDS, limit: int = 60, seed: int = 0) -> list[Hole]:
    return sample_cursors(SOURCES, kinds, limit, np.random.default_rng(seed))


@pytest.mark.parametrize("kind", CURSOR_KINDS)
def test_each_kind_is_cut_where_it_says(kind: CursorKind) -> None:
    found = holes((kind,), 8)
    assert found
    for hole in found:
        assert hole.kind == kind
        opened = hole.opened
        left, right = opened.data[: hole.start].decode(), opened.data[hole.start :].decode()
        region = Needs.of(left, right, "python").start.region if kind != "prose" else None
        assert kind_of(left, right, region, is_code=kind != "prose") == kind
        assert left + hole.answer + right == hole.document.data.decode()


def test_what_an_editor_has_closed_stays_and_ends_are_ends() -> None:
    closed = [hole.opened.data[hole.start :].decode() for hole in holes(("bracket",), 30)]
    assert any(rest.startswith(")") for rest in closed)
    assert any(rest.startswith("\n") for rest in closed)
    assert not any(hole.opened.data[hole.start :].strip() for hole in holes(("end",), 8))


def test_a_body_that_is_missing_is_a_block() -> None:
    found = {hole.answer: hole.mode for hole in holes(("blank",), 40)}
    assert found['total += 1\n        print("the total", total)'] == "block"
    assert found["return total"] == "line"


def test_a_seed_names_a_set_in_which_kinds_come_by_weight() -> None:
    assert [(hole.start, hole.kind) for hole in holes()] == [(hole.start, hole.kind) for hole in holes()]
    assert [hole.start for hole in holes()] != [hole.start for hole in holes(seed=1)]
    assert set(weights()) == set(CURSOR_KINDS)
    assert sum(weights().values()) == pytest.approx(1)


def test_no_place_within_the_indentation_or_of_an_empty_file() -> None:
    cursors = Cursors.of(SOURCES[0])
    for places in cursors.at.values():
        for at in places:
            line = CODE[CODE.rfind("\n", 0, at) + 1 : CODE.find("\n", at)]
            assert line.strip()
    assert sample_cursors([], CURSOR_KINDS, 5, np.random.default_rng(0)) == []
    assert sample_cursors([Source(Document("a.py", b""), ())], CURSOR_KINDS, 5, np.random.default_rng(0)) == []
