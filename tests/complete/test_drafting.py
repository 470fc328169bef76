"""Two packs as a pair: which drafts are written, what is read for them, and which is the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from repocomp.complete.clock import Clock
from repocomp.complete.parts import BESIDE, Pair, Parts, tokens_beside
from repocomp.complete.pipeline import complete
from repocomp.document import Document
from repocomp.errors import PackError
from repocomp.model.confidence import Confidence
from repocomp.model.pairing import Author, Pairing
from repocomp.request import Completion, CompletionOptions, CompletionRequest
from repocomp.retrieve.hit import Hit
from tests.complete.fakes import FixedRetriever, ScriptedModel, hit, loaded

TEXT = b"import os\n\n\ndef f(path):\n    value = 1\n    return value\n"
PLACE = (5, 14)
SECRET = "something only the other file says"


def always(chance: float, threshold: float = 0.0) -> Confidence:
    """Says the same of everything."""
    return Confidence({}, 0.0, (0.0,), (chance,), threshold)


def pairing(keep: float, *, written: float = 0.9, reads: bool = True) -> Pairing:
    """First drafts are half sure, and reading is expected to help by 0.7."""
    judges: dict[Author, Confidence] = {"first": always(0.5), "unread": always(written), "read": always(written)}
    return Pairing(keep, always(0.7, 0.6 if reads else 0.8), judges)


class Pack:
    """A pair on scripts, and what its models were asked."""

    def __init__(
        self,
        decided: Pairing,
        text: bytes = TEXT,
        place: tuple[int, int] = PLACE,
        hits: Sequence[Hit] = (hit(f"def best():\n    return '{SECRET}'"),),
    ) -> None:
        self.document = Document("a.txt", text)
        self.place = self.document.at(*place)
        self.small = ScriptedModel("small()\n", odds=5.0)
        self.large = ScriptedModel("large()\n")
        drafter, generator = loaded(self.small, "small"), loaded(self.large, "large")
        # As if that had been fitted to it and lay in its folder.
        drafter.pack.__dict__["confidence"] = always(0.5)
        self.parts = Parts(drafter, generator, FixedRetriever(list(hits)), pair=Pair(drafter, decided))

    def ask(self, clock: Clock | None = None, **options: Any) -> Completion:
        self.said: list[str] = []
        asked = CompletionOptions(**{"threshold": 0.5, **options})
        request = CompletionRequest(self.document, self.place, Path("/work"), asked)
        return complete(request, self.parts, self.said.append, clock)


def actions(answer: Completion) -> list[tuple[str, str, bool]]:
    return [(draft.model, draft.action, draft.chosen) for draft in answer.drafts]


def test_a_sure_first_draft_is_the_answer_and_the_generator_is_not_asked() -> None:
    pack = Pack(pairing(keep=0.4))
    answer = pack.ask(min_confidence=0.0)
    assert answer.text == "small()"
    assert actions(answer) == [("small", "read", True)]
    assert pack.large.runs == []
    assert (answer.retrieval.action, answer.retrieval.budget_tokens, answer.retrieval.reading) == ("copy", 0, None)
    assert "".join(pack.said) == "small()"


def test_where_it_is_not_sure_the_generator_reads_and_the_surer_draft_wins() -> None:
    pack = Pack(pairing(keep=0.6))
    answer = pack.ask(min_confidence=0.0)
    assert answer.text == "large()"
    assert actions(answer) == [("small", "read", False), ("large", "read", True)]
    assert answer.drafts[1].tokens_read > len(SECRET)
    assert (answer.retrieval.action, answer.retrieval.reading, answer.confidence) == ("read", 0.7, 0.9)
    assert "".join(pack.said) == "large()"


def test_a_generator_that_is_less_sure_than_the_first_draft_was_asked_in_vain() -> None:
    pack = Pack(pairing(keep=0.6, written=0.2))
    answer = pack.ask(min_confidence=0.0)
    assert (answer.text, answer.confidence) == ("small()", 0.5)
    assert actions(answer) == [("small", "read", True), ("large", "read", False)]
    assert "".join(pack.said) == "small()"


def test_beside_a_first_draft_less_of_each_file_is_read_than_alone() -> None:
    text = b"".join(b"value_%d = %d\n" % (number, number) for number in range(100))
    chunks = [hit(f"def far_{number}():\n    return {number}", f"{number}.py") for number in range(20)]
    read: dict[str, Completion] = {}
    for retrieve in ("auto", "always"):
        pack = Pack(pairing(keep=0.6), text, (50, 1), chunks)
        read[retrieve] = pack.ask(retrieve=retrieve, min_confidence=0.0)
    beside, alone = (read[retrieve].drafts[-1] for retrieve in ("auto", "always"))
    assert alone.tokens_read / 2 < beside.tokens_read <= tokens_beside(pack.parts.generator) < alone.tokens_read
    assert read["auto"].tokens.prompt < (BESIDE + 1) / 2 * read["always"].tokens.prompt
    assert len(read["auto"].retrieval.chunks) < len(read["always"].retrieval.chunks)


def test_drafts_that_say_the_same_are_surer() -> None:
    some = pairing(keep=0.6, written=0.2)
    agreed = Confidence({"same_read": 1.0}, 0.0, (0.0, 1.0), (0.1, 0.8), 0.0)
    pack = Pack(replace(some, drafts={**some.drafts, "first": agreed}))
    assert (pack.ask(min_confidence=0.0).text, pack.ask(min_confidence=0.0).confidence) == ("large()", 0.2)
    pack.large.text = "small()\n"
    answer = pack.ask(min_confidence=0.0)
    assert (answer.text, answer.confidence) == ("small()", 0.8)
    assert [draft.confidence for draft in answer.drafts] == [0.8, 0.2]
    said = ("same_read", "alike_read", "beside_read")
    assert [answer.figures[name] for name in said] == [1.0, 1.0, 1.0]


def test_the_generator_guesses_what_earlier_drafts_said() -> None:
    others, same = Pack(pairing(keep=0.6)), Pack(pairing(keep=0.6))
    others.large.text = same.small.text = same.large.text = "a_long_answer()\n"
    assert others.ask().text == same.ask().text == "a_long_answer()"
    assert len(same.large.runs) <= len(others.large.runs) - len("long_answer()")


def test_a_pair_is_silent_below_the_bound_it_was_fitted_with() -> None:
    some = pairing(keep=0.6, written=0.4)
    drafts = {author: replace(fit, threshold=0.55) for author, fit in some.drafts.items()}
    answer = Pack(replace(some, drafts=drafts)).ask()
    assert (answer.text, answer.reason, answer.withheld, answer.min_confidence) == ("", "quiet", "small()", 0.55)


def test_what_is_not_expected_to_help_is_not_read() -> None:
    pack = Pack(pairing(keep=0.6, reads=False))
    answer = pack.ask(min_confidence=0.0)
    assert actions(answer) == [("small", "read", False), ("large", "copy", True)]
    assert answer.drafts[1].tokens_read == 0
    assert (answer.retrieval.action, answer.retrieval.reading) == ("copy", 0.7)
    assert all(chunk.tokens == 0 for chunk in answer.retrieval.chunks)
    assert answer.tokens.prompt < len(TEXT) + len(SECRET)


def test_a_skipped_lookup_leaves_nothing_to_read() -> None:
    pack = Pack(pairing(keep=0.6))
    pack.small.odds = -5.0
    answer = pack.ask(min_confidence=0.0)
    assert actions(answer) == [("small", "skip", False), ("large", "skip", True)]
    assert (answer.retrieval.decision, answer.retrieval.action) == ("skipped", "skip")


@pytest.mark.parametrize("retrieve", ["always", "never"])
def test_who_says_what_to_do_gets_the_generator_alone(retrieve: str) -> None:
    answer = Pack(pairing(keep=0.4)).ask(retrieve=retrieve)
    assert [model for model, _, _ in actions(answer)] == ["large"]


def test_an_end_between_the_drafts_leaves_the_first_one() -> None:
    whole, pack = Pack(pairing(keep=0.6)), Pack(pairing(keep=0.6))
    whole.ask()
    runs = len(whole.small.runs)
    clock = Clock.starting(None, is_cancelled=lambda: len(pack.small.runs) >= runs)
    answer = pack.ask(min_confidence=0.0, clock=clock)
    assert answer.text == "small()"
    assert actions(answer) == [("small", "read", True)]
    assert pack.large.runs == []


def test_an_end_within_the_second_draft_leaves_the_first_one() -> None:
    pack = Pack(pairing(keep=0.6))
    clock = Clock.starting(None, is_cancelled=lambda: len(pack.large.runs) >= 3)
    answer = pack.ask(min_confidence=0.0, clock=clock)
    assert answer.text == "small()"
    assert actions(answer) == [("small", "read", True), ("large", "read", False)]


def test_the_same_question_gets_the_same_bytes() -> None:
    answers = [Pack(pairing(keep=0.6)).ask() for _ in range(2)]
    plain = [replace(one, timings_ms=answers[0].timings_ms, drafts=()) for one in answers]
    assert plain[0] == plain[1]


def test_a_pairing_is_read_as_it_was_written() -> None:
    some = replace(pairing(keep=0.6), fitted={"trials": 3})
    assert Pairing.from_json(some.to_json()) == some
    without = some.to_json().replace('"unread"', '"red"')
    for spoilt in (some.to_json().replace('"keep": 0.6', '"keep": 6'), without, "[]", "{", '{"format": 1}'):
        with pytest.raises(PackError):
            Pairing.from_json(spoilt)
