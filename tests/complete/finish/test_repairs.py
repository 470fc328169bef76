"""What an answer lacks or says too much is put right where that makes the file whole, and else nothing is said."""

from __future__ import annotations

import pytest

from tests.complete.finish.places import finish_at, finished


@pytest.mark.parametrize(
    ("name", "place", "said", "expected"),
    [
        # Blocks end in the words of their language.
        (
            "ruby",
            "def f(x)|\nend\n",
            "\n  if x\n    g(x)\n  else\n    h(x)",
            "\n  if x\n    g(x)\n  else\n    h(x)\n  end",
        ),
        (
            "lua",
            "local function f(x)\n  for i = 1, x do|\n  end\nend\n",
            "\n    if i then\n      g(i)",
            "\n    if i then\n      g(i)\n    end",
        ),
        ("bash", "f() {|\n}\n", "\n  for x in 1 2; do\n    echo x", "\n  for x in 1 2; do\n    echo x\n  done"),
        (
            "elixir",
            "defmodule A do\n  def f(x) do|\n  end\nend\n",
            "\n    if x do\n      g(x)",
            "\n    if x do\n      g(x)\n    end",
        ),
        # Comments are no body.
        ("python", "if x:\n    y()\nelse:|\nz()\n", "\n    # Nothing more\n    # to do.", ""),
    ],
)
def test_blocks_are_whole(name: str, place: str, said: str, expected: str) -> None:
    assert finished(place, said, name, "block") == expected


@pytest.mark.parametrize(
    ("name", "place", "said", "expected"),
    [
        # What would open what follows and breaks it is not made up.
        ("php", "<?php\nfunction f() {\n    |\n        g();\n    }\n}\n", "$this->a[$b] = now();", ""),
        ("kotlin", "fun f() {\n    |\n        g()\n    }\n}\n", "x.y(now =", ""),
        ("python", "def f(x):\n    if x is |\n        y()\n", "and not z", ""),
        ("python", "class A:\n    def |\n        self,\n    ):\n        pass\n", "f(self) -> None:", "f("),
        # No comma stands before a bracket that is closed.
        ("java", "class A {\n  A f() {\n    return new A(b,\n        new C<>|);\n  }\n}\n", "(this.b),", "(this.b)"),
        # An argument is not left open inside a line.
        ("rust", 'fn f() {\n    g(h(|), "x");\n}\n', "&[", "&[]"),
        # A string goes on behind a line that ends in a backslash.
        (
            "rust",
            'fn f() {\n    g(\n        "a \\\n         b |\n    )\n    .h("c")\n}\n',
            "c.",
            'c."',
        ),
        # Text of a template is closed where the next one is whole.
        ("typescript", "const a = _`b ${c} |\nconst d = _`e`\n", '== "f"`', '== "f"`'),
        # A string ends before a line whose own are whole.
        ("bash", 'test "$(a | |\ntest "$(b)" -lt "$(c)"\n', 'wc -c)"', 'wc -c)"'),
        ("bash", 'echo "a |\necho "b"\n', "b", 'b"'),
        ("php", '<?php\n$a = "b |\n$c = "d";\n', 'e";', 'e";'),
        ("go", "package a\n\nvar s = f(`\n    if a {\n    |\n    }\n`)\n", "fi", "fi"),
    ],
)
def test_lines_are_whole(name: str, place: str, said: str, expected: str) -> None:
    assert finished(place, said, name, "line") == expected


@pytest.mark.parametrize("place", ['x = {"a": |', "def f(a: |", "  name: |", "const x: |"])
def test_behind_a_colon_and_a_blank_stands_a_line(place: str) -> None:
    assert finish_at(place).mode == "line"


@pytest.mark.parametrize(
    ("name", "place", "said", "expected"),
    [
        ("python", "def f(xs):|\n", "\n    y = 1\n    for x in xs:\n        if x:\n            g(", "\n    y = 1"),
        ("javascript", "function f(xs) {|\n}\n", "\n  let y = 1;\n  for (const x of xs) {\n    g(", "\n  let y = 1;"),
        ("ruby", "def f(xs)|\nend\n", "\n  y = 1\n  xs.each do |x|\n    g(", "\n  y = 1"),
    ],
)
def test_no_opener_stays_whose_body_was_cut_off(name: str, place: str, said: str, expected: str) -> None:
    finish = finish_at(place, name, "block")
    assert finish.trim(said, is_finished=False)[0] == expected
    assert expected.startswith(finish.settled(said))
