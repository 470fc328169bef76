"""Mellum: the suffix first, each file behind its name."""

from __future__ import annotations

from repocomp.model.pack import Pack
from repocomp.prompt.fim import FimFormat, FimStyle, make
from repocomp.prompt.window import Encode

STYLE = FimStyle(("suffix", "right", "prefix", "left", "middle"), names_files=True)


def prompt_format(pack: Pack, encode: Encode) -> FimFormat:
    """The format of `pack`."""
    return make(pack, encode, STYLE)
