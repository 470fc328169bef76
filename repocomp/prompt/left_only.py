"""Models without tokens for filling in the middle: they continue what stands before the cursor."""

from __future__ import annotations

from repocomp.model.pack import Pack
from repocomp.prompt.fim import LEFT_ONLY, FimFormat, FimStyle, make
from repocomp.prompt.window import Encode

STYLE = FimStyle(LEFT_ONLY)


def prompt_format(pack: Pack, encode: Encode) -> FimFormat:
    """The format of `pack`."""
    return make(pack, encode, STYLE)
