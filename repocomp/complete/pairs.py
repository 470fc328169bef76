"""Two packs that share the work: who may, and with whom."""

from __future__ import annotations

from repocomp.complete.parts import Pair
from repocomp.generate.generator import Generator
from repocomp.generate.local.generator import LocalGenerator


def pair_of(policy: LocalGenerator, generator: Generator) -> Pair | None:
    """The two as a pair, where the one that decides can write too, and knows how to decide for one that reads.

    Raises PackError where what it knows is damaged.
    """
    is_pair = generator is not policy and generator.snippet_tokens > 0 and "generator" in policy.pack.roles
    pairing = policy.pack.pairing if is_pair else None
    return None if pairing is None else Pair(policy, pairing)
