"""Typing through a real file with the shipped pack: what is computed again, and that it changes no answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from repocomp.complete.parts import Parts
from repocomp.complete.pipeline import complete
from repocomp.config import Settings
from repocomp.document import Document
from repocomp.generate.local.generator import LocalGenerator, load
from repocomp.generate.local.kv_cache import KvCaches
from repocomp.request import Completion, CompletionOptions, CompletionRequest, RetrieveMode
from repocomp.service.service import CompletionService, Prepared
from tests.complete.fakes import FixedRetriever, hit

FILE = Path(__file__).parents[2] / "repocomp" / "index" / "chunk.py"
START, COUNT = 1800, 200


@pytest.fixture(scope="module")
def loaded() -> LocalGenerator:
    return load("default")


@pytest.fixture(scope="module")
def warm() -> CompletionService:
    made = CompletionService(1_024_000_000)
    made.preload("default")
    return made


def request(at: int, path: str = "chunk.py", typed: str = "", retrieve: RetrieveMode = "never") -> CompletionRequest:
    """The file without the 200 characters after `START`, up to `at` of them typed again, then `typed`."""
    data = FILE.read_bytes()
    document = Document(path, data[:at] + typed.encode() + data[START + COUNT :])
    options = CompletionOptions(retrieve=retrieve, max_new_tokens=8)
    return CompletionRequest(document, document.at_offset(at + len(typed)), None, options)


def ask(
    warm: CompletionService, wanted: CompletionRequest, is_cancelled: Callable[[], bool] = lambda: False
) -> Completion:
    return warm.answer(Prepared(wanted, Settings(), FILE.parent), None, is_cancelled)


def fresh(loaded: LocalGenerator) -> LocalGenerator:
    return replace(loaded, caches=KvCaches(loaded.model))


def facts(answer: Completion) -> tuple[object, ...]:
    return answer.id, answer.text, answer.candidates, answer.stop_reason, answer.retrieval, answer.filters


def _is_new(answer: Completion) -> bool:
    return answer.stop_reason == "line" and answer.continues is None


def test_typing_200_characters_computes_almost_nothing_twice(loaded: LocalGenerator) -> None:
    mine = fresh(loaded)
    parts = Parts(mine, mine, None)
    complete(request(START), parts)
    prompt = cached = 0
    for at in range(START + 1, START + COUNT + 1):
        answer = complete(request(at), parts)
        prompt, cached = prompt + answer.tokens.prompt, cached + answer.tokens.cached
        if at % 20 == 0:
            alone = fresh(loaded)
            uncached = complete(request(at), Parts(alone, alone, None))
            assert uncached.tokens.cached == 0
            assert facts(answer) == facts(uncached)
    assert cached / prompt >= 0.95


def test_a_retrieval_between_two_keystrokes_costs_neither_its_cache(loaded: LocalGenerator) -> None:
    mine = fresh(loaded)
    parts = Parts(mine, mine, FixedRetriever([hit("def best(path):\n    return path\n" * 20)]))
    complete(request(START + 20), parts)
    used = complete(request(START + 21, retrieve="always"), parts)
    after = complete(request(START + 22), parts)
    shared = after.tokens.prompt - 1
    assert used.retrieval.decision == "used"
    assert min(used.tokens.cached, after.tokens.cached) >= shared - 12


def test_going_to_and_fro_between_files_keeps_both(warm: CompletionService) -> None:
    texts = {name: (FILE.parent / name).read_bytes() for name in ("chunk.py", "build.py", "walk.py")}

    def visit(extra: int) -> list[int]:
        left = []
        for name, data in texts.items():
            document = Document(name, data)
            options = CompletionOptions(retrieve="never")
            wanted = CompletionRequest(document, document.at_offset(2000 + extra), None, options)
            tokens = ask(warm, wanted).tokens
            left.append(tokens.prompt - tokens.cached)
        return left

    first, second = visit(0), visit(0)
    assert min(first) > 300
    assert max(second) < 10


def test_typed_through_text_is_answered_without_the_model(warm: CompletionService) -> None:
    answers = ((at, ask(warm, request(at))) for at in range(START, START + COUNT))
    at, offer = next((at, one) for at, one in answers if len(one.text) > 6 and _is_new(one))
    requests = [request(at, typed=offer.text[:count]) for count in (1, 3, 6)]
    # A run of the model would be cancelled.
    rests = [ask(warm, wanted, lambda: True) for wanted in requests]
    for wanted, rest, count in zip(requests, rests, (1, 3, 6), strict=True):
        assert (rest.text, rest.continues) == (offer.text[count:], offer.id)
        assert (rest.range.start, rest.tokens.cached, rest.tokens.generated) == (wanted.cursor, rest.tokens.prompt, 0)
    again = ask(warm, request(at))
    assert (again.continues, again.text) == (None, offer.text)


def test_cancelled_work_stops_and_leaves_nothing_wrong(warm: CompletionService) -> None:
    wanted = request(START + 50, path="cancelled.py")
    cancelled = threading.Event()
    looked = 0

    def after_two() -> bool:
        nonlocal looked
        looked += 1
        if looked == 3:
            cancelled.set()
        return cancelled.is_set()

    assert ask(warm, wanted, after_two).stop_reason == "cancelled"
    assert looked == 3
    alone = load("default")
    assert facts(ask(warm, wanted)) == facts(complete(wanted, Parts(alone, alone, None)))
