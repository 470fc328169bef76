"""What is known of a place after the lookup and a first draft: whether reading what was found would help.

None of the figures is source text. Names count that the file does not show: they are what a prompt can bring.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from posixpath import dirname

from repocomp.complete.draft import Draft
from repocomp.complete.place import Place
from repocomp.retrieve.hit import Hit
from repocomp.retrieve.understand import understand
from repocomp.terms import words

_BEST = 3
_DRAFTED = (
    "lowest",
    "mean",
    "first",
    "least_margin",
    "alone_mean",
    "copied_share",
    "first_copied",
    "names_known",
    "names_in_sight",
    "strangers",
    "log_tokens",
)
"""What of a draft's figures tells whether another one is needed."""


def reading_figures(place: Place, hits: Sequence[Hit], first: Draft) -> Mapping[str, float]:
    """Figures of a place for which `hits` were found, best first, and of the draft that was copied from them."""
    shown = frozenset(words(place.window.left)) | frozenset(words(place.window.right))
    return {
        **_of_hits(place, hits, shown),
        **_of_draft(first),
        **{name: value for name, value in first.figures.items() if name.startswith(("kind=", "family="))},
        "is_block": float(place.mode == "block"),
    }


def _of_draft(first: Draft) -> dict[str, float]:
    known = {f"first.{name}": first.figures[name] for name in _DRAFTED if name in first.figures}
    return {**known, "first.is_empty": float(not first.text), "first.confidence": first.confidence or 0.0}


def _of_hits(place: Place, hits: Sequence[Hit], shown: frozenset[str]) -> dict[str, float]:
    if not hits:
        return {"has_hits": 0.0}
    best = hits[:_BEST]
    said = [frozenset(words(hit.text)) for hit in best]
    asked = understand(place.query)
    names = {one.name for one in asked.asked}
    folder = dirname(place.query.path)
    return {
        "has_hits": 1.0,
        "log_hits": math.log1p(len(hits)),
        "new_words": sum(len(one - shown) for one in said) / max(1, sum(map(len, said))),
        "shared_words": sum(len(one & shown) for one in said) / max(1, len(shown)),
        "asked": math.log1p(len(names)),
        "asked_unshown": math.log1p(len(names - shown)),
        "asked_found": math.log1p(len((names - shown) & frozenset().union(*said))),
        "same_file": sum(hit.path == place.query.path for hit in best) / len(best),
        "same_folder": sum(dirname(hit.path) == folder for hit in best) / len(best),
        f"place={asked.place}": 1.0,
    }
