"""What a family of models wants a prompt to look like. No prompt is put together anywhere else.

A format is one small module with a class of its own, named in `FORMATS` by the family it serves. It knows the control
tokens of that family by id and inserts them as integers: text never becomes one, whatever it spells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

from repocomp.errors import PackError
from repocomp.model.pack import Pack
from repocomp.prompt.snippets import Snippet
from repocomp.prompt.window import Encode, Healing, Window

FORMATS = {
    "repocomp-1": "repocomp.prompt.repocomp",
    "qwen2.5-coder": "repocomp.prompt.qwen",
    "starcoder": "repocomp.prompt.starcoder",
    "starcoder2": "repocomp.prompt.starcoder",
    "granite-4": "repocomp.prompt.starcoder",
    "codellama": "repocomp.prompt.comments",
    "deepseek-coder": "repocomp.prompt.comments",
    "codegemma": "repocomp.prompt.codegemma",
    "codestral": "repocomp.prompt.codestral",
    "mellum": "repocomp.prompt.mellum",
    "seed-coder": "repocomp.prompt.seed_coder",
    "left-only": "repocomp.prompt.left_only",
}
"""By family: the module whose `prompt_format(pack, encode)` makes the format of one pack."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Where the model says whether retrieval would help: after `ids`, by the logits of two tokens."""

    ids: list[int]
    retrieve: int
    skip: int


class PromptFormat(Protocol):
    """How one pack is asked."""

    @property
    def stop_ids(self) -> frozenset[int]:
        """The tokens that end an answer and are not part of it."""

    @property
    def healing(self) -> Healing:
        """What before the cursor the models write anew."""

    def head_tokens(self, path: str) -> int:
        """What naming the file takes of the left budget."""

    def snippet(self, path: str, text: str) -> list[int]:
        """The ids of a snippet from another file."""

    def prompt(self, window: Window, snippets: Sequence[Snippet] = ()) -> list[int]:
        """The whole prompt; the middle follows it. `snippets` are in prompt order, the best one last."""

    def decision(self, window: Window) -> Decision | None:
        """Where the model decides; None for a family that cannot. Every prompt of `window` begins with its ids."""


def format_of(pack: Pack, encode: Encode) -> PromptFormat:
    """The format of a pack's family. Raises PackError for a family that nobody has written a format for."""
    if pack.family not in FORMATS:
        known = ", ".join(sorted(FORMATS))
        raise PackError(f"the pack {pack.name!r} is of the family {pack.family!r}", f"use a pack of: {known}")
    made: PromptFormat = import_module(FORMATS[pack.family]).prompt_format(pack, encode)
    return made
