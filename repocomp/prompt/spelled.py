"""A family's prompt as text, for servers that read control tokens in it.

The formats of `prompt.format` put ids together; here an id stands for a stretch of text, so that the same formats
spell prompts. Text never becomes a control token: what spells one in it is taken out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module

from repocomp.model.families import FAMILIES, FAMILY_NAMES, LEFT_ONLY, ControlTokens, Family
from repocomp.prompt.fim import FimFormat, FimStyle
from repocomp.prompt.format import FORMATS
from repocomp.prompt.snippets import Snippet
from repocomp.prompt.window import Window

SPELLED = FAMILY_NAMES
"""The families that a prompt can be spelled for."""
_NAMES = (
    ("qwen2.5-coder", r"qwen.*coder|codeqwen"),
    ("starcoder2", r"starcoder-?2"),
    ("starcoder", r"starcoder|santacoder|refact"),
    ("granite-4", r"granite-?4"),
    ("starcoder", r"granite.*code"),
    ("codellama", r"code-?llama"),
    ("deepseek-coder", r"deepseek.*coder"),
    ("codegemma", r"codegemma"),
    ("codestral", r"codestral"),
    ("mellum", r"mellum"),
    ("seed-coder", r"seed-?coder"),
)


def family_named(model: str) -> str | None:
    """The family that a server's name for a model speaks of: its vocabulary cannot be looked at from here."""
    return next((family for family, pattern in _NAMES if re.search(pattern, model.lower())), None)


def spellings_of(name: str) -> Family:
    """What the control tokens of the family `name` are called."""
    wanted = "starcoder" if name == "mellum" else name
    return next(family for family in FAMILIES if family.name == wanted)


@dataclass(slots=True)
class _Stretches:
    """Texts by number."""

    forbidden: re.Pattern[str]
    texts: list[str] = field(default_factory=list)

    def add(self, text: str) -> int:
        self.texts.append(text)
        return len(self.texts) - 1

    def encode(self, text: str) -> list[int]:
        while self.forbidden.search(text):
            # Once more: what was taken out may have stood between the halves of another.
            text = self.forbidden.sub("", text)
        return [self.add(text)]


def spell(name: str, window: Window, files: Sequence[Snippet]) -> str:
    """The prompt of the family `name` for the texts of `window` and `files`, which are in prompt order."""
    if name == LEFT_ONLY:
        return commented(files) + window.left
    family = spellings_of(name)
    stretches = _Stretches(re.compile("|".join(map(re.escape, sorted(family.texts)))))
    style: FimStyle = import_module(FORMATS[name]).STYLE
    control = ControlTokens(
        prefix=stretches.add(family.prefix),
        suffix=stretches.add(family.suffix),
        middle=stretches.add(family.middle),
        file=None if family.file is None else stretches.add(family.file),
        repo=None if family.repo is None else stretches.add(family.repo),
    )
    layout = FimFormat(control, stretches.encode, style)
    left, right = stretches.encode(window.left), stretches.encode(window.right)
    spelled = Window(window.path, window.left, window.right, "", tuple(left), tuple(right), 1, 1)
    shown = [Snippet(each.hit, each.text, tuple(layout.snippet(each.hit.path, each.text))) for each in files]
    return "".join(stretches.texts[number] for number in layout.prompt(spelled, shown))


def stops_of(name: str) -> tuple[str, ...]:
    """What ends an answer of the family `name`: any of its tokens, the likeliest first."""
    if name == LEFT_ONLY:
        return ()
    family = spellings_of(name)
    ordered = (family.file, family.pad, family.prefix, family.middle, family.suffix, family.repo)
    return tuple(text for text in ordered if text is not None)


def commented(files: Sequence[Snippet]) -> str:
    """Files as comments, for models whose family is not known: each line behind the leader of its language."""
    layout = FimFormat(ControlTokens(), (stretches := _Stretches(re.compile(r"(?!)"))).encode, FimStyle())
    ids = [number for each in files for number in layout.snippet(each.hit.path, each.text)]
    return "".join(stretches.texts[number] for number in ids)
