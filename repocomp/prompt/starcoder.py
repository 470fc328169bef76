"""StarCoder, StarCoder2 and Granite: PSM, the path inside the prefix."""

from __future__ import annotations

from repocomp.model.pack import Pack
from repocomp.prompt.fim import PSM, FimFormat, FimStyle, make
from repocomp.prompt.window import Encode

STYLE = FimStyle(PSM, names_files=True, inside_prefix=True)


def prompt_format(pack: Pack, encode: Encode) -> FimFormat:
    """The format of `pack`."""
    return make(pack, encode, STYLE)
