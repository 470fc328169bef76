"""Texts for parsers: the same trees as from bytes, and nothing that stays behind."""

from __future__ import annotations

import gc
import random
import threading
import tracemalloc

import pytest

from repocomp.languages.reading import reader
from repocomp.languages.table import grammar, language, parser
from tests.serve.daemon import ROOT

SOURCE = (ROOT / "repocomp" / "index" / "chunk.py").read_bytes()


@pytest.mark.parametrize("most_bytes", [None, 7, 1000])
def test_a_text_in_pieces_is_parsed_as_one_of_bytes(most_bytes: int | None) -> None:
    known = parser("python")
    assert known is not None
    for end in (0, 1, 900, len(SOURCE)):
        data = SOURCE[:end]
        assert str(known.parse(reader(data, most_bytes)).root_node) == str(known.parse(data).root_node)


def test_a_text_that_changed_is_parsed_from_the_tree_before() -> None:
    known = parser("python")
    assert known is not None
    old = known.parse(reader(SOURCE))
    data = SOURCE[:100] + b"x" + SOURCE[100:]
    old.edit(100, 100, 101, (0, 100), (0, 100), (0, 101))
    assert str(known.parse(reader(data), old).root_node) == str(known.parse(data).root_node)


def test_parsing_leaves_nothing_behind() -> None:
    """Fresh texts of all lengths, as completions parse them."""
    known = parser("python")
    assert known is not None
    rng = random.Random(7)

    def parse(times: int) -> None:
        for _ in range(times):
            start = rng.randrange(len(SOURCE) // 2)
            data = SOURCE[start : start + rng.randrange(3000)]
            known.parse(reader(data), progress_callback=lambda *_: False)

    parse(200)
    tracemalloc.start()
    try:
        parse(100)
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        parse(200)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # A twentieth of what was parsed: buffers grow and shrink.
    assert after - before < 200 * 1500 / 20


def test_threads_do_not_read_each_others_texts() -> None:
    texts = {f"def f{number}():\n    return {number}\n".encode() * 50 for number in range(4)}
    wrong: list[bytes] = []
    python = language("python")
    assert python is not None

    def parse(data: bytes) -> None:
        from tree_sitter import Parser

        own = Parser(grammar(python))
        expected = str(own.parse(data).root_node)
        for _ in range(30):
            if str(own.parse(reader(data, 64)).root_node) != expected:
                wrong.append(data)

    threads = [threading.Thread(target=parse, args=(data,)) for data in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
