"""The n-gram cache of one task: everything that may be copied, as one sequence of tokens that ends at the cursor."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

import numpy as np

from repocomp.generate.generator import Task
from repocomp.generate.local.ngram_cache import BOUNDARY, NgramCache
from repocomp.secrets.redaction import REDACTED


def ngram_cache(task: Task, encode: Callable[[str], list[int]], vote: Callable[[int], float]) -> NgramCache:
    """The hits, the best last, the text after the cursor, then that before it, ending with the window's own tokens.

    `vote` says how much places in the hit of a rank (from 1) count, beside 1 for those of the file. Nothing is copied
    across the place of a secret that was taken out.
    """
    sources = task.sources
    parts = [
        [token for piece in hit.split(REDACTED) for token in (*encode(piece), BOUNDARY)]
        for hit in reversed(sources.hits)
    ]
    parts.append([*encode(sources.after), BOUNDARY, *encode(sources.before), *task.window.left_ids])
    votes = [*(vote(rank) for rank in range(len(sources.hits), 0, -1)), 1.0]
    return NgramCache(list(chain(*parts)), np.repeat(votes, [len(part) for part in parts]))
