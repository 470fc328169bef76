"""The choice of arms: by what was learned, repeatable, never by what does not fit, and harmless where an arm fails."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repocomp.index.build import build
from repocomp.policy.learned import load_learned, write_learned
from repocomp.policy.select import (
    COPIED,
    EPSILON,
    NONE,
    READ,
    Known,
    Parameters,
    actions,
    arm_propensities,
    asked,
    choose,
    from_json,
    shipped,
    to_json,
    traits,
    vector,
)
from repocomp.retrieve import retrieve as module
from repocomp.retrieve.hit import Arm, Hit
from repocomp.retrieve.query import Query
from repocomp.retrieve.retrieve import ARMS, DEFAULT_ARMS, retrieve
from repocomp.store.index.reader import IndexReader
from tests.conftest import Repository
from tests.train.repositories import modules

EVERY = actions(DEFAULT_ARMS, is_read=True)
COLUMNS = ("bias", "place=import")
QUERY = Query("a.py", "python", "import ", "", (1, 1))
IMPORT: Known = {"place": "import", "probability": 0.6}
CALL: Known = {"place": "call", "probability": 0.6}


def parameters(gains: Mapping[str, tuple[float, float]], *, deviation: float = 0.0) -> Parameters:
    """Parameters that expect so much of an action everywhere, and so much more at imports."""
    weights = np.array([gains.get(action.name, (-1.0, 0.0)) for action in EVERY])
    weights[0] = 0.0
    deviations = np.full(len(EVERY), deviation)
    deviations[0] = 0.0
    return Parameters(3, "pack", COLUMNS, EVERY, weights, deviations, np.eye(2), {})


def test_the_shipped_action_comes_first_and_names_are_unique() -> None:
    assert EVERY[0] == READ
    assert EVERY[1] == NONE
    assert len({action.name for action in EVERY}) == len(EVERY) <= 32


def test_what_is_only_copied_from_stays_whole_and_has_no_room() -> None:
    copied = actions(DEFAULT_ARMS, is_read=False)
    assert copied[:2] == (COPIED, NONE)
    assert len({action.name for action in copied}) == len(copied) <= 32
    assert not any(action.is_ranked for action in copied if action != NONE)
    assert {action.room for action in copied} == {1.0}
    assert {shipped(is_read=True), shipped(is_read=False)} == {READ, COPIED}
    assert asked(("bm25",), is_read=False).draws == COPIED.draws


def test_the_best_lower_bound_is_taken_where_it_holds() -> None:
    some = parameters({"without near": (-0.2, 0.5)})
    assert EVERY[some.best(vector(COLUMNS, traits(IMPORT)))].name == "without near"
    assert EVERY[some.best(vector(COLUMNS, traits(CALL)))] == READ
    unsure = parameters({"without near": (-0.2, 0.5)}, deviation=1.0)
    assert EVERY[unsure.best(vector(COLUMNS, traits(IMPORT)))] == READ


def test_nothing_is_skipped_where_retrieval_was_ordered() -> None:
    some = parameters({"none": (0.5, 0.0)})
    assert choose(some, CALL, QUERY, may_skip=True)[0] == NONE
    assert choose(some, CALL, QUERY, may_skip=False)[0] != NONE


@settings(max_examples=30)
@given(st.lists(st.floats(-1, 1), min_size=len(EVERY) - 1, max_size=len(EVERY) - 1), st.floats(0, 0.5))
def test_probabilities_are_whole_and_exploring_is_rare_and_safe(gains: list[float], deviation: float) -> None:
    some = parameters(
        dict(zip([one.name for one in EVERY[1:]], [(g, 0.0) for g in gains], strict=True)), deviation=deviation
    )
    x = vector(COLUMNS, traits(CALL))
    share = some.propensities(x)
    assert share.sum() == pytest.approx(1.0)
    assert share.max() >= 1 - EPSILON
    gain, error = some.estimate(x)
    taken = int(share.argmax())
    assert all(gain[at] >= gain[taken] - 0.005 for at in np.flatnonzero(share))
    assert replace(some, is_frozen=True).propensities(x).max() == 1.0


def test_the_draw_follows_from_the_place_and_not_from_the_word_being_typed() -> None:
    some = parameters({one.name: (0.0, 0.0) for one in EVERY})
    drawn = {}
    for number in range(400):
        query = replace(QUERY, prefix=f"value[{number}].")
        action, choice = choose(some, CALL, query, may_skip=True)
        drawn[number] = action.name
        assert choice.propensity == choice.propensities[action.name]
        typed = replace(query, prefix=query.prefix + "name")
        assert choose(some, CALL, typed, may_skip=True) == (action, choice)
    others = sum(name != READ.name for name in drawn.values())
    assert 0 < others < 400 * 4 * EPSILON


def test_an_arm_is_as_likely_as_the_actions_that_ask_it() -> None:
    some = parameters({one.name: (0.0, 0.0) for one in EVERY})
    _, choice = choose(some, CALL, QUERY, may_skip=True)
    share = arm_propensities(some, choice, ("near",))["near"]
    asking = [one for one in EVERY if one.arms is None or "near" in one.arms]
    assert share == pytest.approx(sum(choice.propensities[one.name] for one in asking), abs=1e-5)


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "data" / "learned.json"
    some = parameters({"none": (0.5, 0.1)})
    write_learned(path, some)
    again = load_learned(path, "pack", EVERY).parameters
    assert again is not None
    assert np.array_equal(again.weights, some.weights)
    assert (again.actions, again.columns, again.number) == (some.actions, some.columns, 3)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["learned.json"]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text[:-40], "damaged"),
        (lambda text: text.replace("0.5", "0.9"), "damaged"),
        (lambda text: json.dumps({**json.loads(text), "format": 99}), "another version"),
        (lambda text: "[]", "damaged"),
        (lambda text: "", "damaged"),
    ],
)
def test_what_does_not_fit_is_ignored_with_a_warning(tmp_path: Path, damage: object, said: str) -> None:
    path = tmp_path / "learned.json"
    write_learned(path, parameters({"none": (0.5, 0.1)}))
    path.write_text(damage(path.read_text()))  # type: ignore[operator]
    found = load_learned(path, "pack", EVERY)
    assert found.parameters is None
    assert said in (found.warning or "")


def test_another_pack_or_other_arms_are_ignored_and_nothing_is_nothing(tmp_path: Path) -> None:
    path = tmp_path / "learned.json"
    write_learned(path, parameters({}))
    assert "model pack" in (load_learned(path, "other", EVERY).warning or "")
    assert "strategies" in (load_learned(path, "pack", EVERY[:-1]).warning or "")
    assert load_learned(tmp_path / "none.json", "pack", EVERY).warning is None
    assert load_learned(None, "pack", EVERY).warning is None


class Broken:
    """An arm that fails."""

    name = "bm25"

    def draw(self, reader: IndexReader, query: Query, top_k: int) -> list[Hit]:
        raise ValueError("no such table")


def test_an_arm_that_fails_leaves_the_answer_to_the_others(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = repository(modules("alpha", 4))
    build(root)
    arms: dict[str, Arm] = {**ARMS, "bm25": Broken()}
    monkeypatch.setattr(module, "ARMS", arms)
    with IndexReader.open(root) as reader:  # type: ignore[union-attr]
        path = reader.files.all()[0].path
        query = Query(path, "python", "value = ", "", (1, 1))
        found = retrieve(reader, query)
        assert set(found.drawn) == set(DEFAULT_ARMS) - {"bm25"}
        assert found.failed == {"bm25": "ValueError: no such table"}
        late = retrieve(reader, query, deadline=0.0)
        assert late.hits == []
        assert set(late.failed) == set(DEFAULT_ARMS)
        with pytest.raises(ValueError, match="no such table"):
            retrieve(reader, query, arms=["bm25"])


def test_what_earlier_versions_wrote_is_read() -> None:
    some = parameters({"without near": (0.1, 0.2)}, deviation=0.5)
    content = to_json(some)
    content["spread"] = content.pop("residual_deviation")
    assert to_json(from_json(content)) == to_json(some)
