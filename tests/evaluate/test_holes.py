"""Holes stand where they say, in the kinds asked for, and a seed names a set of them."""

from __future__ import annotations

import numpy as np
import pytest

from repocomp.document import Document
from repocomp.evaluate.holes import KINDS, Hole, HoleKind, Source, cluster_blocks, is_source, sample

CODE = (
    "def helper(alpha, beta):\n    total = alpha + beta\n    total += 1\n    return total\n\n\n"
    "def caller(x):\n    # a comment\n    y = helper(x, (1, 2))\n    z = 'größe'\n    return helper(y, z)\n"
).encode() * 4
SOURCES = [Source(Document(path, CODE), ((2, 4), (8, 11))) for path in ("a.py", "b.py", "c.py")]
DEFINED = {"helper": 3, "caller": 3}


def draw(kinds: tuple[HoleKind, ...] = KINDS, limit: int = 40, seed: int = 0) -> list[tuple[str, int, int, str]]:
    holes = sample(SOURCES, DEFINED, kinds, limit, np.random.default_rng(seed))
    return [(hole.document.path, hole.start, hole.end, hole.kind) for hole in holes]


def test_a_seed_names_a_set() -> None:
    assert draw(seed=3) == draw(seed=3)
    assert draw(seed=3) != draw(seed=4)


def test_no_place_is_drawn_twice_and_the_limit_holds() -> None:
    places = [(path, start) for path, start, _, _ in draw(limit=30)]
    assert len(places) == len(set(places)) <= 30


@pytest.mark.parametrize("kind", KINDS)
def test_a_hole_and_what_is_left_make_the_file(kind: HoleKind) -> None:
    holes = sample(SOURCES, DEFINED, (kind,), 20, np.random.default_rng(1))
    assert holes
    for hole in holes:
        assert hole.kind == kind
        opened = hole.opened.data
        assert opened[: hole.start] + hole.answer.encode() + opened[hole.start :] == CODE


def test_arguments_of_calls_to_what_the_repository_defines() -> None:
    answers = {hole.answer for hole in sample(SOURCES, DEFINED, ("api",), 30, np.random.default_rng(0))}
    assert answers == {"x, (1, 2))", "y, z)"}


def test_bodies_are_whole() -> None:
    answers = {hole.answer for hole in sample(SOURCES, DEFINED, ("function",), 9, np.random.default_rng(0))}
    assert answers <= {
        "total = alpha + beta\n    total += 1\n    return total",
        "# a comment\n    y = helper(x, (1, 2))\n    z = 'größe'\n    return helper(y, z)",
    }


def test_lines_are_code_and_begin_at_their_first_character() -> None:
    for hole in sample(SOURCES, DEFINED, ("line",), 40, np.random.default_rng(0)):
        assert not hole.answer.startswith((" ", "#"))
        assert "\n" not in hole.answer


def test_clusters_take_one_of_many_copies() -> None:
    block = "".join(f"name_{n} = value_{n}\n" for n in range(10))
    other = "".join(f"other_{n} = thing_{n}\n" for n in range(10))
    document = Document("a.py", (block * 5 + other).encode())
    starts = cluster_blocks(document, np.random.default_rng(0))
    assert len(starts) == 2
    assert starts[1] == 51


def test_sources_and_modes() -> None:
    assert (is_source("a.rs"), is_source("README.md")) == (True, False)
    document = Document("a.py", CODE)
    assert [Hole(document, 0, 3, kind).mode for kind in KINDS] == ["line", "line", "block", "block", "line"]


def test_nothing_to_draw_from_gives_nothing() -> None:
    assert sample([], DEFINED, KINDS, 9, np.random.default_rng(0)) == []
    assert sample([Source(Document("a.py", b"\n"), ())], DEFINED, KINDS, 9, np.random.default_rng(0)) == []


def test_what_another_file_defines_and_this_one_says_once() -> None:
    lines = ("def own(box):", "own(1)", "x = box.foreign(1)", "shared(2)", "twice(twice)", "# lonely", "elsewhere")
    code = "\n    ".join(lines)
    source = Source(Document("a.py", code.encode()), (), frozenset({"own"}))
    defined = {"own": 1, "foreign": 1, "shared": 3, "twice": 1, "lonely": 1, "box": 1}
    holes = sample([source], defined, ("crossfile",), 20, np.random.default_rng(0))
    before = {hole.document.data[: hole.start].decode().rpartition("\n")[2] for hole in holes}
    assert {hole.answer for hole in holes} == {"foreign(1)", "box.foreign(1)"}
    assert before == {"    x = box.", "    x = "}, "in front of the name, or of what it belongs to"
    assert {(hole.mode, hole.kind) for hole in holes} == {("line", "crossfile")}
