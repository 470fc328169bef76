"""What each family's prompt looks like, spelled out: control tokens in brackets, text as it is."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from repocomp.model.families import FAMILY_NAMES, ControlTokens
from repocomp.model.pack import Layout
from repocomp.prompt.format import FORMATS, format_of
from repocomp.prompt.snippets import Snippet, fit
from repocomp.prompt.window import Window
from tests.complete.fakes import ByteTokenizer, fake_pack, hit

ROLES = [item.name for item in fields(ControlTokens) if item.name != "stops"]
FRAME: dict[str, Any] = {"prefix": 1001, "suffix": 1002, "middle": 1003, "end": 1000}
NAMED = {"file": 1006, "repo": 1009}
WINDOW = Window(
    "a.py", "x = ", ")\n", "", tuple(ByteTokenizer().encode("x = ")), tuple(ByteTokenizer().encode(")\n")), 1, 1
)
HIT = hit("y = 1\n", "lib/b.py")


def prompt(family: str, tokens: dict[str, Any], is_read: bool, layout: Layout = "psm") -> str:
    """The prompt of a family that has `tokens`, with one snippet or none."""
    control = ControlTokens(**tokens)
    pack = replace(fake_pack(), family=family, control=control, layout=layout)
    made = format_of(pack, ByteTokenizer().encode)
    snippets = fit([HIT], made.snippet, 200) if is_read else list[Snippet]()
    names = {getattr(control, role): role for role in ROLES}
    spelled = ByteTokenizer()
    return "".join(f"<{names[i]}>" if i in names else spelled.decode([i]) for i in made.prompt(WINDOW, snippets))


@pytest.mark.parametrize(
    ("family", "tokens", "alone", "read"),
    [
        (
            "qwen2.5-coder",
            FRAME | NAMED,
            "<repo>repository\n<file>a.py\n<prefix>x = <suffix>)\n<middle>",
            "<repo>repository\n<file>lib/b.py\ny = 1\n<file>a.py\n<prefix>x = <suffix>)\n<middle>",
        ),
        (
            "starcoder2",
            FRAME | NAMED,
            "<repo>repository\n<prefix><file>a.py\nx = <suffix>)\n<middle>",
            "<repo>repository\n<file>lib/b.py\ny = 1\n<prefix><file>a.py\nx = <suffix>)\n<middle>",
        ),
        (
            "starcoder",
            FRAME,
            "<prefix>x = <suffix>)\n<middle>",
            "<prefix># lib/b.py\n# y = 1\nx = <suffix>)\n<middle>",
        ),
        (
            "codellama",
            FRAME | {"start": 1010},
            "<start><prefix>x = <suffix>)\n<middle>",
            "<start><prefix># lib/b.py\n# y = 1\nx = <suffix>)\n<middle>",
        ),
        (
            "codegemma",
            FRAME | {"start": 1010, "file": 1006},
            "<start><file>a.py\n<prefix>x = <suffix>)\n<middle>",
            "<start><file>lib/b.py\ny = 1\n<file>a.py\n<prefix>x = <suffix>)\n<middle>",
        ),
        (
            "codestral",
            FRAME,
            "<suffix>)\n<prefix>x = ",
            "<suffix>)\n<prefix>+++++ lib/b.py\ny = 1\nx = ",
        ),
        (
            "mellum",
            FRAME | NAMED,
            "<repo>repository\n<file>a.py\n<suffix>)\n<prefix>x = <middle>",
            "<repo>repository\n<file>lib/b.py\ny = 1\n<file>a.py\n<suffix>)\n<prefix>x = <middle>",
        ),
        (
            "seed-coder",
            FRAME,
            "<suffix>)\n<prefix>x = <middle>",
            "<suffix>)\n<prefix># lib/b.py\n# y = 1\nx = <middle>",
        ),
        ("left-only", {"end": 1000, "start": 1010}, "<start>x = ", "<start># lib/b.py\n# y = 1\nx = "),
    ],
)
def test_a_familys_prompt(family: str, tokens: dict[str, Any], alone: str, read: str) -> None:
    assert prompt(family, tokens, is_read=False) == alone
    assert prompt(family, tokens, is_read=True) == read


def test_at_the_beginning_of_a_file_a_model_without_a_frame_is_asked_something() -> None:
    empty = replace(WINDOW, left="", left_ids=())
    for control, asked in ((ControlTokens(end=1000), [1000]), (ControlTokens(), ByteTokenizer().encode("\n"))):
        pack = replace(fake_pack(), family="left-only", control=control)
        assert format_of(pack, ByteTokenizer().encode).prompt(empty) == asked


def test_suffix_first_a_keystroke_appends_at_the_end() -> None:
    whole = prompt("qwen2.5-coder", FRAME | NAMED, is_read=False, layout="spm")
    assert whole == "<repo>repository\n<file>a.py\n<prefix><suffix>)\n<middle>x = "


def test_every_family_that_is_recognised_has_a_format() -> None:
    assert {*FAMILY_NAMES} <= {*FORMATS}
    for family in FORMATS:
        if family != "repocomp-1":
            made = format_of(
                replace(fake_pack(), family=family, control=ControlTokens(**FRAME)), ByteTokenizer().encode
            )
            assert made.decision(WINDOW) is None
            assert made.stop_ids == {1000}
