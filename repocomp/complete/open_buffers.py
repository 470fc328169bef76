"""Retrieval that sees the files of other buffers as they are in the editor, saved or not.

The index knows what is on the disk. A chunk of a file that is open is looked up in its buffer: where it stands there as
it is, or where the longest stretch of its lines does. Of what was deleted in the buffer nothing is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from repocomp.complete.parts import Retriever
from repocomp.policy.select import Action
from repocomp.retrieve.hit import Hit
from repocomp.retrieve.query import Query
from repocomp.retrieve.retrieve import Hidden, Retrieved


@dataclass(frozen=True, slots=True)
class BufferRetriever:
    """A retriever over `inner`, with the texts of open buffers by path as the index knows it."""

    inner: Retriever
    buffers: Mapping[str, str]

    def find(
        self, query: Query, action: Action, hidden: Hidden | None = None, deadline: float | None = None
    ) -> Retrieved:
        """What `inner` finds, as it stands in the buffers now."""
        found = self.inner.find(query, action, hidden, deadline)
        if not any(hit.path in self.buffers for hit in found.hits):
            return found
        lines = {path: text.splitlines() for path, text in self.buffers.items()}
        hits = [fresh for hit in found.hits if (fresh := _fresh(hit, lines.get(hit.path))) is not None]
        return replace(found, hits=hits)


def _fresh(hit: Hit, lines: list[str] | None) -> Hit | None:
    """The chunk as it stands in `lines`; None where nothing of it does."""
    if lines is None:
        return hit
    old = hit.text.split("\n")
    if not hit.is_stretch:
        there = set(lines)
        text = "\n".join(line for line in old if line in there)
        return replace(hit, text=text) if text.strip() else None
    match = SequenceMatcher(None, old, lines, autojunk=False).find_longest_match()
    if not any(line.strip() for line in old[match.a : match.a + match.size]):
        return None
    start = max(0, match.b - match.a)
    new = lines[start : start + len(old)]
    return replace(hit, start_line=start + 1, end_line=start + len(new), text="\n".join(new))
