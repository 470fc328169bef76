"""A cursor in a text, marked by `|`."""

from __future__ import annotations

from collections.abc import Sequence

from repocomp.complete.finish.finish import Finish
from repocomp.request import Mode


def finish_at(place: str, language: str = "text", mode: Mode | None = None, sources: Sequence[str] = ()) -> Finish:
    """The rules at the mark of `place`."""
    left, _, right = place.partition("|")
    return Finish.of(left, right, language, mode, sources=sources)


def finished(
    place: str, said: str, language: str = "text", mode: Mode | None = None, sources: Sequence[str] = ()
) -> str:
    """What of `said` is inserted at the mark of `place`."""
    return finish_at(place, language, mode, sources).trim(said, is_finished=True)[0]
