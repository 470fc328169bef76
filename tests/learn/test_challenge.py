"""What is learned from replays and feedback: what there is, there alone, and nothing where there is none."""

from __future__ import annotations

import numpy as np

from repocomp.learn.challenge import choices, propose, sequential_choices
from repocomp.learn.feedback_trial import favour, made_up
from repocomp.learn.trial import World, drift, false_promotions, held_out, off_policy_errors, streams, worst_dip
from tests.learn.tables import EVERY, NAMES, THRESHOLDS, USUAL, table


def flat(name: str, is_import: bool) -> float:
    return 0.3 if name.startswith(("all:10", "without")) else 0.1


def usage_harms_imports(name: str, is_import: bool) -> float:
    return (0.6 if is_import else 0.2) if name == "without usage" else flat(name, is_import)


def all_harm(name: str, is_import: bool) -> float:
    return -0.2


def reading_harms(name: str, is_import: bool) -> float:
    return 0.2 if name == "copied" else flat(name, is_import) - 0.4


def test_replays_change_the_choice_where_they_say_so() -> None:
    some = table(200, usage_harms_imports)
    found = propose(some, (), USUAL, None, THRESHOLDS, "pack")
    assert found.verdicts["replays"].is_above
    assert found.parameters is not None
    taken = choices(found.parameters, some)
    at_import = some.x[:, 2] > 0
    assert (taken[at_import] == NAMES.index("without usage")).mean() > 0.95
    assert (taken[~at_import] == NAMES.index("without usage")).mean() < 0.05


def test_what_is_in_use_is_not_replaced_by_its_equal() -> None:
    some = table(200, usage_harms_imports)
    champion = propose(some, (), USUAL, None, THRESHOLDS, "pack").parameters
    assert champion is not None
    assert propose(some, (), USUAL, champion, THRESHOLDS, "pack").parameters is None


def test_nothing_better_nothing_learned() -> None:
    assert sum(propose(table(200, flat, seed=seed), (), USUAL, None, THRESHOLDS, "").parameters is not None
               for seed in range(8)) == 0  # fmt: skip


def test_a_choice_does_not_know_its_own_file() -> None:
    some = table(120, usage_harms_imports)
    reward = some.reward()
    before = sequential_choices(some, reward)
    changed = reward.copy()
    own = np.array([path == some.paths[-1] for path in some.paths])
    changed[own] = np.random.default_rng(5).normal(0, 3, changed[own].shape)
    assert sequential_choices(some, changed)[-1] == before[-1]


def test_the_policy_gives_way_where_skipping_loses_and_keeps_its_word_where_it_does_not() -> None:
    found = propose(table(200, flat, probability=0.1), (), USUAL, None, THRESHOLDS, "")
    assert found.parameters is not None
    assert found.parameters.thresholds == {"line": 0.0, "block": 0.0}
    assert propose(table(200, all_harm, probability=0.1), (), USUAL, None, THRESHOLDS, "").parameters is None


def test_what_is_only_copied_from_is_learned_where_reading_it_harms() -> None:
    found = propose(table(200, reading_harms), (), USUAL, None, THRESHOLDS, "")
    assert found.parameters is not None
    copied = NAMES.index("copied")
    assert (choices(found.parameters, table(60, reading_harms, seed=1)) == copied).all()
    assert EVERY[copied].budget(512) == 0


def test_feedback_changes_the_choice_there_and_not_elsewhere() -> None:
    change = favour(table(200, flat), USUAL, THRESHOLDS, "place=import", "bm25")
    assert change.completions is not None
    assert change.share_after > change.share_before + 0.04
    assert change.elsewhere <= 0.05


def test_late_words_change_it_later() -> None:
    some = table(200, flat)
    early, late = (favour(some, USUAL, THRESHOLDS, "place=import", "bm25", delay=delay) for delay in (0, 300))
    assert early.completions is not None
    assert late.completions is not None
    assert late.completions > early.completions


def test_feedback_that_favours_nothing_changes_nothing() -> None:
    some = table(200, flat)
    for seed in range(2):
        heard = made_up(some, USUAL, "place=import", None, 300, seed)
        assert propose(some, heard, USUAL, None, THRESHOLDS, "").parameters is None


def test_simulation_says_what_is_known() -> None:
    good = World("good", table(300, usage_harms_imports), THRESHOLDS, USUAL)
    run = streams(good, 1)[0]
    assert run.is_promoted
    assert run.shipped < run.learned <= run.oracle
    assert run.worst_dip > -0.5
    found = held_out(good, is_gated=True)
    assert found.promoted >= 4
    assert found.interval[0] > 0
    errors = off_policy_errors(good, 2)
    assert errors["DR"] <= errors["IPS"]


def test_a_gate_is_tested_against_itself() -> None:
    worlds = [World("flat", table(100, flat), THRESHOLDS, USUAL)]
    assert false_promotions(worlds, runs=20) <= 0.05


def test_after_a_drift_it_is_learned_anew() -> None:
    runs = [drift(World("good", table(400, usage_harms_imports), THRESHOLDS, USUAL), seed) for seed in range(2)]
    assert all(run["before"] > 10 for run in runs)
    assert all(run["again"] >= run["after"] for run in runs)


def test_a_dip_is_the_lowest_point() -> None:
    shipped = np.ones(200)
    assert worst_dip(shipped, shipped) == 0.0
    learned = np.concatenate([np.full(100, 0.9), np.full(100, 1.2)])
    assert worst_dip(learned, shipped) == -5.0


def test_what_loses_on_new_replays_is_withdrawn() -> None:
    old = table(200, usage_harms_imports)
    champion = propose(old, (), USUAL, None, THRESHOLDS, "").parameters
    assert champion is not None
    assert champion.is_replayed

    def turned(name: str, is_import: bool) -> float:
        return -0.4 if name == "without usage" else flat(name, is_import)

    found = propose(table(200, turned, seed=1), (), USUAL, champion, THRESHOLDS, "")
    assert found.verdicts["withdrawal"].is_above
    assert found.is_withdrawn
    assert found.parameters is None
    unseen = propose(table(200, turned, seed=1), (), USUAL, champion, THRESHOLDS, "", since=200)
    assert not unseen.is_withdrawn


def test_feedback_counts_once_and_only_as_long_as_it_holds() -> None:
    some = table(200, flat)
    heard = made_up(some, USUAL, "place=import", "bm25", 800, 0)
    credited = propose(some, heard, USUAL, None, THRESHOLDS, "").parameters
    assert credited is not None
    assert (credited.is_replayed, credited.is_credited) == (False, True)
    assert propose(some, heard, USUAL, credited, THRESHOLDS, "").parameters is None
    gone = propose(some, heard[:20], USUAL, credited, THRESHOLDS, "")
    assert gone.is_withdrawn
