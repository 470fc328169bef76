"""Qwen2.5-Coder: PSM, or suffix first where the pack says so; each file of the repository behind its path."""

from __future__ import annotations

from dataclasses import replace

from repocomp.model.pack import Pack
from repocomp.prompt.fim import PSM, SUFFIX_FIRST, FimFormat, FimStyle, make
from repocomp.prompt.window import Encode

STYLE = FimStyle(PSM, names_files=True)


def prompt_format(pack: Pack, encode: Encode) -> FimFormat:
    """The format of `pack`."""
    return make(pack, encode, STYLE if pack.layout == "psm" else replace(STYLE, order=SUFFIX_FIRST))
