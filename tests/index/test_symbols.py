"""Every grammar: what a small file of the language defines, imports and uses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repocomp.index.symbols import parse
from repocomp.languages.language import Import
from repocomp.languages.table import LANGUAGES, language

Expected = tuple[str, list[tuple[str, str]], list[Import]]

CASES: dict[str, Expected] = {
    "python": (
        "from a.b import c as d, e\nimport os.path\nclass K(Base):\n    def m(self, x): return x\ndef f(): pass\n",
        [("K", "class"), ("K.m", "method"), ("f", "function")],
        [("a.b", "c", "d"), ("a.b", "e", "e"), ("os.path", None, "os")],
    ),
    "javascript": (
        "import { a, b as c } from './x';\nconst { d } = require('y');\n"
        "class K { m() { return 1 } }\nfunction f() {}\nconst g = () => 1;\n",
        [("K", "class"), ("K.m", "method"), ("f", "function"), ("g", "function")],
        [("./x", "a", "a"), ("./x", "b", "c"), ("y", "d", "d")],
    ),
    "typescript": (
        "import type { T } from './t';\nexport interface I { x: T }\nenum E { A }\ntype U = T;\n"
        "export class K extends B { m(xs: T): U { return xs } }\n",
        [("I", "interface"), ("E", "enum"), ("U", "type"), ("K", "class"), ("K.m", "method")],
        [("./t", "T", "T")],
    ),
    "tsx": (
        "import React from 'react';\nexport const View = () => <p>hi</p>;\n",
        [("View", "function")],
        [("react", None, "React")],
    ),
    "java": (
        "import java.util.List;\n"
        "public class K extends B {\n  K() {}\n  int m(int x) { return x; }\n}\ninterface I {}\n",
        [("K", "class"), ("K.K", "method"), ("K.m", "method"), ("I", "interface")],
        [("java.util", "List", "List")],
    ),
    "go": (
        'package p\nimport (\n\t"fmt"\n\tx "a/b"\n)\ntype T struct{}\nfunc (t *T) M() {}\nfunc F() { fmt.Println() }\n',
        [("T", "type"), ("M", "function"), ("F", "function")],
        [("fmt", None, "fmt"), ("a/b", None, "x")],
    ),
    "rust": (
        "use std::io::Read;\nstruct S;\n"
        "impl S { fn m(&self) {} }\ntrait T { fn t(); }\nfn f() {}\nmod n { fn g() {} }\n",
        [
            ("S", "struct"),
            ("S", "impl"),
            ("S.m", "method"),
            ("T", "trait"),
            ("T.t", "method"),
            ("f", "function"),
            ("n", "module"),
            ("n.g", "method"),
        ],
        [("std::io", "Read", "Read")],
    ),
    "c": (
        '#include "a.h"\n#define N 3\n'
        "struct s { int x; };\nint f(int xs) { return xs; }\nchar *g(void) { return 0; }\n",
        [("N", "macro"), ("s", "struct"), ("f", "function"), ("g", "function")],
        [("a.h", None, "a")],
    ),
    "cpp": (
        "#include <vector>\nnamespace n { class K { int m() { return 1; } }; }\nint K::q() { return xs; }\n",
        [("n", "namespace"), ("n.K", "class"), ("n.K.m", "method"), ("q", "function")],
        [("vector", None, "vector")],
    ),
    "c_sharp": (
        "using System.Text;\nclass K : B { int M(int x) { return x; } int P { get; } }\nenum E { A }\n",
        [("K", "class"), ("K.M", "method"), ("K.P", "property"), ("E", "enum")],
        [("System.Text", None, "Text")],
    ),
    "ruby": (
        "require 'set'\nmodule M\n  class K < B\n    def m(x); x; end\n    def self.s; end\n  end\nend\n",
        [("M", "module"), ("M.K", "class"), ("M.K.m", "method"), ("M.K.s", "method")],
        [("set", None, "set")],
    ),
    "php": (
        "<?php\nuse A\\B;\nclass K extends B { function m($xs) { return $xs; } }\nfunction f() {}\n",
        [("K", "class"), ("K.m", "method"), ("f", "function")],
        [("A\\B", None, "B")],
    ),
    "bash": ("source ./lib.sh\nf() { echo hi; }\n", [("f", "function")], [("./lib.sh", None, "lib")]),
}


def test_every_language_has_a_case() -> None:
    assert CASES.keys() == {language.name for language in LANGUAGES}


@pytest.mark.parametrize("name", CASES)
def test_definitions_and_imports(name: str) -> None:
    text, definitions, imports = CASES[name]
    syntax = parse(name, text)
    assert [(found.qualified, found.kind) for found in syntax.definitions] == definitions
    assert list(imports_in(name, text)) == imports
    assert all(1 <= found.start_line <= found.end_line <= text.count("\n") for found in syntax.definitions)
    assert syntax.references


def test_a_definition_tells_its_signature_doc_and_parent() -> None:
    text = (
        'class K(Base, meta=M):\n    """Docs.\n\n    More.\n    """\n'
        "    def m(self,\n          x: int = 0) -> str:\n        ...\n"
    )
    k, m = parse("python", text).definitions
    assert (k.signature, k.doc, k.parent) == ("class K(Base, meta=M)", "Docs.", "Base, meta=M")
    assert (m.signature, m.doc, m.parent) == ("def m(self, x: int = 0) -> str", None, "K")


def test_a_comment_above_documents_other_languages() -> None:
    (found,) = parse("go", "package p\n\n// F doubles.\nfunc F(x int) int { return 2 * x }\n").definitions
    assert found.doc == "F doubles."


def test_references_list_each_line_once() -> None:
    assert (parse("python", "ab = cd\nab(ab)\n").references or {})["ab"] == [1, 2]


def test_broken_code_still_tells_what_is_whole() -> None:
    text = "from a import b\ndef good(x):\n    return x\n\ndef bad(\n"
    assert [found.name for found in parse("python", text).definitions][:1] == ["good"]
    assert list(imports_in("python", text)) == [("a", "b", "b")]


def imports_in(name: str, text: str) -> Iterator[Import]:
    known = language(name)
    assert known is not None
    return known.imports(text)


@given(st.sampled_from(sorted(CASES)), st.text(max_size=60), st.integers(0, 200))
def test_no_text_is_too_odd(name: str, noise: str, at: int) -> None:
    text = CASES[name][0]
    broken = text[:at] + noise + text[at:]
    for found in parse(name, broken).definitions:
        assert 1 <= found.start_line <= found.end_line


def test_text_without_a_grammar_has_no_symbols() -> None:
    assert parse("text", "def f(): pass").definitions == ()
