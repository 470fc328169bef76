"""Texts for parsers: the same trees as from bytes, and nothing that stays behind."""

from __future__ import annotations

import gc
import random
import threading
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from repocomp.languages import reading
from repocomp.languages.reading import parse
from repocomp.languages.table import grammar, language, parser
from tests.serve.daemon import ROOT

if TYPE_CHECKING:
    from tree_sitter import Parser, Tree

SOURCE = (ROOT / "repocomp" / "index" / "chunk.py").read_bytes()


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_PIECE", 64)


def never(*_: object) -> bool:
    return False


def tree(known: Parser, data: bytes, old: Tree | None = None) -> Tree:
    found = parse(known, data, never, old)
    assert found is not None
    return found


@pytest.mark.parametrize("piece", [7, 1000, 1 << 16])
def test_a_text_in_pieces_is_parsed_as_one_of_bytes(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_PIECE", piece)
    known = parser("python")
    assert known is not None
    for end in (0, 1, 900, len(SOURCE)):
        data = SOURCE[:end]
        assert str(tree(known, data).root_node) == str(known.parse(data).root_node)


def test_a_node_tells_its_text_after_other_texts_were_parsed() -> None:
    known = parser("python")
    assert known is not None
    first = tree(known, SOURCE).root_node
    tree(known, b"x = 1\n" * 200)
    assert [node.text for node in first.children] == [SOURCE[n.start_byte : n.end_byte] for n in first.children]


def test_a_text_that_changed_is_parsed_from_the_tree_before() -> None:
    known = parser("python")
    assert known is not None
    old = tree(known, SOURCE)
    data = SOURCE[:100] + b"x" + SOURCE[100:]
    old.edit(100, 100, 101, (0, 100), (0, 100), (0, 101))
    assert str(tree(known, data, old).root_node) == str(known.parse(data).root_node)


def test_what_was_given_up_says_nothing_of_the_next_text() -> None:
    known = parser("python")
    assert known is not None
    assert parse(known, SOURCE * 20, lambda *_: True) is None
    assert str(tree(known, SOURCE).root_node) == str(known.parse(SOURCE).root_node)


@pytest.mark.parametrize("piece", [64, 1 << 16])
def test_parsing_leaves_nothing_behind(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fresh texts of all lengths, as completions and the index parse them."""
    monkeypatch.setattr(reading, "_PIECE", piece)
    known = parser("python")
    assert known is not None
    rng = random.Random(7)

    def read(times: int) -> None:
        for _ in range(times):
            start = rng.randrange(len(SOURCE) // 2)
            data = SOURCE[start : start + rng.randrange(3000)]
            for node in tree(known, data).root_node.children:
                assert node.text is not None

    read(200)
    tracemalloc.start()
    try:
        read(100)
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        read(200)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # A twentieth of what was parsed: the buffer grows and shrinks.
    assert after - before < 200 * 1500 / 20


def test_threads_do_not_read_each_others_texts() -> None:
    texts = {f"def f{number}():\n    return {number}\n".encode() * 50 for number in range(4)}
    wrong: list[bytes] = []
    python = language("python")
    assert python is not None

    def work(data: bytes) -> None:
        from tree_sitter import Parser

        own = Parser(grammar(python))
        expected = str(own.parse(data).root_node)
        for _ in range(30):
            if str(tree(own, data).root_node) != expected:
                wrong.append(data)

    threads = [threading.Thread(target=work, args=(data,)) for data in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
