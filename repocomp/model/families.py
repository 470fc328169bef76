"""Families of models by their control tokens: found in a vocabulary, never from a model's name.

How a family's prompt is put together is said in `repocomp.prompt`; here stands what its tokens are called.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields

FAMILY = "repocomp-1"
"""The family of our own packs, the only one with tokens for a decision."""
LEFT_ONLY = "left-only"
"""Models without tokens for filling in the middle: they continue what stands before the cursor."""
SUFFIX_FIRST = frozenset({"qwen2.5-coder"})
"""Families that write as well with the suffix before the prefix, so that a keystroke appends to what was read."""


@dataclass(frozen=True, slots=True)
class FimTokens:
    """Ids of the control tokens of our own family. They are inserted as integers, never parsed from text."""

    end: int = 0
    prefix: int = 1
    suffix: int = 2
    middle: int = 3
    decide: int = 4
    cc: int = 5
    file: int = 6
    pad: int = 7

    @property
    def all(self) -> tuple[int, ...]:
        """Every control token."""
        return tuple(getattr(self, item.name) for item in fields(self))


@dataclass(frozen=True, slots=True)
class ControlTokens:
    """Ids of control tokens by role, of any family; None where a family has none for it.

    `end` ends a text, `start` begins every prompt, `file` stands before a file of the repository and `repo` before its
    name. `stops` end an answer beside `end`.
    """

    end: int | None = None
    prefix: int | None = None
    suffix: int | None = None
    middle: int | None = None
    decide: int | None = None
    cc: int | None = None
    file: int | None = None
    pad: int | None = None
    start: int | None = None
    repo: int | None = None
    stops: tuple[int, ...] = ()

    @property
    def all(self) -> tuple[int, ...]:
        """Every control token that has a role."""
        roles = (getattr(self, item.name) for item in fields(self) if item.name != "stops")
        return tuple(dict.fromkeys([*(token for token in roles if token is not None), *self.stops]))

    @property
    def stop_ids(self) -> tuple[int, ...]:
        """The tokens that end an answer."""
        return tuple(dict.fromkeys([*(() if self.end is None else (self.end,)), *self.stops]))

    def with_decision(self) -> FimTokens | None:
        """The tokens of our own family, where every role of it has one."""
        roles = {item.name: getattr(self, item.name) for item in fields(FimTokens)}
        return None if None in roles.values() else FimTokens(**roles)


OUR_TOKENS = ControlTokens(0, 1, 2, 3, 4, 5, 6, 7)


@dataclass(frozen=True, slots=True)
class Family:
    """What the tokens of a family are called. `companion` tells it from one with the same spelling."""

    name: str
    prefix: str
    suffix: str
    middle: str
    companion: str | None = None
    file: str | None = None
    repo: str | None = None
    pad: str | None = None

    @property
    def texts(self) -> set[str]:
        """All that its tokens are called."""
        named = (self.prefix, self.suffix, self.middle, self.companion, self.file, self.repo, self.pad)
        return {text for text in named if text is not None}

    def is_in(self, vocabulary: Collection[str]) -> bool:
        """Whether a vocabulary has its tokens, and its companion where it needs one."""
        needed = (self.prefix, self.suffix, self.middle, *([self.companion] if self.companion else ()))
        return all(token in vocabulary for token in needed)


_ENDS = ("<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<｜end▁of▁sentence｜>", "<[end▁of▁sentence]>")
"""Tokens that end a text, in any family."""
_RESERVED = re.compile(r"unused|reserved|dummy|extra_id|pad_id")

FAMILIES = (
    Family(
        "codegemma",
        "<|fim_prefix|>",
        "<|fim_suffix|>",
        "<|fim_middle|>",
        companion="<|file_separator|>",
        file="<|file_separator|>",
    ),
    Family(
        "qwen2.5-coder",
        "<|fim_prefix|>",
        "<|fim_suffix|>",
        "<|fim_middle|>",
        companion="<|file_sep|>",
        file="<|file_sep|>",
        repo="<|repo_name|>",
        pad="<|fim_pad|>",
    ),
    Family(
        "granite-4",
        "<|fim_prefix|>",
        "<|fim_suffix|>",
        "<|fim_middle|>",
        file="<|filename|>",
        repo="<|reponame|>",
        pad="<|fim_pad|>",
    ),
    Family(
        "starcoder2",
        "<fim_prefix>",
        "<fim_suffix>",
        "<fim_middle>",
        companion="<file_sep>",
        file="<file_sep>",
        repo="<repo_name>",
        pad="<fim_pad>",
    ),
    Family(
        "starcoder",
        "<fim_prefix>",
        "<fim_suffix>",
        "<fim_middle>",
        file="<filename>",
        repo="<reponame>",
        pad="<fim_pad>",
    ),
    Family("starcoder", "<fim-prefix>", "<fim-suffix>", "<fim-middle>", pad="<fim-pad>"),
    Family("codellama", "▁<PRE>", "▁<SUF>", "▁<MID>"),
    Family("deepseek-coder", "<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"),
    Family("codestral", "[PREFIX]", "[SUFFIX]", "[MIDDLE]"),
    Family("seed-coder", "<[fim-prefix]>", "<[fim-suffix]>", "<[fim-middle]>"),
)
"""In the order of asking: those with a companion stand before those that spell the same without one.

Mellum cannot be told from StarCoder by its vocabulary: `--family mellum` says so.
"""
FAMILY_NAMES = tuple(sorted({family.name for family in FAMILIES} | {LEFT_ONLY, "mellum"}))


def control_texts(vocabulary: Collection[str]) -> set[str]:
    """The control tokens of the families whose frame a `vocabulary` holds: some files list theirs among the words.

    Alone, such a text may be a word: Qwen's vocabulary has `</s>` as one, which HTML needs.
    """
    found = (family.texts for family in FAMILIES if family.is_in(vocabulary))
    return {"▁<EOT>"}.union(*found) & set(vocabulary)


def find_family(
    vocabulary: Mapping[str, int], *, name: str | None = None, start: int | None = None, end: int | None = None
) -> tuple[str, ControlTokens]:
    """Family and control tokens of a `vocabulary` of control tokens by their text.

    `name` overrides what is found; `start` and `end` are what the model's own metadata say. Every control token ends an
    answer: a model that says one has left the text it was to fill in. Raises ValueError where a family is named whose
    tokens the vocabulary lacks.
    """
    end = end if end is not None else next((vocabulary[text] for text in _ENDS if text in vocabulary), None)
    stops = tuple(i for text, i in vocabulary.items() if i not in (end, start) and not _RESERVED.search(text))
    wanted = "starcoder" if name == "mellum" else name
    family = next((one for one in FAMILIES if wanted in (None, one.name) and one.is_in(vocabulary)), None)
    if family is None and name not in (None, LEFT_ONLY):
        raise ValueError(f"its vocabulary lacks the tokens of the family {name!r}")
    if family is None:
        return LEFT_ONLY, ControlTokens(end, start=start, stops=stops)
    optional = {role: vocabulary.get(text) for role in ("file", "repo", "pad") if (text := getattr(family, role))}
    frame = (vocabulary[family.prefix], vocabulary[family.suffix], vocabulary[family.middle])
    return name or family.name, ControlTokens(end, *frame, start=start, stops=stops, **optional)
