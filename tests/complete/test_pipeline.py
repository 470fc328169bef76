"""The order of steps, on a scripted model: what is decided, what enters the prompt, what is computed twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from repocomp.complete.parts import Parts
from repocomp.complete.pipeline import complete
from repocomp.document import Document
from repocomp.generate.local.decode import Logits
from repocomp.model.confidence import Confidence
from repocomp.request import CompletionOptions, CompletionRequest
from tests.complete.fakes import (
    BUDGETS,
    FIRST_BYTE,
    FixedRetriever,
    ScriptedModel,
    fake_pack,
    hit,
    loaded,
    parts,
    writer,
)

TEXT = b"import os\n\n\ndef f(path):\n    value = 1\n    return value\n"
PLACE = (5, 14)
"""Behind a digit: nothing there is written anew, and a script is what is said from the cursor on."""
PROSE = "a.txt"
"""Without a grammar, scripts are taken as they are."""
TOKENS = fake_pack().tokens


def ask(data: bytes = TEXT, place: tuple[int, int] = PLACE, **options: Any) -> CompletionRequest:
    document = Document(PROSE, data)
    shown = CompletionOptions(**{"min_confidence": 0.0, **options})
    return CompletionRequest(document, document.at(*place), Path("/work"), shown)


def found() -> FixedRetriever:
    return FixedRetriever([hit("def best():\n    return 1"), hit("def second():\n    return 2", "lib/c.py")])


def prompt_of(some: Parts, answer_tokens: int) -> list[int]:
    seen = writer(some).cache.tokens
    return seen[: seen.index(TOKENS.middle) + 1]


def test_below_the_threshold_nothing_is_retrieved() -> None:
    retriever = found()
    answer = complete(ask(threshold=0.5), parts(ScriptedModel("open()\n", odds=-1.0), retriever))
    assert (answer.text, answer.stop_reason) == ("open()", "line")
    assert (answer.retrieval.decision, answer.retrieval.rule) == ("skipped", "threshold")
    assert answer.retrieval.probability == pytest.approx(0.2689, abs=1e-4)
    assert retriever.queries == []


def test_above_it_the_best_chunk_stands_last_in_the_prompt() -> None:
    model = ScriptedModel("open()\n", odds=1.0)
    some = parts(model, found())
    answer = complete(ask(threshold=0.5), some)
    assert answer.retrieval.decision == "used"
    assert [chunk.path for chunk in answer.retrieval.chunks] == ["lib/b.py", "lib/c.py"]
    text = bytes(max(0, token - 8) for token in prompt_of(some, 6)).decode()
    assert text.index("def second") < text.index("def best")
    assert text.index("value = 1") < text.index("def second")


@pytest.mark.parametrize(
    ("options", "odds", "decision"),
    [
        ({"select": "greedy"}, 0.1, "used"),
        ({"select": "greedy"}, -0.1, "skipped"),
        ({"retrieve": "always"}, -9.0, "used"),
        ({"retrieve": "never"}, 9.0, "skipped"),
        ({"threshold": 0.0}, -9.0, "used"),
        ({"threshold": 1.0}, 9.0, "skipped"),
    ],
)
def test_rules(options: dict[str, Any], odds: float, decision: str) -> None:
    assert complete(ask(**options), parts(ScriptedModel("x", odds), found())).retrieval.decision == decision


def test_both_branches_share_one_prefill() -> None:
    model = ScriptedModel("open()\n", odds=1.0)
    some = parts(model, found())
    first = complete(ask(retrieve="never"), some)
    before = sum(model.runs)
    second = complete(ask(retrieve="always"), some)
    shared = first.tokens.prompt - 1
    assert second.tokens.cached >= shared - 1
    assert sum(model.runs) - before < second.tokens.prompt - shared + 3 * second.tokens.generated + 4


def test_a_keystroke_computes_only_what_is_new() -> None:
    model = ScriptedModel("x\n")
    some = parts(model)
    complete(ask(), some)
    typed = TEXT.replace(b"= 1", b"= 1p")
    answer = complete(ask(typed, (5, 15)), some)
    assert answer.tokens.prompt - answer.tokens.cached <= 4


def test_the_answer_does_not_depend_on_the_cache() -> None:
    model = ScriptedModel(lambda seen: f"n{sum(seen)}\n", odds=1.0)
    warm = parts(model, found())
    requests = [ask(retrieve="always"), ask(retrieve="never"), ask(place=(6, 5)), ask(retrieve="always")]
    for request in requests:
        cold = complete(request, parts(ScriptedModel(model.text, odds=1.0), found()))
        again = complete(request, warm)
        assert (again.text, again.id, again.retrieval) == (cold.text, cold.id, cold.retrieval)


def test_another_pack_decides() -> None:
    policy = loaded(ScriptedModel("", odds=5.0), "judge")
    writer = loaded(ScriptedModel("open()\n", odds=-5.0), "writer")
    answer = complete(ask(threshold=0.5), Parts(policy, writer, found()))
    assert answer.retrieval.decision == "used"
    assert (answer.models["policy"], answer.models["generator"]) == ("judge", "writer")


def test_without_index_the_decision_is_reported_and_the_answer_given() -> None:
    answer = complete(ask(retrieve="always"), parts(ScriptedModel("open()\n")))
    assert (answer.retrieval.decision, answer.text) == ("unavailable", "open()")
    assert "repocomp index" in answer.warnings[0]


def test_nothing_found_is_said() -> None:
    answer = complete(ask(retrieve="always"), parts(ScriptedModel("open()\n"), FixedRetriever([])))
    assert answer.retrieval.decision == "unavailable"
    assert "nothing near" in answer.retrieval.reason


def test_a_file_with_windows_line_ends_gets_them() -> None:
    data = b"def f():\r\n    \r\n\r\nf()\r\n"
    answer = complete(ask(data, (2, 5), mode="block"), parts(ScriptedModel("a = 1\n    return a\n\n")))
    assert answer.text == "a = 1\r\n    return a"


@pytest.mark.parametrize(
    ("said", "options", "reason"),
    [
        ("", {}, "nothing to add"),
        ("   \n", {}, "nothing to add|white space|blank"),
        ("open()", {"deadline_ms": 0.0}, "deadline"),
    ],
)
def test_an_empty_answer_has_a_reason(said: str, options: dict[str, Any], reason: str) -> None:
    answer = complete(ask(**options), parts(ScriptedModel(said)))
    assert answer.text == ""
    assert answer.candidates == ()
    assert any(word in (answer.reason or "") for word in reason.split("|"))


def test_a_deadline_that_has_passed_says_the_same_of_a_prompt_that_is_known() -> None:
    some = parts(ScriptedModel("open()\n"), found())
    before = complete(ask(deadline_ms=0.0), some)
    complete(ask(), some)
    after = complete(ask(deadline_ms=0.0), some)
    assert (after.retrieval, after.reason, after.tokens.prompt) == (
        before.retrieval,
        before.reason,
        before.tokens.prompt,
    )


def test_the_prompt_keeps_its_budgets() -> None:
    data = b"value = compute(alpha, beta)\n" * 2000
    retriever = FixedRetriever([hit("def long():\n" + "    pass\n" * 500)])
    answer = complete(ask(data, (1000, 9), retrieve="always"), parts(ScriptedModel("x\n"), retriever))
    assert answer.tokens.prompt <= BUDGETS.left + BUDGETS.right + BUDGETS.cross_file + 8
    assert answer.retrieval.chunks[0].tokens <= BUDGETS.cross_file


def test_length_is_bounded() -> None:
    answer = complete(ask(max_new_tokens=5), parts(ScriptedModel("abcdefghij\n")))
    assert (answer.text, answer.stop_reason, answer.tokens.generated) == ("abcde", "length", 5)


def test_an_answer_does_not_go_round_in_circles() -> None:
    text = complete(ask(), parts(ScriptedModel("walk(" * 40))).text
    assert text.startswith("walk(walk(")
    assert "walk(walk(walk(" not in text


def test_calibration_changes_the_probability_and_the_decision() -> None:
    from repocomp.model.pack import Calibration

    some = parts(ScriptedModel("x", odds=2.0), found())
    pack = replace(writer(some).pack, calibration={mode: Calibration(1.0, -4.0) for mode in ("line", "block")})
    both = replace(writer(some), pack=pack)
    answer = complete(ask(select="greedy"), Parts(both, both, found()))
    assert answer.retrieval.decision == "skipped"
    assert answer.retrieval.probability == pytest.approx(0.1192, abs=1e-4)


@pytest.mark.parametrize(
    ("line", "said", "answer"),
    [
        ("value = os.pa", "path.join(x)\n", "th.join(x)"),
        ("value = os.pa", "zebra(x)\n", "bra(x)"),
        ("value = ", " load(x)\n", "load(x)"),
        ("value = ", "\tload(x)\n", "load(x)"),
        ("value = load(", "(x)\n", "x)"),
        ("value = größ", " größe\n", "e"),
        ("value = 変", " 変数(x)\n", "数(x)"),
    ],
)
def test_an_open_end_is_written_again_and_only_the_rest_is_answered(line: str, said: str, answer: str) -> None:
    text = f"import os\n\n{line}".encode()
    model = ScriptedModel(said)
    document = Document("a.py", text)
    shown = CompletionOptions(min_confidence=0.0)
    done = complete(CompletionRequest(document, document.at_offset(len(text)), None, shown), parts(model))
    assert (done.text, done.stop_reason) == (answer, "line")
    assert done.tokens.generated > len(answer)


@pytest.mark.parametrize(
    ("data", "place", "said"),
    [
        (b"def f():\r\n    \r\n\r\nf()\r\n", (2, 5), "a = 1\n    b = 2\n    c = 3\n    return a\n\n\nf()"),
        (TEXT, PLACE, "path.join(path)\n"),
        (TEXT, PLACE, " \n"),
        (b"x = f(a)\n", (1, 8), "a, b)\n"),
    ],
)
def test_a_stream_is_the_answer_in_pieces(data: bytes, place: tuple[int, int], said: str) -> None:
    pieces: list[str] = []
    answer = complete(ask(data, place), parts(ScriptedModel(said)), pieces.append)
    assert "".join(pieces) == answer.text
    assert all(pieces)
    assert len(pieces) > 1 or "\n" not in answer.text.strip()
    assert complete(ask(data, place), parts(ScriptedModel(said))).text == answer.text


@pytest.mark.parametrize("retrieve", ["always", "never"])
def test_within_a_word_nothing_but_the_answer_is_computed_again(retrieve: str) -> None:
    model = ScriptedModel("path\n", odds=1.0)
    some = parts(model, found())
    for end in range(1, 4):
        text = TEXT.replace(b"= 1", b"= 1" + b"path"[:end])
        before = len(model.runs)
        answer = complete(ask(text, (5, 14 + end), retrieve=retrieve), some)
        alone = complete(ask(text, (5, 14 + end), retrieve=retrieve), parts(model, found()))
        assert (answer.text, answer.candidates, answer.retrieval) == (alone.text, alone.candidates, alone.retrieval)
        if end > 1:
            assert answer.tokens.cached == answer.tokens.prompt - 1
            assert model.runs[before] == 1


def judged(model: ScriptedModel, chance: float) -> Parts:
    """Parts whose answers are kept with the `chance`; the bound is 0.4."""
    some = parts(model, found())
    writer(some).pack.__dict__["confidence"] = Confidence({}, 0.0, (0.0,), (chance,), 0.4)
    return some


def test_an_unsure_answer_is_withheld_and_told_apart_from_none() -> None:
    answer = complete(ask(min_confidence=None), judged(ScriptedModel("2 + b\n"), 0.3))
    assert (answer.text, answer.reason, answer.withheld, answer.candidates) == ("", "quiet", "2 + b", ())
    assert (answer.confidence, answer.min_confidence) == (0.3, 0.4)
    assert "mean" in answer.figures
    sure = complete(ask(min_confidence=None), judged(ScriptedModel("2 + b\n"), 0.5))
    assert (sure.text, sure.reason, sure.withheld) == ("2 + b", None, None)
    assert sure.candidates[0].confidence == sure.confidence == 0.5


@pytest.mark.parametrize(("least", "text"), [(0.0, "2 + b"), (0.2, "2 + b"), (0.31, "")])
def test_the_request_sets_the_bound(least: float, text: str) -> None:
    assert complete(ask(min_confidence=least), judged(ScriptedModel("2 + b\n"), 0.3)).text == text


def test_nothing_is_streamed_that_may_be_withheld() -> None:
    said, data, place = "a = 1\n    b = 2\n    return a\n\n\nf()", b"def f():\n    \n\nf()\n", (2, 5)
    pieces: list[str] = []
    request = ask(data, place, min_confidence=None)
    assert complete(request, judged(ScriptedModel(said), 0.3), pieces.append).reason == "quiet"
    assert not pieces
    answer = complete(request, judged(ScriptedModel(said), 0.5), pieces.append)
    assert pieces == [answer.text]
    pieces.clear()
    complete(ask(data, place, min_confidence=0.0), judged(ScriptedModel(said), 0.3), pieces.append)
    assert len(pieces) > 1


def test_an_answer_of_nothing_is_not_quiet() -> None:
    answer = complete(ask(), judged(ScriptedModel(""), 0.1))
    assert (answer.reason, answer.confidence) == ("the model sees nothing to add here", None)


class TornModel(ScriptedModel):
    """Nearly as likely to begin its answer with `9`."""

    def _next(self, seen: list[int]) -> Logits:
        logits = super()._next(seen)
        if seen[-1] == TOKENS.middle:
            logits[FIRST_BYTE + ord("9")] = 19.5
        return logits


def test_candidates_are_different_and_the_surest_is_the_answer() -> None:
    one = complete(ask(), parts(TornModel("2 + b\n")))
    several = complete(ask(candidates=3), parts(TornModel("2 + b\n")))
    texts = [candidate.text for candidate in several.candidates]
    assert (one.text, texts) == ("2 + b", ["2 + b", "9 + b"])
    assert several.text == texts[0]
    sure = [candidate.confidence or 0.0 for candidate in several.candidates]
    assert sure == sorted(sure, reverse=True)
    assert complete(ask(candidates=3), parts(TornModel("2 + b\n"))).candidates == several.candidates


def test_another_candidate_reads_no_prompt_again() -> None:
    model = TornModel("2 + b\n")
    complete(ask(), parts(model))
    alone, model.runs = model.runs, []
    complete(ask(candidates=2), parts(model))
    assert len([run for run in model.runs if run > 8]) == len([run for run in alone if run > 8])
