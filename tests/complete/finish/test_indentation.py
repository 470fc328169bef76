"""Lines from elsewhere are indented as the file at hand is."""

from __future__ import annotations

import pytest

from repocomp.complete.finish.finish import Finish
from repocomp.complete.finish.indentation import Indentation
from repocomp.complete.finish.surroundings import goes_in
from tests.complete.finish.places import finished

FOUR = "\n        result = 0\n        for item in items:\n            result += item\n        return result"
TABS = "\n\t\tresult = 0\n\t\tfor item in items:\n\t\t\tresult += item\n\t\treturn result"
TWO = "\n    result = 0\n    for item in items:\n      result += item\n    return result"
CLASS = "class Store:\n{0}def total(self, items):|\n"


@pytest.mark.parametrize("said", [FOUR, TABS, TWO])
@pytest.mark.parametrize(("unit", "expected"), [("    ", FOUR), ("\t", TABS), ("  ", TWO)])
def test_copied_lines_take_the_indentation_of_the_file(unit: str, said: str, expected: str) -> None:
    assert finished(CLASS.format(unit), said, "python") == expected


@pytest.mark.parametrize(
    ("name", "place", "said", "expected"),
    [
        (
            "python",
            "class A:\n\tdef f(self, xs):\n\t\tfor x in xs:|\n",
            "\n            g(x)\n        return",
            "\n\t\t\tg(x)",
        ),
        (
            "javascript",
            "function f(xs) {\n\tlet t = 0;\n\tfor (const x of xs) {|\n\t}\n}\n",
            "\n    t += x;\n  }\n",
            "\n\t\tt += x;",
        ),
        # From a deeper place.
        (
            "python",
            "def f():\n    x = 1\n\n\ndef g():|\n",
            "\n        x = 1\n        if y:\n            z()",
            "\n    x = 1\n    if y:\n        z()",
        ),
        (
            "typescript",
            "class A {\n\tf() {\n\t\tg();\n\t}\n\n\th() {|\n\t}\n}\n",
            "\n\t\t\tif (x) {\n\t\t\t\ty();\n\t\t\t}",
            "\n\t\tif (x) {\n\t\t\ty();\n\t\t}",
        ),
        # Labels stand further out where they do.
        (
            "cpp",
            "class A {\n    int a;\n};\n\nclass B {|\n};\n",
            "\n  public:\n    int b;",
            "\n  public:\n    int b;",
        ),
        # Where the cursor's line is begun, and where it is not.
        (
            "python",
            "def f():\n\tx = 1\n\n\ndef g():\n\t|\n",
            "x = 1\n    if y:\n        z()",
            "x = 1\n\tif y:\n\t\tz()",
        ),
        ("go", "func f() {\n\t|\n}\n", "x := 1\n    if y {\n        z()\n    }", "x := 1\n\tif y {\n\t\tz()\n\t}"),
        # What fits, and what goes on a line of its own, stays.
        (
            "python",
            "def f():\n    x = 1\n\n\ndef g():\n    |\n",
            "y = f(\n        1,\n    )\n",
            "y = f(\n        1,\n    )",
        ),
        ("python", "def g():|\n", "\n  return 1", "\n  return 1"),
        (
            "java",
            "class A {\n    void f() {|\n    }\n}\n",
            "\n        x();\n        y();",
            "\n        x();\n        y();",
        ),
        ("text", "- a:\n\t- b:|\n", "\n        - c", "\n\t\t- c"),
    ],
)
def test_indentation(name: str, place: str, said: str, expected: str) -> None:
    assert finished(place, said, name, "block") == expected


METHOD = "class A:\n    def f(self):\n        x = 1\n        return x\n\n    def g(self):\n        "


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("return self.x\n\n    def h(self):\n        return 3\n", "return self.x"),
        ("return self.x\n    def h(self):\n        return 3\n", "return self.x"),
        ("y = 2\n        return y\n\n    def h(self):\n", "y = 2\n        return y"),
    ],
)
def test_what_is_half_as_deep_as_a_method_comes_after_it(said: str, kept: str) -> None:
    finish = Finish.of(METHOD, "\n\n    def z(self):\n        pass\n", "python", "block")
    assert finish.indentation.fit(said) == said
    end = next(at for at in range(1, len(said)) if finish.stop(said[:at]))
    assert "        return 3" not in said[:end]
    assert finish.trim(said[:end], is_finished=True)[0] == kept


@pytest.mark.parametrize(
    "said",
    [
        "const y = g\n    .then(x)\n    .done();",
        "y = a +\n    b;",
        "y = g(a,\n    b);",
        "y = g(a,\n      b);",
        "y = a\n    ? b\n    : c;",
    ],
)
def test_what_goes_on_with_a_statement_stays_as_deep_as_it_is(said: str) -> None:
    left = "function f() {\n  a();\n  if (x) {\n    b();\n  }\n  "
    assert Indentation.of(left, "\n}\n", "javascript").fit(said) == said
    deeper = "if (x) {\n        y();\n    }"
    assert Indentation.of(left, "\n}\n", "javascript").fit(deeper) == "if (x) {\n    y();\n  }"


def test_what_goes_on_with_a_statement_takes_the_tabs_of_the_file() -> None:
    left = "func f() {\n\ta()\n\tif x {\n\t\tb()\n\t}\n\t"
    assert Indentation.of(left, "\n}\n", "go").fit("y := g(a,\n    b)") == "y := g(a,\n\tb)"


def test_text_that_is_set_in_does_not_say_how_code_is() -> None:
    place = 'HELP = """\nA\n  B\n  C\nD\n  E\n"""\n\n\nclass A:\n    def f(self):\n        for x in xs:|\n'
    assert finished(place, "\n            g(x)", "python") == "\n            g(x)"


# By language: what opens a block there, in a file that is indented by two.
OPENERS = [
    ("ruby", "items.each do |item|"),
    ("ruby", "def pay(invoice)"),
    ("ruby", "class Invoice < Record"),
    ("ruby", "if invoice.open? && due"),
    ("ruby", "total = case kind"),
    ("ruby", "rescue Timeout => error"),
    ("lua", "for _, item in ipairs(items) do"),
    ("lua", "local function pay(invoice)"),
    ("lua", "button.on_press = function(event)"),
    ("elixir", "Enum.each(items, fn item ->"),
    ("elixir", "def pay(invoice) do"),
    ("elixir", "rescue"),
    ("bash", 'for item in "$@"; do'),
    ("bash", 'case "$1" in'),
    ("bash", "start | restart)"),
    ("haskell", "main = do"),
    ("haskell", "pay invoice = case invoice of"),
    ("kotlin", "items.forEach { item ->"),
    ("swift", "items.forEach { item in"),
    ("scala", "def pay(invoice: Invoice) ="),
    ("python", "for item in items:  # each of them"),
    ("javascript", "for (const item of items) { // each of them"),
    ("yaml", "run: |"),
]
FLAT = [
    ("ruby", "return if due"),
    ("ruby", "def due = total > 3"),
    ("ruby", "class Late < Error; end"),
    ("lua", "pay(invoice)"),
    ("bash", 'echo "$(date)"'),
    ("elixir", "undo"),
]


@pytest.mark.parametrize(("name", "opener"), OPENERS)
@pytest.mark.parametrize("said", ["\n    item.pay", "\n\titem.pay"])
def test_a_body_is_one_level_deeper_than_what_opens_it(name: str, opener: str, said: str) -> None:
    indentation = Indentation.of(f"a = {{\n  b\n}}\n{opener}", "\n", name)
    assert indentation.fit(said) == "\n  item.pay"


@pytest.mark.parametrize(("name", "line"), FLAT)
def test_what_opens_nothing_is_followed_on_its_level(name: str, line: str) -> None:
    assert not goes_in(line, name)
