"""Cursors in code that another file holds: which text they stand in, and where an answer goes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repocomp.languages.formats import embedded
from tests.languages.test_formats import MERGE, VUE, notebook

CODE = 'from sales import load\n\nx = load("a", 1)\nfor y in x:\n    print(y)\n'
NOTE = [f"{line}\n" for line in CODE.split("\n")[:-1]]
ALONE = f"# # Title\n# it's\n\n{CODE}\n\n# %time x\n"
CELLS = (("markdown", ["# Title\n", "it's"]), ("code", NOTE), ("code", ["%time x"]))
NOTEBOOKS = {
    "lines": notebook(*CELLS),
    "one string": notebook(("code", CODE)),
    "one line": notebook(*CELLS, indent=None),
    "tabs": json.dumps(json.loads(notebook(*CELLS)), indent="\t"),
}
MARKDOWN = f"# It's\n\n(see\n\n```python\n{CODE}```\n\n~~~~js\nlet `a\n~~~~\n- it\n\n  ```{{.python}}\n  y = 1\n  ```\n"
PATCH = (
    "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1,3 +1,4 @@ x(\n"
    ' import os\n-old = "1\n+new = [\n+    1,\n ]\n'
    "@@ -9 +9 @@\n-a\n+b = 2\ndiff --git a/b.js b/b.js\n--- a/b.js\n+++ b/b.js\n@@ -1 +1 @@\n-x\n+let y\n"
)
FILES = {
    "a.ipynb": NOTEBOOKS["lines"],
    "b.ipynb": NOTEBOOKS["one string"],
    "c.ipynb": NOTEBOOKS["one line"],
    "d.ipynb": NOTEBOOKS["tabs"],
    "a.md": MARKDOWN,
    "a.vue": VUE,
    "a.patch": PATCH,
    "a.py": MERGE,
}


def at(text: str, place: str) -> int:
    """The end of `place` in `text`."""
    return text.index(place) + len(place)


@given(st.sampled_from(sorted(FILES)), st.data(), st.text(st.sampled_from('ab"\\\n \t{é😀'), max_size=12))
def test_an_answer_stands_in_the_file_where_it_was_asked_for(path: str, data: st.DataObject, answer: str) -> None:
    text = FILES[path]
    place = data.draw(st.integers(0, len(text)))
    code = embedded(path, text, place)
    if code is None:
        return
    with_it = text[:place] + code.written(answer) + text[place:]
    assert "".join(map(code.written, answer)) == code.written(answer)
    if path.endswith(".ipynb") and code.is_json:
        json.loads(with_it)
    elif answer.strip(" \tab") or path in ("a.md", "a.vue", "a.py"):
        # New lines of such files may be fences, tags or marks.
        return
    again = embedded(path, with_it, place)
    assert again is not None
    assert again.text == code.text[: code.at] + answer + code.text[code.at :]


@pytest.mark.parametrize(("path", "text"), [(f"{name}.ipynb", text) for name, text in NOTEBOOKS.items()])
def test_cells_are_code_and_all_else_is_comment(path: str, text: str) -> None:
    code = embedded(path, text, at(text, 'load(\\"a\\", '))
    assert code is not None
    assert (code.language, code.text[: code.at].splitlines()[-1]) == ("python", 'x = load("a", ')
    if path != "one string.ipynb":
        assert code.text.rstrip() == ALONE.rstrip()


def test_a_line_of_a_cell_is_a_string_where_the_others_are() -> None:
    inside = at(NOTEBOOKS["lines"], "for y in x:")
    lines = embedded("a.ipynb", NOTEBOOKS["lines"], inside)
    assert lines is not None
    assert lines.written('\n  f("\\")') == '\\n",\n    "  f(\\"\\\\\\")'
    one = embedded("a.ipynb", NOTEBOOKS["one string"], at(NOTEBOOKS["one string"], "for y in x:"))
    assert one is not None
    assert one.written("\n  f()") == "\\n  f()"


@pytest.mark.parametrize("place", ['"cell_type": "co', "# Tit", '"outputs": [', "", "from sales import load\\"])
def test_the_rest_of_a_notebook_is_no_code(place: str) -> None:
    text = NOTEBOOKS["lines"]
    code = embedded("a.ipynb", text, at(text, place))
    assert code is not None
    assert (code.language, code.text) == ("text", text)


def test_a_cell_in_another_language_stands_alone() -> None:
    text = notebook(("code", ["x = 1"]), ("code", ["%%bash\n", "echo $HO\n"]))
    code = embedded("a.ipynb", text, at(text, "echo $HO"))
    assert code is not None
    assert (code.language, code.text) == ("bash", "%%bash\necho $HO\n")


def test_a_notebook_that_an_editor_shows_as_code_is_code() -> None:
    code = embedded("a.ipynb", CODE, 5)
    assert code is not None
    assert (code.language, code.text, code.keeps_lines) == (None, CODE, True)


def test_half_a_character_is_no_reason_to_fail() -> None:
    text = notebook(("code", ["x = '\ud83d'\n", "y"]))
    code = embedded("a.ipynb", text, at(text, '"y'))
    assert code is not None
    assert code.text.encode().startswith(b"x = '?'\ny")


@pytest.mark.parametrize(
    ("place", "language", "line"),
    [
        ("x = load(", "python", "x = load("),
        ("let `a", "javascript", "let `a"),
        ("  y = 1", "python", "  y = 1"),
        ("(see", None, ""),
        ("```python", None, ""),
    ],
)
def test_a_fence_frames_code_in_its_language(place: str, language: str | None, line: str) -> None:
    code = embedded("a.md", MARKDOWN, at(MARKDOWN, place))
    if language is None:
        assert code is None
        return
    assert code is not None
    assert (code.language, code.text[: code.at].split("\n")[-1]) == (language, line)
    assert code.text.count("\n") == MARKDOWN.count("\n")
    mark = "#" if language == "python" else "//"
    assert f"{mark} (see\n" in code.text


def test_scripts_of_components_are_code() -> None:
    code = embedded("a.vue", VUE, at(VUE, "  return fl"))
    assert code is not None
    assert (code.language, code.keeps_lines) == ("typescript", True)
    assert code.text.split("\n")[6:9] == ["function toggle(flag: boolean) {", "  return flag", "}"]
    assert all(line.startswith("// ") for line in code.text.split("\n")[:5])
    template = embedded("a.vue", VUE, at(VUE, "toggle("))
    assert template is not None
    assert (template.language, template.text) == ("text", VUE)


@pytest.mark.parametrize(
    ("place", "kept", "others"),
    [
        ("    a = 1", "    a = 1", ["#     a = 0", "#     a = 2"]),
        ("    a = 2", "    a = 2", ["#     a = 1", "#     a = 0"]),
        ("return", "    a = 1", ["#     a = 0", "#     a = 2"]),
    ],
)
def test_a_conflict_is_the_side_with_the_cursor(place: str, kept: str, others: list[str]) -> None:
    code = embedded("a.py", MERGE, at(MERGE, place))
    assert code is not None
    lines = [line for line in code.text.split("\n") if line]
    assert sorted(lines) == sorted(["def f():", kept, *others, "    return a"])
    assert embedded("a.py", MERGE, at(MERGE, "<<<<")) is None
    assert embedded("a.py", CODE, 3) is None
    prose = embedded("a.txt", MERGE, at(MERGE, "a = 1"))
    assert prose is not None
    assert not {"<", "=", ">", "|"} & {line[:1] for line in prose.text.split("\n")}


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("+    1", ("python", "import os\nnew = [\n    1")),
        ("+b = ", ("python", "import os\nnew = [\n    1,\n]\n\nb = ")),
        ("+let ", ("javascript", "let ")),
        ('-old = "', None),
        ("+++ b", None),
        ("@@ -9", None),
    ],
)
def test_a_diff_is_what_the_file_becomes(place: str, found: tuple[str, str] | None) -> None:
    code = embedded("a.patch", PATCH, at(PATCH, place))
    assert (code and (code.language, code.text[: code.at])) == found
    if code is not None:
        assert code.written("x\n  y") == "x\n+  y"


@pytest.mark.parametrize("piece", ["```\n", "<<<<<<< a\n=======\n", "@@ -1 +1 @@\n+x\n", '{"source": ["', "<script>\n"])
@pytest.mark.parametrize("path", ["a.md", "a.py", "a.diff", "a.ipynb", "a.vue"])
def test_hostile_files_take_linear_time(path: str, piece: str) -> None:
    # Quadratic time would be minutes here, and the suite's own limit the assertion.
    text = piece * 20_000
    embedded(path, text, len(text) // 2)
    embedded(path, text, len(text))
