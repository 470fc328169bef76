"""Who answers as a pair: a pack that knows how to decide, and a generator that reads."""

from __future__ import annotations

from dataclasses import replace

from repocomp.complete.pairs import pair_of
from repocomp.generate.local.generator import load


def test_the_shipped_pack_knows_how_to_decide_for_one_that_reads() -> None:
    policy = load("default")
    reader = replace(policy, pack=replace(policy.pack, budgets=replace(policy.pack.budgets, cross_file=256)))
    pair = pair_of(policy, reader)
    assert pair is not None
    assert pair.drafter is policy
    assert 0 < pair.pairing.keep < 1
    assert "repositories" in pair.pairing.fitted


def test_others_answer_alone() -> None:
    policy = load("default")
    assert pair_of(policy, policy) is None
    copier = replace(policy, pack=replace(policy.pack))
    assert pair_of(policy, copier) is None
    reader = replace(policy, pack=replace(policy.pack, budgets=replace(policy.pack.budgets, cross_file=256)))
    judge = replace(policy, pack=replace(policy.pack, roles=("policy",)))
    assert pair_of(judge, reader) is None
