"""CodeLlama and DeepSeek-Coder: PSM, other files as comments at its beginning."""

from __future__ import annotations

from repocomp.model.pack import Pack
from repocomp.prompt.fim import PSM, FimFormat, FimStyle, make
from repocomp.prompt.window import Encode

STYLE = FimStyle(PSM)


def prompt_format(pack: Pack, encode: Encode) -> FimFormat:
    """The format of `pack`."""
    return make(pack, encode, STYLE)
