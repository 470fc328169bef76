"""CodeGemma: PSM behind its start token, files divided by a token of their own."""

from __future__ import annotations

from repocomp.model.pack import Pack
from repocomp.prompt.fim import PSM, FimFormat, FimStyle, make
from repocomp.prompt.window import Encode

STYLE = FimStyle(PSM, names_files=True)


def prompt_format(pack: Pack, encode: Encode) -> FimFormat:
    """The format of `pack`."""
    return make(pack, encode, STYLE)
