"""What of a file is code, in which language, and at which lines: headers, scripts, components, notebooks, fences."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repocomp.complete.embedding import Embedding
from repocomp.document import Document
from repocomp.index.build import build
from repocomp.index.fitness import unfit
from repocomp.index.read import Content, digest_of, read
from repocomp.index.walk import explain
from repocomp.languages.formats import FORMATS, code, language_in, shown
from repocomp.request import CompletionRequest
from tests.conftest import Repository

C_HEADERS = [
    "#include <stdio.h>\nstruct s { int class; };\nint f(struct s *new);\n",
    '#ifdef __cplusplus\n#include <cstdlib>\nextern "C" {\n#endif\nint f(void);\n#ifdef __cplusplus\n}\n#endif\n',
    "/*\nclass K {\n  public:\n};\nnamespace n {}\n*/\nint f(void); // std::move\n",
    "@interface K : NSObject\n@class Other;\n- (void)run;\n@end\n",
    "#define namespace_of(x) x\ntypedef enum { public, private } access;\n",
]
CPP_HEADERS = [
    "class K;\n",
    "struct K : Base {\n  int x;\n};\n",
    "namespace a::b {\nint f();\n}\n",
    "template <typename T>\nT twice(T x);\n",
    "#include <vector>\nint f();\n",
    "inline std::string name();\n",
    "struct P { bool operator==(const P &other) const; };\n",
    "enum class Color : int { red };\n",
    "  int size() const noexcept;\n",
    "using Id = unsigned long;\n",
    "/* C */\n#ifdef __cplusplus\nclass K;\n#endif\nclass Q {\n};\n",
]


@pytest.mark.parametrize("text", C_HEADERS)
def test_headers_of_c_stay_c(text: str) -> None:
    assert language_in("a/b.h", text.encode()) == "c"


@pytest.mark.parametrize("text", CPP_HEADERS)
def test_headers_of_cpp_are_cpp(text: str) -> None:
    assert language_in("a/b.h", text.encode()) == "cpp"
    assert language_in("a/b.c", text.encode()) == "c"


@pytest.mark.parametrize("path", ["k.cu", "k.cuh", "x.ipp", "x.inl", "x.tpp"])
def test_other_extensions_of_cpp(path: str) -> None:
    assert language_in(path, b"int f();\n") == "cpp"


@pytest.mark.parametrize(
    ("first", "name"),
    [
        ("#!/usr/bin/env python3", "python"),
        ("#!/usr/bin/python3.11 -u", "python"),
        ("#! /usr/bin/env -S LANG=C python -u", "python"),
        ("#!/bin/sh -e", "bash"),
        ("#!/usr/bin/env node", "javascript"),
        ("#!/usr/bin/env -S deno run", "typescript"),
        ("#!/opt/bin/ruby", "ruby"),
        ("#!/usr/bin/awk -f", "text"),
        ("#!/usr/bin/env", "text"),
        ("#!", "text"),
        ("# python", "text"),
    ],
)
def test_scripts_say_what_runs_them(first: str, name: str) -> None:
    assert language_in("bin/tool", f"{first}\nx\n".encode()) == name
    assert language_in("bin/tool.go", f"{first}\nx\n".encode()) == "go"


VUE = (
    "<!-- <script>const not = 1</script> -->\n"
    '<template>\n  <p @click="toggle(true)">hi</p>\n</template>\n'
    '<script setup lang="ts" generic="T extends A<B>">\n'
    "import { shut } from './shut'\n"
    "function toggle(flag: boolean) {\n  return flag\n}\n"
    "</script>\n"
    "<style>p { color: red }</style>\n"
)


def names(content: Content) -> list[tuple[str, int, int]]:
    return [(found.name, found.start_line, found.end_line) for found in content.syntax.definitions]


def test_components_are_read_by_their_scripts() -> None:
    content = read("C.vue", VUE.encode())
    assert (content.language, names(content)) == ("typescript", [("toggle", 7, 9)])
    assert (content.syntax.references or {})["flag"] == [7, 8]
    svelte = read("S.svelte", b"<h1>{name}</h1>\n<script>\n  function hi(name) { alert(name); }\n</script>\n")
    assert (svelte.language, names(svelte)) == ("javascript", [("hi", 3, 3)])


def test_a_script_that_is_not_closed_yet_reaches_the_end() -> None:
    assert code("a.vue", "<p/>\n<script>\nlet a\n") == "\n\nlet a\n"
    assert code("a.vue", "<script src='x' />\n<p>text</p>\n") == "\n\n"


def notebook(*cells: tuple[str, object], language: str = "python", indent: int | None = 1) -> str:
    made = [
        {"cell_type": kind, "metadata": {}, "outputs": [{"text": ["def no(): pass\n"]}], "source": source}
        for kind, source in cells
    ]
    metadata = {"kernelspec": {"language": language, "name": "k"}, "language_info": {"name": language}}
    return json.dumps({"cells": made, "metadata": metadata, "nbformat": 4}, indent=indent)


CELL = [
    'from sales import "q"\n',
    "def load(path):\n",
    '    return f"{path}\\n"\n',
    "\n",
    "%time x = 1\n",
    "x = load('a')",
]


def test_notebooks_are_the_code_of_their_cells_where_it_stands() -> None:
    text = notebook(("markdown", ["# def no(): pass\n"]), ("code", CELL), ("code", ["y = x"]))
    seen = shown("a.ipynb", text).split("\n")
    lines = text.split("\n")
    assert len(seen) == len(lines)
    kept = {number: line for number, line in enumerate(seen) if line}
    assert list(kept.values()) == [line.rstrip("\n") for line in CELL if line.strip()] + ["y = x"]
    assert all(json.dumps(line)[1:-1] in lines[number] for number, line in kept.items())
    content = read("a.ipynb", text.encode())
    at = next(number for number, line in enumerate(lines, 1) if "def load" in line)
    assert (content.language, names(content)) == ("python", [("load", at, at + 1)])


def test_a_notebook_on_few_lines_keeps_its_code_whole() -> None:
    text = notebook(("code", "".join(CELL)), ("code", "def second():\n    pass"), indent=None)
    content = read("a.ipynb", text.encode())
    assert [name for name, _, _ in names(content)] == ["load", "second"]
    assert '    return f"{path}\\n"' in shown("a.ipynb", text).split("\n")


def test_a_large_notebook_is_read_and_a_deep_one_given_up(repository: Repository) -> None:
    picture = {"image/png": ["A" * 70 + "\n"] * 20_000}
    large = json.loads(notebook(("code", CELL)))
    large["cells"][0]["outputs"] = [{"data": picture}]
    root = repository({"a.ipynb": json.dumps(large, indent=1), "b.json": "[\n" * 600_000, "c.ipynb": "[" * 2_000_000})
    report = build(root)
    assert (report.indexed, dict(report.skipped)) == (2, {"huge": 1})
    assert shown("c.ipynb", "[" * 1000 + notebook(("code", CELL))).strip() == ""


def test_cells_in_another_language_are_left_out() -> None:
    text = notebook(("code", ["%%bash\n", "echo hi"]), ("code", ["%%time\n", "x = 1"]))
    assert [line for line in shown("a.ipynb", text).split("\n") if line] == ["%%time", "x = 1"]


@pytest.mark.parametrize(
    ("said", "name"),
    [("python", "python"), ("C++17", "cpp"), ("C#", "c_sharp"), ("TypeScript", "typescript"), ("R", "text")],
)
def test_a_notebook_names_its_language(said: str, name: str) -> None:
    assert language_in("a.ipynb", notebook(("code", "x"), language=said).encode()) == name


def test_a_notebook_that_does_not_is_python() -> None:
    assert language_in("a.ipynb", b'{"cells": []}') == "python"


def test_fences_frame_code_and_are_none() -> None:
    text = "# Use\n\n```python\nx = 1\n```\n> ~~~\n> y\n> ~~~\nan `inline` one\n"
    assert shown("README.md", text) == "# Use\n\n\nx = 1\n\n\n> y\n\nan `inline` one\n"
    assert shown("a.py", text) == text
    assert shown("a.adoc", "[source,python]\n----\nx = 1\n----\n= Title\n") == "\n\nx = 1\n\n= Title\n"


def test_diffs_are_left_out_with_a_reason(repository: Repository) -> None:
    root = repository({"fix.patch": "-x = 1\n+x = 2\n", "a.rej": "+x\n", "a.py": "x = 2\n"})
    report = build(root)
    assert (report.indexed, report.skipped["diff"]) == (1, 2)
    assert build(root).skipped["diff"] == 2
    assert explain(root, "fix.patch") == (True, "diff")


MERGE = "def f():\n<<<<<<< HEAD\n    a = 1\n||||||| base\n    a = 0\n=======\n    a = 2\n>>>>>>> other\n    return a\n"


@pytest.mark.parametrize("path", ["a.py", "a.md", "a.txt", "bin/tool"])
def test_marks_of_conflicts_are_not_shown(path: str) -> None:
    assert shown(path, MERGE) == "def f():\n\n    a = 1\n\n    a = 0\n\n    a = 2\n\n    return a\n"


def test_headings_are_no_marks_of_conflicts() -> None:
    text = "Titles\n=======\n\n>>>>>>> quoted\n\ngit writes <<<<<<< HEAD there.\n"
    assert shown("a.rst", text) == text


def test_the_same_bytes_in_another_format_are_another_content() -> None:
    assert len({digest_of(path, MERGE.encode()) for path in ("a.md", "b.txt", "c.adoc", "d.py")}) == 4
    assert digest_of("a.txt", MERGE.encode()) == digest_of("b/c.txt", MERGE.encode())
    assert digest_of("a.h", b"class K;\n") == digest_of("a.hpp", b"class K;\n") != digest_of("a.c", b"class K;\n")


PIECES = (
    "<script>",
    "</script>",
    "<!--",
    "-->",
    "<script lang=ts",
    '"',
    "'",
    ">",
    "```",
    "\n",
    "{",
    "}",
    "[",
    "]",
    ":",
)
PATHS = sorted(f"a{extension}" for form in FORMATS for extension in form.extensions)


@given(
    st.sampled_from([*PATHS, "a.h", "a.py", "tool"]),
    st.lists(
        st.sampled_from([*PIECES, '"cell_type"', '"code"', '"source"', "<<<<<<< a\n", "=======\n", ",", "x", "#!"])
    ),
)
def test_no_text_is_too_odd_to_read(path: str, pieces: list[str]) -> None:
    text = "".join(pieces)
    seen = shown(path, text)
    parsed = code(path, seen)
    assert seen.count("\n") == parsed.count("\n") >= text.count("\n")
    if not path.endswith(".ipynb"):
        assert seen.count("\n") == text.count("\n")
    assert isinstance(language_in(path, text.encode()), str)


@pytest.mark.parametrize("text", ['\\"' * 200_000, '"\\"' * 200_000 + "\\", '{"a":"' * 100_000, "[]," * 100_000])
def test_hostile_notebooks_take_linear_time(text: str) -> None:
    assert shown("a.ipynb", text).strip() == ""


@pytest.mark.parametrize("piece", ["<script ", '<script "', "<script '", "<!--", "<script>", "<script a='<"])
def test_hostile_components_take_linear_time(piece: str) -> None:
    # Quadratic time would be minutes here, and the suite's own limit the assertion.
    assert code("a.vue", piece * 100_000).strip() in ("", (piece * 100_000).removeprefix("<script>"))


NOTE = notebook(("code", CELL))
BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("a.py", b"def one(x):\n    return x\n"),
        ("tool", b"#!/usr/bin/env python3\nx = 1\n"),
        ("a.h", b"class K;\n"),
        ("a.md", b"```python\nx = 1\n```\n"),
        ("a.vue", b"<script lang='ts'>\nlet a\n</script>\n"),
        ("a.ipynb", notebook(("code", CELL)).encode()),
        ("a.py", MERGE[MERGE.index("<") :].encode()),
        ("a.env", b"password = hunter2secret\n"),
    ],
)
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_a_byte_order_mark_and_line_ends_change_nothing_that_is_read(path: str, data: bytes, line_end: bytes) -> None:
    plain, marked = read(path, data), read(path, BOM + data.replace(b"\n", line_end))
    assert (marked.language, marked.packed, marked.syntax) == (plain.language, plain.packed, plain.syntax)
    assert marked.line_count == plain.line_count


def test_a_byte_order_mark_hides_no_header() -> None:
    assert unfit(BOM + b"// Code generated by x. DO NOT EDIT.\r\npackage a\r\n", "a.go") == "generated"
    assert unfit(BOM + b"x = 1\r\ny = 2\n", "a.py") is None


@pytest.mark.parametrize("path", ["a.ipynb", "a.md", "a.vue", "a.py"])
def test_a_cursor_below_a_byte_order_mark_is_where_it_is(path: str) -> None:
    inside = {"a.ipynb": "load(path", "a.md": "x = 1", "a.vue": "flag: boolean", "a.py": "    a = 2"}[path]
    text = {"a.ipynb": NOTE, "a.md": "# T\n\n```python\nx = 1\n```\n", "a.vue": VUE, "a.py": MERGE}[path]
    for data in (text.encode(), BOM + text.replace("\n", "\r\n").encode()):
        document = Document(path, data)
        cursor = document.at_offset(data.index(inside.encode()) + len(inside))
        request = CompletionRequest(document, cursor, None)
        embedding = Embedding.of(request)
        assert embedding is not None
        seen = embedding.request
        assert seen.document.data[: seen.cursor.offset].decode().endswith(inside)
        assert b"\r" not in seen.document.data
        assert embedding.newline == ("\r\n" if data.startswith(BOM) else "\n")
