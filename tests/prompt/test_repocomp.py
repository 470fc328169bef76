"""The prompt of our own packs: which part stands where, and what both branches share."""

from __future__ import annotations

import pytest

from repocomp.document import Document
from repocomp.generate.local.generator import LocalGenerator
from repocomp.generate.local.kv_cache import KvCaches
from repocomp.model.families import FimTokens
from repocomp.model.pack import Layout
from repocomp.prompt.repocomp import ECHO_TOKENS, RepocompFormat, branch
from repocomp.prompt.snippets import fit
from repocomp.prompt.window import Window
from tests.complete.fakes import BUDGETS, ByteTokenizer, ScriptedModel, fake_pack, hit

TOKENS = FimTokens()


def encode(text: str) -> list[int]:
    """One id per byte, and none for a path, so that rows stay short."""
    return [] if text == "a.py\n" else ByteTokenizer().encode(text)


def window(left_ids: tuple[int, ...] = (1001,)) -> Window:
    return Window("a.py", "L", "R", "", left_ids, (1002,), 1, 1)


def test_order_of_the_shared_part() -> None:
    assert RepocompFormat(TOKENS, "spm", encode).shared(window()) == [2, 1002, 1, 6, 1001, 4]
    assert RepocompFormat(TOKENS, "psm", encode).shared(window()) == [1, 6, 1001, 2, 1002, 4]


@pytest.mark.parametrize("layout", ["spm", "psm"])
def test_the_left_end_is_said_again_behind_the_context(layout: Layout) -> None:
    left = tuple(range(1000, 1100))
    family = RepocompFormat(TOKENS, layout, encode)
    shared = family.shared(window(left))
    assert branch([], shared, TOKENS) == [3]
    assert branch([7, 8], shared, TOKENS) == [5, 7, 8, *left[-ECHO_TOKENS:], 4, 3]
    assert branch([7, 8], family.shared(window()), TOKENS) == [5, 7, 8, 6, 1001, 4, 3]


@pytest.mark.parametrize("layout", ["spm", "psm"])
def test_every_prompt_begins_with_what_the_decision_reads(layout: Layout) -> None:
    family = RepocompFormat(TOKENS, layout, ByteTokenizer().encode)
    snippets = fit([hit("def f():\n    return 1\n" * 3)], family.snippet, 200)
    decision = family.decision(window())
    assert snippets
    assert decision.ids[-1] == TOKENS.decide
    for shown in ((), snippets):
        assert family.prompt(window(), shown)[: len(decision.ids)] == decision.ids
    assert family.prompt(window()) == [*decision.ids, decision.skip]


def test_a_long_path_leaves_room_for_code() -> None:
    model = ScriptedModel("")
    generator = LocalGenerator(fake_pack(), ByteTokenizer(), model, KvCaches(model))
    document = Document("d/" * 200 + "a.py", b"x = 1\n" * 200)
    cut = generator.window(document, document.at_offset(1200))
    assert len(cut.left_ids) + generator.format.head_tokens(document.path) <= BUDGETS.left
    assert cut.left.endswith("x = 1\n")
