"""No answer goes on behind what leaves its block."""

from __future__ import annotations

import pytest

from tests.complete.finish.places import finish_at, finished


@pytest.mark.parametrize(
    ("name", "place", "said", "expected"),
    [
        ("python", "def f(x):\n    y = g(x)\n    return y\n|\n", "\n    return sum(x)", ""),
        ("python", "def f(x):\n    for y in x:\n        continue\n        |\n", "g(y)", ""),
        (
            "python",
            "def f(x):|\n",
            "\n    if x:\n        raise E(\n            1,\n        )\n        g(x)\n",
            "\n    if x:\n        raise E(\n            1,\n        )",
        ),
        ("go", "func f() int {\n\tif a {\n\t\treturn 1\n\t\t|\n\t}\n}\n", "return 2", ""),
        ("java", "class A {\n  int f() {\n    throw e;\n    |\n  }\n}\n", "return 1;", ""),
        ("javascript", "function f() {|\n}\n", "\n  return g(\n    a,\n  );\n  h();\n", "\n  return g(\n    a,\n  );"),
        ("rust", "fn f() -> u8 {\n    return 1;\n    |\n}\n", "g()", ""),
        ("ruby", "def f(x)\n  return x\n  |\nend\n", "g(x)", ""),
        ("bash", "f() {\n  exit 1\n  |\n}\n", "echo x", ""),
        # What may stand there does.
        ("ruby", "def f(x)\n  return x if x\n  |\nend\n", "g(x)", "g(x)"),
        ("python", "def f(x):\n    if x:\n        return 1\n    |\n", "return 2", "return 2"),
        (
            "java",
            "class A {\n  int f() {\n    switch (x) {\n    case 1:\n    return 1;\n    |\n",
            "default:",
            "default:",
        ),
        ("c", "int f(void) {\n\tgoto out;\n\t|\n\treturn 1;\n}\n", "out:", "out:"),
        ("python", 'def f():\n    """Say what we\n    return here\n    |\n    """\n', "and there", "and there"),
        ("python", "@fixture\ndef f():\n    raise E\n    |\n", "yield", "yield"),
        ("haskell", "f = do\n  return x\n  |\n", "return y", "return y"),
        ("text", "return\n|\n", "to us", "to us"),
    ],
)
def test_what_is_not_reached_is_not_said(name: str, place: str, said: str, expected: str) -> None:
    assert finished(place, said, name) == expected


def test_generation_stops_there() -> None:
    finish = finish_at("def f(x):|\n", "python", "block")
    assert finish.stop("\n    return x\n    y") is None
    assert finish.stop("\n    return x\n    y = 1\n") == "block"
    assert finish.settled("\n    return x\n    y = 1\n    z = 2\n") == "\n    return x"
