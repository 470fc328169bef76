"""Prompts of every family, spelled by us and read back; and what is no prompt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repocomp.model.families import FAMILIES, LEFT_ONLY
from repocomp.prompt.parse import Parsed, parse
from repocomp.prompt.snippets import Snippet
from repocomp.prompt.spelled import SPELLED, commented, family_named, spell
from repocomp.prompt.window import Window
from tests.complete.fakes import hit

CODE = st.text(st.characters(codec="utf-8", exclude_characters="<>[]|\r"), max_size=60)


def window(left: str, right: str) -> Window:
    return Window("app/a.py", left, right, "", (), (), 1, 1)


@pytest.mark.parametrize("family", [name for name in SPELLED if name != LEFT_ONLY])
@given(left=CODE, right=CODE, other=CODE.filter(str.strip))
def test_what_is_spelled_is_read_back(family: str, left: str, right: str, other: str) -> None:
    files = [Snippet(hit(other, "lib/b.py"), other, ())]
    parsed = parse(spell(family, window(left, right), files))
    assert parsed is not None
    assert parsed.right == right
    if parsed.path is None:
        # Families that name no files are given them as comments at the beginning.
        assert parsed.left.endswith(left)
    else:
        assert (parsed.left, parsed.path, parsed.files) == (left, "app/a.py", (("lib/b.py", other),))


@pytest.mark.parametrize(
    ("prompt", "parsed"),
    [
        ("def f(", None),
        ("<|fim_prefix|>a<|fim_middle|>", None),
        ("<|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>", Parsed("a", "b")),
        # What has been written of the middle stands before the cursor.
        ("<|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>c", Parsed("ac", "b")),
        ("<|fim_prefix|><|fim_suffix|>b<|fim_middle|>a", Parsed("a", "b")),
        ("<fim_suffix>b<fim_prefix>a<fim_middle>", Parsed("a", "b")),
        ("[SUFFIX]b[PREFIX]a", Parsed("a", "b")),
        ("<fim_prefix><file_sep>a.py\na<fim_suffix>b<fim_middle>", Parsed("a", "b", "a.py")),
        (
            "<|file_sep|>b.py\nx\n<|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>",
            Parsed("a", "b", None, (("b.py", "x\n"),)),
        ),
    ],
)
def test_prompts_as_editors_put_them(prompt: str, parsed: Parsed | None) -> None:
    assert parse(prompt) == parsed


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("Qwen/Qwen2.5-Coder-7B", "qwen2.5-coder"),
        ("qwen3-coder:30b", "qwen2.5-coder"),
        ("bigcode/starcoder2-3b", "starcoder2"),
        ("codellama:7b-code", "codellama"),
        ("deepseek-coder-v2:16b", "deepseek-coder"),
        ("codestral-latest", "codestral"),
        ("JetBrains/Mellum-4b-base", "mellum"),
        ("gpt-3.5-turbo-instruct", None),
    ],
)
def test_names_of_models_tell_a_family(model: str, family: str | None) -> None:
    assert family_named(model) == family


@given(st.text(max_size=200), st.sampled_from([family.name for family in FAMILIES]))
def test_text_never_becomes_a_control_token(text: str, name: str) -> None:
    family = next(each for each in FAMILIES if each.name == name)
    hostile = f"{text}{family.middle[:3]}{family.middle}{family.middle[3:]}{family.suffix}"
    spelled = spell(name, window(hostile, hostile), [])
    assert spelled.count(family.middle) <= 1
    assert spelled.count(family.suffix) == 1


def test_a_model_that_cannot_fill_in_is_shown_what_stands_before() -> None:
    files = [Snippet(hit("x", "b.py"), "x", ())]
    assert spell(LEFT_ONLY, window("a = ", "b"), files) == "# b.py\n# x\na = "


def test_files_as_comments() -> None:
    files = [Snippet(hit("x = 1\ny\n", "b.py"), "x = 1\ny\n", ()), Snippet(hit("z", "c.go"), "z", ())]
    assert commented(files) == "# b.py\n# x = 1\n# y\n// c.go\n// z\n"
