"""The retriever of a measurement is blind to the answer, and its label is the difference of two real answers."""

from __future__ import annotations

from typing import Any

import pytest

from repocomp.complete.parts import Pair, Parts
from repocomp.document import Document
from repocomp.evaluate.counterfactual import BlindRetriever, Outcome, answer, compare
from repocomp.evaluate.holes import Hole
from repocomp.model.confidence import Confidence
from repocomp.model.pairing import Author, Pairing
from repocomp.policy.select import READ
from repocomp.retrieve.hit import Hit
from repocomp.retrieve.query import Query
from tests.complete.fakes import FixedRetriever, ScriptedModel, fake_pack, loaded, parts

LINES = [f"value_{n} = compute_{n}(alpha_{n}, beta_{n})" for n in range(60)]
DOCUMENT = Document("a.py", "\n".join(LINES).encode())


def hole(line: int = 30) -> Hole:
    start = DOCUMENT.at(line, 1).offset
    return Hole(DOCUMENT, start, start + len(DOCUMENT.line(line)), "line")


def hit(path: str, first: int, last: int, text: str | None = None) -> Hit:
    shown = "\n".join(LINES[first - 1 : last]) if text is None else text
    return Hit(1, path, first, last, 1.0, "fixed", shown)


def found(*hits: Hit) -> list[Hit]:
    blind = BlindRetriever(FixedRetriever(list(hits)), hole())
    query = Query("a.py", "python", "", "", (25, 35))
    answer = blind.find(query, READ).hits
    assert answer == blind.found
    return answer


def test_the_planted_answer_is_not_found() -> None:
    assert found(hit("a.py", 21, 40)) == []


def test_a_copy_of_the_place_in_another_file_is_not_found() -> None:
    assert found(hit("b.py", 25, 35)) == []


def test_other_places_are_found() -> None:
    far, other = hit("a.py", 45, 60), hit("b.py", 1, 20)
    assert found(far, other) == [far, other]


def outcomes(model: ScriptedModel, hits: list[Hit]) -> list[Outcome]:
    return list(compare([hole()], parts(model, FixedRetriever(hits)), 40))


@pytest.mark.parametrize(
    ("without", "retrieved", "helped", "harmed"),
    [("wrong", LINES[29], True, False), (LINES[29], "wrong", False, True), ("same", "same", False, False)],
)
def test_the_label_is_whether_the_answer_came_closer(without: str, retrieved: str, helped: bool, harmed: bool) -> None:
    cc = fake_pack().tokens.cc
    model = ScriptedModel(lambda seen: retrieved if cc in seen else without)
    (outcome,) = outcomes(model, [hit("b.py", 1, 5)])
    assert (outcome.helped, outcome.harmed) == (helped, harmed)
    assert (outcome.without.text, outcome.retrieved.text) == (without, retrieved)
    assert outcome.retrieved.exact == (retrieved == LINES[29])


def test_the_probability_is_the_policys_own() -> None:
    (outcome,) = outcomes(ScriptedModel("x", odds=2.0), [hit("b.py", 1, 5)])
    assert outcome.probability == pytest.approx(0.8808, abs=1e-4)


def test_without_a_retriever_there_is_nothing_to_compare() -> None:
    nothing: Any = parts(ScriptedModel("x"))
    with pytest.raises(ValueError, match="retriever"):
        list(compare([hole()], nothing, 40))


def test_a_pair_reads_all_for_itself() -> None:
    (one,) = compare([hole()], pair(), 40)
    alone = answer(hole(), pair(), 40)
    assert one.pair is not None
    assert (one.pair.text, one.pair.completion.tokens) == ("large", alone.completion.tokens)


def pair() -> Parts:
    """Two packs that share the work and have read nothing yet."""
    small, large = loaded(ScriptedModel("small", odds=5.0), "small"), loaded(ScriptedModel("large"), "large")
    surer: dict[Author, float] = {"first": 0.2, "unread": 0.5, "read": 0.9}
    judges = {author: Confidence({}, 0.0, (0.0,), (chance,), 0.0) for author, chance in surer.items()}
    pairing = Pairing(1.0, Confidence({}, 0.0, (0.0,), (0.7,), 0.6), judges)
    return Parts(small, large, FixedRetriever([]), pair=Pair(small, pairing))
