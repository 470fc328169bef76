"""Other answers turn off at the likeliest second choices; the prompt is read once."""

from __future__ import annotations

from itertools import islice

from repocomp.budget import UNLIMITED
from repocomp.document import Document
from repocomp.generate.generator import DecodingRules, Task
from repocomp.generate.local.decode import Choice, Step
from repocomp.generate.local.generator import LocalGenerator, load
from repocomp.generate.local.turns import Turns

TEXT = b"import os\n\n\ndef load(path, name):\n    folder = os.path.join(path, name)\n    return \n"


def step(token: int, logprob: float, rival: int, rival_logprob: float) -> Step:
    return Step(Choice(token, logprob, logprob, 0), Choice(rival, rival_logprob, rival_logprob, 0))


def test_the_likeliest_turn_comes_first_and_none_into_the_end() -> None:
    turns = Turns(stop_ids={99})
    turns.add([step(1, -0.5, 2, -1.0), step(3, -0.1, 4, -0.2), step(5, -0.1, 99, -0.3)], 0)
    found = [[one.token for one in turns.next()] for _ in range(3)]
    assert found == [[1, 4], [2], []]


def test_a_turn_is_not_turned_at_again_where_it_turned() -> None:
    turns = Turns(stop_ids=())
    turns.add([step(2, -1.0, 1, -0.5), step(3, -0.1, 4, -0.4)], 1)
    assert [one.token for one in turns.next()] == [2, 4]
    assert turns.next() == []


def task(loaded: LocalGenerator) -> Task:
    document = Document("a.py", TEXT)
    return Task(loaded.window(document, document.at(6, 11)))


def test_the_first_is_the_answer_and_others_differ() -> None:
    loaded = load("default")
    rules = DecodingRules(12, lambda text: "line" if "\n" in text.lstrip() else None)
    first = loaded.complete(task(loaded), rules)
    found = list(islice(loaded.several(task(loaded), rules, UNLIMITED), 4))
    again = list(islice(load("default").several(task(loaded), rules, UNLIMITED), 4))
    assert found[0].text == first.text
    assert len({one.text for one in found}) > 1
    assert [one.text for one in again] == [one.text for one in found]
    # All but the first know the prompt.
    assert all(one.tokens.cached == one.tokens.prompt for one in found[1:])


def test_evidence_goes_with_the_tokens() -> None:
    loaded = load("default")
    made = loaded.complete(task(loaded), DecodingRules(8, lambda text: None))
    assert len(made.evidence) == len(made.token_logprobs or ())
    ends = [one.end_bytes for one in made.evidence]
    assert ends == sorted(ends)
    assert ends[-1] >= len(made.text.encode())
    assert all(one.margin >= 0 for one in made.evidence)
