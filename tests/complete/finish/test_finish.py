"""Where completions end, case by case: input at `|`, what the model said, what is inserted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repocomp.complete.finish.calls import Calls
from repocomp.complete.finish.finish import Finish
from repocomp.languages.table import LANGUAGES, language
from repocomp.request import Mode
from repocomp.secrets.redaction import REDACTED
from tests.complete.finish.places import finish_at, finished


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("x = foo(|)", "line"),
        ("def f():|", "block"),
        ("def f():\n    |", "block"),
        ("def f():\n    |\n\nprint()", "block"),
        ("if (x) {\n\t|\n}", "block"),
        ("x = |", "line"),
        ("x = 1\n|", "line"),
        ("a => |", "block"),
        ("def f(): |# why", "line"),
    ],
)
def test_mode_is_read_from_the_place(text: str, mode: str) -> None:
    assert finish_at(text).mode == mode


@pytest.mark.parametrize(
    ("text", "said", "expected"),
    [
        ("x = |", "foo(1)\ny = 2\n", "foo(1)"),
        ("x = foo(|)", "1, 2)", "1, 2"),
        ("x = foo(|)", "bar(1)", "bar(1)"),
        ("x = foo(|)", "bar(1))", "bar(1)"),
        ("if x|:", " == 1:", " == 1"),
        ("if f(|):", "a):", "a"),
        ("x = [|]", "1]", "1"),
        ('print("|")', 'hello")', "hello"),
        ("x = |", "foo(1)   ", "foo(1)"),
        ("def f():|", "\n    return 1\n", "\n    return 1"),
        ("x = |", "   \n", ""),
    ],
)
@pytest.mark.parametrize("name", ["text", "python"])
def test_line(text: str, said: str, expected: str, name: str) -> None:
    assert finished(text, said, name, "line") == expected


@pytest.mark.parametrize(
    ("text", "said", "expected"),
    [
        ("def f():\n    |", "a = 1\n    return a\n\ndef g():\n    pass", "a = 1\n    return a"),
        ("def f():|\n", "\n    return 1\nx = 2\n", "\n    return 1"),
        ("def f():\n    |\n\nx = 2\n", "return 1\n\nx = 2\n", "return 1"),
        ("f = {\n    |", "'a': 1,\n    'b': 2,\n}\n", "'a': 1,\n    'b': 2,"),
        ("def f():\n    |", "x()\n    x()\n    x()\n    x()\n", "x()\n    x()"),
    ],
)
@pytest.mark.parametrize("name", ["text", "python"])
def test_block(text: str, said: str, expected: str, name: str) -> None:
    assert finished(text, said, name, "block") == expected


def test_a_block_cut_off_by_length_keeps_whole_lines() -> None:
    finish = finish_at("def f():\n    |", mode="block")
    assert finish.trim("a = 1\n    b = a.som", is_finished=False)[0] == "a = 1"
    assert finish.trim("a = som", is_finished=False)[0] == "a = som"


@pytest.mark.parametrize(
    ("mode", "text", "said", "reason"),
    [
        ("line", "x = |", "foo(1)", None),
        ("line", "x = |", "foo(1)\n", "line"),
        ("line", "def f():|", "\n    ", None),
        ("line", "def f():|", "\n    return\n", "line"),
        ("block", "def f():\n    |", "a = 1\n    b", None),
        ("block", "def f():\n    |", "a = 1\ndef", "block"),
        ("block", "def f():\n    |\n\nx = 2", "a = 1\n\nx = 2\n", "suffix"),
        ("block", "def f():|", "\n    a = 1\nx", "block"),
        ("block", "class A:\n\tdef f():|\n", "\n        a = 1\n        b", None),
        ("block", "class A:\n\tdef f():|\n", "\n        a = 1\n    def", "block"),
        ("block", "\tdef f():|\n\t\tg()\n", "\n        a = 1\n        g()\n", "suffix"),
        ("block", "f = {\n    |\n}", "'a': 1,\n}", "suffix"),
    ],
)
def test_generation_stops_as_soon_as_the_end_is_known(mode: Mode, text: str, said: str, reason: str | None) -> None:
    assert finish_at(text, "python", mode).stop(said) == reason


@pytest.mark.parametrize(
    ("name", "place", "said", "expected"),
    [
        # What the line has behind the cursor is neither closed nor said again.
        ("python", 'settings = load("|")\n', 'a.toml", strict=True)', "a.toml"),
        ("python", 'settings = load("a.toml", |strict=True)\n', ")", ""),
        ("python", "settings = load(|, strict=True)\n", '"a.toml", strict=True)', '"a.toml"'),
        ("python", "x = f(|)[0]\n", "a)[0]", "a"),
        ("python", 'name = f"{user.|}"\n', 'name}"', "name"),
        ("python", "x = rows[|]\n", "i][j]", "i"),
        ("javascript", "if (isC|)\n  start();\n", "lient) {", "lient"),
        ("javascript", "while (isC|) start();\n", "lient) {", "lient"),
        ("javascript", 'const u = await get("/users", { |limit: 10 });\n', "10 });", ""),
        ("javascript", "const s = `a ${|} b`;\n", "name} b`;", "name"),
        ("typescript", "items.map((x) => |);\n", "x.id);", "x.id"),
        ("go", 'fmt.Println("|")\n', 'hello")', "hello"),
        ("rust", "let c = f('|');\n", "a');", "a"),
        ("rust", 'println!("{}", |);\n', "x);", "x"),
        ("java", 'call("|", 1);\n', 'a", 2);', "a"),
        ("bash", 'echo "|"\n', 'hello"', "hello"),
        # What the next lines close, neither.
        ("python", "x = dict(\n    a=1,\n    b=|\n)\n", "2)", "2"),
        ("javascript", "call({\n  a: 1,\n  b: |\n});\n", "2 });", "2"),
        ("go", "func f() {\n\tif x {\n\t\ty(|\n\t}\n}\n", "a, b)\n", "a, b)"),
        ("python", 'def f():\n    """Say |\n    """\n', 'hello."""', "hello."),
        ("java", "/*\n * See |\n */\n", "there. */", "there."),
        ("go", "s := `a |\n`\n", "b`", "b"),
        # What nothing closes is closed.
        ("python", "x = dict(\n    a=1,\n    b=|\n", "2)", "2)"),
        ("python", "x = f(|\n", "a, b", "a, b)"),
        ("python", "login(auth=|)\n", "('user', 'pass'", "('user', 'pass')"),
        ("python", 'x = "|\ny = 2\n', 'abc"', 'abc"'),
        ("javascript", 'const s = "|;\n', 'abc";', 'abc"'),
        # A string that the line needs is opened or not at all.
        ("python", "login(auth=|)\n", "user:password',", ""),
        ("python", 'f(|")\n', '"a.toml")', '"a.toml'),
        ("python", "login(auth=|)\n", "('user', 'pass", "('user', 'pass')"),
        # An opening bracket that the line needs stays open, and so does one that the next lines need.
        ("python", "process.|)\n", "crawl(Spider)", "crawl(Spider"),
        ("javascript", "  res|);\n", ".send(req.ips);", ".send(req.ips"),
        ("javascript", "it|\n    go();\n  });\n", "('goes', function () {", "('goes', function () {"),
        ("rust", "    |\n        &mut self,\n    ) {\n", "pub fn add(", "pub fn add("),
        ("javascript", "  app.get('/', function(req, |\n    go();\n  });\n", "res){", "res){"),
        ("javascript", "  f(g(h(req, |\n    go();\n  })));\n", "() => {", "() => {"),
        ("rust", '    bail!(\n        "must |\n         be"\n    );\n', "not \\\\", "not \\\\"),
        # Comments and long strings end where their text does.
        ("java", "  /**\n   * Says it.\n   |\n  int x;\n\n  /** More. */\n", "*/", "*/"),
        ("python", 'def f():\n    """Say it.\n    |\n    x = 1\n\n\ndef g():\n    """Go."""\n', '"""', '"""'),
        ("java", "class A {\n  void f() {\n    x();\n  |\n\n  void g() {\n  }\n}\n", "}", "}"),
    ],
)
def test_brackets_and_quotes(name: str, place: str, said: str, expected: str) -> None:
    assert finished(place, said, name) == expected


@pytest.mark.parametrize(
    ("name", "place", "said", "expected"),
    [
        ("python", "def test():\n    |\n    check(run(cmd, out))\n", "check(run(cmd, out))\n", ""),
        ("python", "def test():\n    check(|\n    check(run(cmd))\n", "run(cmd))", ""),
        ("python", "import os\nimport |\n", "os", ""),
        ("text", "First of all.\n|\n", "First of all.", ""),
        ("c", "#include <a/|>\n#include <a/c.h>\n", "c.h>", ""),
        ("c_sharp", "/// string Name | set; }\n", "{ get; set; }", "{ get;"),
        ("javascript", "if (hidden) {|\n}\n", "\n  if (hidden) {\n    y()\n  }\n", ""),
        (
            "python",
            "class A:\n    def total(self, items):|\n",
            "\n        x = 1\n    def total(self, items):\n",
            "\n        x = 1",
        ),
        ("text", "$ http |\n", "$ http --offline example.org", "--offline example.org"),
        ("go", "func f() {\n\tif x {\n\t\ty()\n\t|\n}\n", "}", "}"),
        ("text", "- a\n- |\n", "b", "b"),
        ("python", "send(items)|\n", "\nsend(items)\n", ""),
        ("python", "send(items)|\n", "\nsend(other)\n", "\nsend(other)"),
    ],
)
def test_what_stands_there_already_is_not_said_again(name: str, place: str, said: str, expected: str) -> None:
    assert finished(place, said, name) == expected


@pytest.mark.parametrize(
    ("place", "said", "expected"),
    [
        ("x = |", " 1", "1"),
        ("x =|", " 1", " 1"),
        ("return |", "\tself.x", "self.x"),
        ("x = |  # why", "1 ", "1"),
        ("f(a,|)", " b ", " b"),
        ("f(|bar)", "foo", ""),
        ("f(|bar)", "foo, ", "foo, "),
        ("sel|f.x", "ect_", "ect_"),
        ("from|future", " a import _c", " a import "),
        ("    |", "x = 1", "x = 1"),
        ("    |", " x = 1", "x = 1"),
    ],
)
@pytest.mark.parametrize("name", ["text", "python"])
def test_blanks_and_words_do_not_run_into_each_other(place: str, said: str, expected: str, name: str) -> None:
    assert finished(place, said, name, "line") == expected


@pytest.mark.parametrize(
    ("place", "said", "expected"),
    [
        ("def f():\n    |", f'key = "{REDACTED}"\n    return key\n', ""),
        ("def f():\n    |", f'a = 1\n    key = "{REDACTED}"\n    return key\n', "a = 1"),
        ("key = |", f'"{REDACTED}"', ""),
        ("load(key=|)", f'"{REDACTED}"', ""),
    ],
)
def test_the_placeholder_of_a_secret_is_never_an_answer(place: str, said: str, expected: str) -> None:
    for name in ("python", "text"):
        assert finished(place, said, name) == expected


@pytest.mark.parametrize(
    ("name", "place", "said", "expected"),
    [
        # A statement goes on while its brackets are open, and is left open where its end does not come.
        ("python", "def |\n", "f(\n    a,\n    b,\n):\n    pass\n", "f(\n    a,\n    b,\n):"),
        ("python", "x = |\n", "f(\n    a,\n)\ny = 2\n", "f(\n    a,\n)"),
        ("python", "from a import |\n", "(\n    b,\n    c,\n)\n", "(\n    b,\n    c,\n)"),
        ("python", "def |\n", "f(\n    a,\n", "f("),
        ("javascript", "const x = |\n", "f(\n  a,\n);\ny();\n", "f(\n  a,\n);"),
        # Where the parameters stand behind the cursor, the line ends.
        ("python", "def |\n    a,\n    b,\n):\n    pass\n", "f(\n    c,\n", "f("),
    ],
)
def test_a_statement_of_several_lines(name: str, place: str, said: str, expected: str) -> None:
    assert finished(place, said, name, "line") == expected


@pytest.mark.parametrize(
    ("name", "place", "said", "expected"),
    [
        # The file is better off without what breaks it.
        ("python", "import |\nx = 1\n", "as x", ""),
        ("python", "def |\n    return 1\n", "f(x\n", ""),
        ("go", "package a\n\nfunc f() {\n\tx := |\n}\n", "= 1", ""),
        ("java", "class A {\n  private |\n    this.x = 1;\n  }\n}\n", "final int x;", ""),
        # A fault that stands elsewhere is none of the answer's.
        ("python", "def g(:\n    pass\n\n\nx = |\n", "f(1)", "f(1)"),
        ("go", "package a\n\nfunc g( {\n}\n\nfunc f() {\n\tx := |\n}\n", "1", "1"),
        # A block may be opened before there is one.
        ("python", "def f(x):\n    |\n    return x\n", "if x:", "if x:"),
        ("ruby", "def f(x)\n  |\nend\n", "if x", "if x"),
        ("lua", "local function f(x)\n  |\nend\n", "if x then", "if x then"),
        ("bash", "f() {\n  |\n}\n", 'if [ -n "$1" ]; then', 'if [ -n "$1" ]; then'),
        # A line that is as deep as what opens the block around it closes that.
        ("go", "package a\n\nfunc f() {\n\tif x {\n\t\ty()\n\t|\n\tz()\n}\n", "return y()", "}"),
        ("typescript", "function f() {\n  g();\n|\n", "t.is(x);", "}"),
        # What follows is opened, in the words of its language.
        ("python", "def f(x):\n    |\n        y()\n", "if x", "if x:"),
        ("python", "def |\n    return 1\n", "f(x)\n", "f(x):"),
        ("go", "package a\n\nfunc |\n\tx()\n}\n", "f()", "f() {"),
        ("java", "class A {\n  void |\n    x();\n  }\n}\n", "f();", "f() {"),
        ("php", "<?php\nclass A {\n  |\n  {\n    x();\n  }\n}\n", "function f(): int;", "function f(): int"),
        # Deeper lines follow what opens a block and nothing else, whatever the grammar takes.
        ("python", "def f(x):\n    |\n        y()\n", "return x", ""),
        ("python", "def f():\n    x = g(|)\n    return x\n", "a", "a"),
        # What a statement says too much is left out; what is too little is added.
        ("python", "x: int = a.|\ny = 1\n", 'get("A") != 0:', 'get("A") != 0'),
        ("php", "<?php\nfunction f(string $a |\n{\n  g();\n}\n", "= 'b';", "= 'b')"),
        ("rust", "fn f() {\n    Ok(Some(a.b(|?));\n}\n", "&c", "&c)"),
        ("rust", "    fn f(|\n        g()\n    }\n", "&self) {", "&self) {"),
        # So is the mark that ends a statement, where the grammar asks for one.
        ("java", "class A {\n  void f() {\n    |\n    g();\n  }\n}\n", "x.g()", "x.g();"),
        ("java", "class A {\n  void f() {\n    int a = x(|\n  }\n}\n", "1, 2", "1, 2);"),
        ("rust", "fn f() -> u8 {\n    |\n    y\n}\n", "let y = g(1)", "let y = g(1);"),
        ("rust", "fn f() -> u8 {\n    |\n}\n", "g(1)", "g(1)"),
        ("c_sharp", "class A {\n  void F() {\n    |\n    G();\n  }\n}\n", 'var x = "a"', 'var x = "a";'),
        ("typescript", "function f() {\n  |\n  g();\n}\n", "const x = g(1)", "const x = g(1)"),
        ("go", "package a\n\nfunc f() {\n\t|\n\tg()\n}\n", "x := h(1)", "x := h(1)"),
        # Tokens without a name are missed as others are.
        ("python", "from a| import b\n", ".c import d", ""),
        # A string that the line has just begun ends with it.
        ("python", '"""Web |\n\nimport a\n', 'sockets."""', 'sockets."""'),
        # A comment that nothing ends is ended.
        ("java", "/**\n * Says it.\n *|\nclass A {}\n", "\n * More.", "/"),
        ("c", "|\nint x;\n", "/* Counts them", "/* Counts them */"),
    ],
)
def test_the_file_stays_whole(name: str, place: str, said: str, expected: str) -> None:
    assert finished(place, said, name, "line") == expected


def test_a_block_without_a_body_is_no_answer() -> None:
    said = "\n    def f(self):\n    def g(self):\n        pass\n"
    assert finished("class A:|\n", said, "python", "block") == ""


def test_a_line_comment_ends_with_its_line() -> None:
    assert finished("/// Ref: |\n#[test]\n", "https://example.org\n", "rust", "block") == "https://example.org"


def test_brackets_in_prose_pair_with_nothing() -> None:
    assert finished("a) one\nb|", ") two", "text", "line") == ") two"
    assert finished("It's |", '"so"; they said (', "text", "line") == '"so"; they said ('


PIECES = st.sampled_from(
    [
        "a",
        "b(",
        ")",
        "}",
        "{",
        '"',
        "'",
        " ",
        "    ",
        "\t",
        "\n",
        "\n    ",
        "\n    x\n",
        "return x",
        ":",
        "x = 1\n",
        "\n\n",
    ]
    + ['"""', "/*", "*/", "# ", "[", "]", "\n        y\n", "\n\tz\n", "def f(a, b):", "f(", ",", REDACTED, "é"]
)
TEXTS = st.lists(PIECES, max_size=14).map("".join)
NAMES = st.sampled_from([*(known.name for known in LANGUAGES), "text"])
MODES: st.SearchStrategy[Mode] = st.sampled_from(["line", "block"])


@given(left=TEXTS, right=TEXTS, said=TEXTS, cut=st.integers(0, 60), mode=MODES, name=NAMES, is_finished=st.booleans())
def test_what_is_settled_stays_however_it_goes_on(
    left: str, right: str, said: str, cut: int, mode: Mode, name: str, is_finished: bool
) -> None:
    finish = finish_at(f"{left}|{right}", name, mode)
    final, filters = finish.trim(said, is_finished=is_finished)
    assert final.startswith(finish.settled(said[:cut]))
    assert final == "" or final.strip()
    assert final or not said.strip() or filters or not said.strip("\n \t")


@given(TEXTS, TEXTS)
def test_trimming_prose_never_invents_text(place: str, said: str) -> None:
    for mode in ("line", "block"):
        text = finish_at(place + "|", "text", mode).trim(said, is_finished=True)[0]
        assert "".join(text.split()) in "".join(said.split())


@pytest.mark.parametrize(
    ("text", "said", "expected"),
    [
        ("x = |", "foo(1", ""),
        ("def f():|", "\n    a = 1\n    b = 2\n    c", "\n    a = 1"),
        ("def f():|\n    a = 2", "\n    a = 1\n    a = 2\n    c", "\n    a = 1"),
        ("def f():|", "\n    a\n    b\n    b\n    b\n", "\n    a\n    b"),
        ("def f():|", "\n    a\n    b\n    b\n    c\n    d\n", "\n    a\n    b\n    b\n    c"),
        ("def f():|", "\n    a = 1\n    b = f(\n        2,\n        3,\n", "\n    a = 1"),
        ("class A:\n\tdef f():|", "\n        a = 1\n        b = 2\n", "\n\t\ta = 1"),
    ],
)
def test_what_is_settled_is_worth_sending(text: str, said: str, expected: str) -> None:
    assert finish_at(text, "python").settled(said) == expected


def test_every_language_with_a_grammar_has_its_strings_and_brackets() -> None:
    for known in LANGUAGES:
        assert language(known.name) is not None
        assert finish_at('f("|")\n', known.name).needs.fitting('a")') == "a", known.name
        assert finish_at("f(|)\n", known.name).needs.fitting("a)") == "a", known.name


HOSTILE = ("(", "[", "{", "f(", "a<", "a::<", "!;", "x ? ", "if (x) ", "| y ", "not ", "<<", '"')


@pytest.mark.parametrize("language", ["python", "go", "java", "rust", "cpp", "typescript"])
@pytest.mark.parametrize("mark", HOSTILE)
def test_hostile_text_overflows_no_stack(language: str, mark: str) -> None:
    left = "x = " + mark * 1500
    for right in ("\n", "\n)" * 600):
        text, _ = Finish.of(left, right, language).trim(" y)", is_finished=True)
        assert len(text) < 4000


def test_a_text_that_confuses_a_grammar_is_not_judged() -> None:
    """What its grammar cannot follow takes tens of thousands of steps; the answer is that of a language without one."""
    hostile, harmless = "x = " + "!;" * 1400, "x = " + "y;" * 1400
    assert finish_at(hostile + "|\n", "go").syntax.faults("") == 0
    assert finish_at(harmless + "|\n", "go").syntax.faults(" )") > 0


def test_only_the_innermost_calls_of_a_line_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []

    def none_of(_: Calls, name: str) -> Iterator[list[str]]:
        names.append(name)
        return iter(())

    monkeypatch.setattr(Calls, "_definitions", none_of)
    Calls("python", "f(" * 2000, ()).fit("a, b")
    assert 0 < len(names) <= 50
