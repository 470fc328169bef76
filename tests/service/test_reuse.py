"""When the rest of an offer is the answer, and when it is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from repocomp.complete.pipeline import complete
from repocomp.document import Document
from repocomp.request import CompletionOptions, CompletionRequest
from repocomp.service.reuse import PreviousAnswer
from tests.complete.fakes import ScriptedModel, parts

TEXT, AT = b"a = \nb = 2\n", 4
PROSE = "a.txt"
"""A file without a grammar: what is said there is taken as it is."""
SPACE = " "
"""The end of the line before the cursor is written anew."""
STATE = ("pack", 1)


def ask(data: bytes, at: int, path: str = PROSE, **options: Any) -> CompletionRequest:
    document = Document(path, data)
    return CompletionRequest(document, document.at_offset(at), None, CompletionOptions(**options))


def offer(said: str = "été(1)\n", **options: Any) -> PreviousAnswer:
    request = ask(TEXT, AT, **options)
    return PreviousAnswer(request, complete(request, parts(ScriptedModel(SPACE + said))), STATE)


def typed(text: str, **options: Any) -> CompletionRequest:
    data = text.encode()
    return ask(TEXT[:AT] + data + TEXT[AT:], AT + len(data), **options)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_what_is_left_of_the_offer_is_the_answer(count: int) -> None:
    made = offer()
    rest = made.rest(typed("été(1)"[:count]), STATE, "digest")
    assert rest is not None
    assert (rest.text, rest.continues, rest.stop_reason) == ("été(1)"[count:], made.completion.id, "line")
    assert rest.id != made.completion.id
    assert rest.candidates[0].text == rest.text


@pytest.mark.parametrize(
    ("request_", "state"),
    [
        (ask(TEXT, AT), STATE),
        (typed("été(1)"), STATE),
        (typed("été(1) "), STATE),
        (typed("x"), STATE),
        (typed("ét"), ("pack", 2)),
        (typed("ét", path="b.txt"), STATE),
        (typed("ét", retrieve="always"), STATE),
        (typed("ét", mode="block"), STATE),
        (ask(b"a = \xc3\xa9\nb = 3\n", 6), STATE),
        (ask(b"b = \xc3\xa9\nb = 2\n", 6), STATE),
        (ask(b"a = \xc3\xa9\nb = 2\n", 4), STATE),
        (ask(b"a = \xc3\xa9)\nb = 2\n", 6), STATE),
    ],
)
def test_anything_else_asks_the_model(request_: CompletionRequest, state: object) -> None:
    assert offer().rest(request_, state, "digest") is None


def test_an_answer_that_was_cut_off_has_no_rest() -> None:
    made = offer("abcdef\n", max_new_tokens=4)
    assert made.completion.text == "abc"
    assert made.rest(typed("a", max_new_tokens=4), STATE, "digest") is None


def test_white_space_alone_is_no_rest() -> None:
    made = offer()
    padded = replace(made, completion=replace(made.completion, text="é  "))
    assert padded.rest(typed("é"), STATE, "digest") is None
