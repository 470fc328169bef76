"""Every grammar: what a small file of the language defines, imports and uses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repocomp.index.read import read
from repocomp.index.symbols import Syntax, parse
from repocomp.languages.language import Import
from repocomp.languages.table import LANGUAGES, language
from repocomp.store.index.rows import ChunkKind

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
    "kotlin": (
        "import a.b.C\nimport a.D as E\nobject O\nenum class X(val n: Int) {\n  RED(1);\n}\ntypealias T = Int\n"
        "interface I {\n  fun z()\n}\nclass K(val x: Int) : Base(), I {\n  val p = 1\n  fun m(y: Int): Int {\n"
        "    val no = y\n    return y\n  }\n}\nfun String.f(x: Int) = 1\n",
        [
            ("O", "class"),
            ("X", "enum"),
            ("T", "type"),
            ("I", "interface"),
            ("I.z", "method"),
            ("K", "class"),
            ("K.p", "property"),
            ("K.m", "method"),
            ("f", "function"),
        ],
        [("a.b", "C", "C"), ("a", "D", "E")],
    ),
    "swift": (
        "import Foundation\n@testable import struct Core.Point\nclass K: Base, P {\n  var x = 1\n  init(a: Int) {}\n"
        "  func m(y: Int) -> Int { return y }\n}\nstruct S<T> {}\nenum E { case a }\nprotocol P { func z() }\n"
        "extension K { func e() {} }\nactor A {}\nfunc f() { let no = 1 }\ntypealias T = Int\n",
        [
            ("K", "class"),
            ("K.x", "property"),
            ("K.init", "method"),
            ("K.m", "method"),
            ("S", "struct"),
            ("E", "enum"),
            ("P", "interface"),
            ("P.z", "method"),
            ("K", "impl"),
            ("K.e", "method"),
            ("A", "class"),
            ("f", "function"),
            ("T", "type"),
        ],
        [("Foundation", None, "Foundation"), ("Core.Point", None, "Point")],
    ),
    "scala": (
        "import a.b.C\nimport a.{D, E => F}\nimport a.b.*\nclass K(x: Int) extends Base with T {\n"
        "  def m(y: Int): Int = y\n  val v = 1\n}\nobject O { def s() = 1 }\ntrait T { def z: Int }\n"
        "enum Color { case Red }\ntype X = Int\n",
        [
            ("K", "class"),
            ("K.m", "method"),
            ("K.v", "property"),
            ("O", "class"),
            ("O.s", "method"),
            ("T", "trait"),
            ("T.z", "method"),
            ("Color", "enum"),
            ("X", "type"),
        ],
        [("a.b", "C", "C"), ("a", "D", "D"), ("a", "E", "F"), ("a.b", "*", "*")],
    ),
    "lua": (
        "local m = require('a.b')\nrequire 'c'\nlocal function f(x) return x end\nfunction M.g(y) end\n"
        "function M:h() end\nM.q = function(z) return z end\nlocal t = { k = function(a) return a end }\n",
        [("f", "function"), ("g", "function"), ("h", "function"), ("q", "function"), ("k", "function")],
        [("a.b", None, "m"), ("c", None, "c")],
    ),
    "elixir": (
        "defmodule A.B do\n  alias A.C\n  alias A.{D, E}\n  import X.Y, only: [a: 1]\n  alias Z.W, as: V\n"
        "  def f(0), do: 1\n  def f(x) when x > 1 do\n    no = x\n    no\n  end\n  defp g, do: 1\n"
        "  defmacro m(x), do: x\nend\ndefprotocol P do\n  def z(a)\nend\ndefimpl P, for: A do\n"
        "  def z(a), do: a\nend\n",
        [
            ("B", "module"),
            ("B.f", "method"),
            ("B.g", "method"),
            ("B.m", "macro"),
            ("P", "interface"),
            ("P.z", "method"),
            ("P", "impl"),
            ("P.z", "method"),
        ],
        [("A.C", None, "C"), ("A.D", None, "D"), ("A.E", None, "E"), ("X.Y", None, "Y"), ("Z.W", None, "V")],
    ),
    "haskell": (
        "module A.B (f) where\nimport Data.Map (Map)\nimport qualified Data.Set as S\nf :: Int -> Int\nf 0 = 1\n"
        "f x = x + y where y = 2\ng = f 1\ndata T = A Int | B { b :: Int }\nnewtype N = N Int\n"
        "class C a where\n  m :: a -> Int\ninstance C Int where\n  m x = x\ntype X = Int\n",
        [
            ("f", "function"),
            ("g", "function"),
            ("T", "type"),
            ("N", "type"),
            ("C", "class"),
            ("C.m", "method"),
            ("C", "impl"),
            ("C.m", "method"),
            ("X", "type"),
        ],
        [("Data.Map", None, "Map"), ("Data.Set", None, "S")],
    ),
    "sql": (
        "CREATE TABLE IF NOT EXISTS app.users (id INT PRIMARY KEY, name TEXT);\n"
        "CREATE VIEW v AS SELECT u.id FROM users u;\n"
        "CREATE MATERIALIZED VIEW mv AS SELECT 1;\nCREATE INDEX idx ON users (name);\n"
        "CREATE TYPE mood AS ENUM ('sad');\n"
        "CREATE FUNCTION f(x INT) RETURNS INT AS $$ SELECT 1 $$ LANGUAGE sql;\n"
        "CREATE TRIGGER t AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION f();\n",
        [
            ("users", "table"),
            ("v", "view"),
            ("mv", "view"),
            ("idx", "index"),
            ("mood", "type"),
            ("f", "function"),
            ("t", "function"),
        ],
        [],
    ),
    "hcl": (
        'resource "aws_instance" "web" {\n  ami = var.ami\n}\nvariable "ami" { type = string }\n'
        'module "vpc" {\n  source = "./modules/vpc"\n}\nlocals {\n  x = 1\n}\nprovider "aws" {}\n'
        'data "aws_ami" "base" {}\n',
        [
            ("web", "resource"),
            ("ami", "variable"),
            ("vpc", "module"),
            ("x", "variable"),
            ("aws", "block"),
            ("base", "resource"),
        ],
        [("./modules/vpc", None, "vpc")],
    ),
    "dart": (
        "import 'package:shop/src/order.dart' as o;\nimport '../tax.dart';\n"
        "class Shop<T> extends Base with Mix {\n  Shop(this.n);\n  double total(int n) => n * 2.0;\n"
        "  int get size { return 1; }\n  static Future<void> load(String path) async { await read(path); }\n}\n"
        "abstract class Api { void call(); }\nenum Color { red }\nmixin Mix on Base { void mixed() {} }\n"
        "extension Ext on String { int twice() => 2; }\ntypedef Fn = int Function(int);\nvoid main() { f(); }\n"
        "const answer = 42;\n",
        [
            ("Shop", "class"),
            ("Shop.total", "method"),
            ("Shop.size", "method"),
            ("Shop.load", "method"),
            ("Api", "class"),
            ("Api.call", "method"),
            ("Color", "enum"),
            ("Mix", "trait"),
            ("Mix.mixed", "method"),
            ("Ext", "impl"),
            ("Ext.twice", "method"),
            ("Fn", "type"),
            ("main", "function"),
            ("answer", "variable"),
        ],
        [("src/order", None, "o"), ("../tax", None, "tax")],
    ),
    "yaml": (
        "name: build\non:\n  push: {branches: [main]}\njobs:\n  test:\n    steps:\n      - run: x\n",
        [("name", "key"), ("on", "key"), ("on.push", "key"), ("jobs", "key"), ("jobs.test", "key")],
        [],
    ),
    "toml": (
        'name = "a"\n[tool.x]\nb = 1\n[[bin]]\nc = 2\n',
        [("name", "key"), ("x", "table"), ("bin", "table")],
        [],
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


def test_functions_of_cpp_behind_declarators_and_classes_behind_macros() -> None:
    text = (
        "class API K : public B {\n  K& me() { return *this; }\n};\nstruct P {\n"
        "  bool operator==(const P& o) const { return true; }\n  ~P() {}\n};\n"
        "T** f(T* t) { return t; }\nP& P::get() { return p; }\nusing X = int;\nunion U { int a; };\n"
    )
    assert [(found.qualified, found.kind, found.parent) for found in parse("cpp", text).definitions] == [
        ("K", "class", "public B"),
        ("K.me", "method", "K"),
        ("P", "struct", None),
        ("P.operator==", "method", "P"),
        ("P.~P", "method", "P"),
        ("f", "function", None),
        ("get", "function", None),
        ("X", "type", None),
        ("U", "struct", None),
    ]


def test_a_signature_keeps_what_closes_its_generics() -> None:
    found = parse("typescript", "class K<T> {}\nconst f = (x: A<B>): C<D> => {}\n").definitions
    assert [definition.signature for definition in found] == ["class K<T>", "f = (x: A<B>): C<D>"]


def test_clauses_in_a_row_are_one_definition() -> None:
    shown = {
        name: [(found.qualified, found.signature, found.start_line, found.end_line) for found in parsed.definitions]
        for name in ("haskell", "elixir")
        if (parsed := parse(name, CASES[name][0]))
    }
    assert shown["haskell"][0] == ("f", "f :: Int -> Int", 4, 6)
    assert shown["elixir"][1] == ("B.f", "def f(0), do: 1", 6, 10)


@pytest.mark.parametrize(
    ("name", "text", "parent"),
    [
        ("python", "class K(A, B):\n    pass\n", "A, B"),
        ("typescript", "class K extends A implements I {}\n", "A"),
        ("java", "class K<T> {}\n", None),
        ("java", "class K extends A {}\n", "A"),
        ("cpp", "class K : public A {};\n", "public A"),
        ("c_sharp", "class K : A, I {}\n", "A, I"),
        ("ruby", "class K < A\n  def m; end\nend\n", "A"),
        ("kotlin", "class K(val x: (Int) -> Int) : A(x), I {\n}\n", "A(x), I"),
        ("swift", "class K<T>: A where T: B {}\n", "A"),
        ("scala", "class K(x: Int) extends A(x) with T\n", "A"),
    ],
)
def test_a_class_names_its_bases(name: str, text: str, parent: str | None) -> None:
    assert parse(name, text).definitions[0].parent == parent


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


@pytest.mark.parametrize(("path", "text"), [("a.yml", CASES["yaml"][0]), ("a.toml", CASES["toml"][0])])
def test_keys_of_settings_part_chunks_and_are_no_symbols(path: str, text: str) -> None:
    content = read(path, text.encode() * 4)
    assert content.syntax == Syntax()
    assert {piece.name for piece in content.pieces[ChunkKind.SYNTAX]} - {None}
