"""What of a large file is parsed: as much as tells whether an answer fits, and no more."""

from __future__ import annotations

import textwrap

import pytest

from repocomp.complete.finish.excerpt import Excerpt
from repocomp.complete.finish.finish import Finish
from repocomp.complete.finish.lexical import region_after
from repocomp.languages.table import parser

FILLING = 60
"""Members of a class, far more than an excerpt takes."""

LARGE = {
    "python": (
        '"""About {{"""\n\nclass A(Base):\n    """Says (it."""\n\n',
        "    @decorate(\n        1,\n    )\n    def f{n}(\n        self, a\n    ) -> int:\n"
        "        try:\n            return g(a)\n"
        "        except E:\n            x = [\n                1,\n            ]\n        else:\n            h()\n\n",
        "",
    ),
    "java": (
        "/* About { */\npackage a;\n\npublic class A\n    extends B {\n\n",
        "  /** Says it. */\n  @Override\n  int f{n}(int a) {{\n    if (a > 1) {{\n      return g(\n          a);\n"
        "    }} else {{\n      h(() -> {{\n        i();\n      }});\n    }}\n    return 1;\n  }}\n\n",
        "}\n",
    ),
    "c": (
        "#ifndef A_H\n#define A_H\n\n",
        "/* Says it. */\nstatic int\nf{n}(int a,\n   int b)\n{{\n#ifdef X\n    g(a);\n#endif\n"
        "    switch (a) {{\n    case 1:\n"
        "        h();\n    default:\n        i();\n    }}\n    return b;\n}}\n\n",
        "#endif\n",
    ),
    "php": (
        "<?php\n\nclass A\n{\n",
        "    /** Says it. */\n    public function f{n}(int $a): int\n    {{\n        $x = [\n"
        "            'a' => 1,\n        ];\n"
        "        return $x['a'];\n    }}\n\n",
        "}\n",
    ),
    "ruby": (
        "module A\n  class B < C\n",
        "    # Says it.\n    def f{n}(a)\n      if a\n        g do |x|\n          h(x)\n"
        "        end\n      else\n        i\n      end\n"
        "    end\n\n",
        "  end\nend\n",
    ),
    "typescript": (
        "import {b} from './b';\n\ndescribe('a', () => {\n",
        "\tit('says {n}', async t => {{\n\t\tconst c = await f(`${{b}}/{n}`, {{\n\t\t\td: 1,\n"
        "\t\t}});\n\n\t\tt.is(c, 1);\n\t}});\n\n",
        "});\n",
    ),
}


def faults(language: str, text: str) -> bool:
    known = parser(language)
    assert known is not None
    return known.parse(text.encode()).root_node.has_error


@pytest.mark.parametrize("language", LARGE)
def test_an_excerpt_is_whole_where_the_file_is(language: str) -> None:
    head, member, tail = LARGE[language]
    text = head + "".join(member.format(n=n) for n in range(FILLING)) + tail
    assert not faults(language, text)
    lines = text.split("\n")
    first = len((head + member.format(n=0) * 30).split("\n")) - 1
    for at in range(first, first + member.count("\n")):
        if lines[at].startswith("#"):
            # A condition that is not written yet is not known.
            continue
        left = "".join(f"{line}\n" for line in lines[:at])
        indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
        excerpt = Excerpt.of(left + indent, "\n" + "\n".join(lines[at + 1 :]), language, None)
        whole = f"{excerpt.left}{lines[at].lstrip()}{excerpt.right}\n"
        assert not faults(language, whole), (lines[at], whole)
        assert len(whole) < 3000


def test_a_file_that_is_begun_in_a_comment_is_told_so() -> None:
    text = "/* " + "Says it.\n" * 400
    excerpt = Excerpt.of(text, "\n" + "More.\n" * 400 + "*/\nclass A {}\n", "java", region_after(text, "java"))
    assert not faults("java", f"{excerpt.left} {excerpt.right}\n")


def test_what_only_looks_like_a_comment_is_none() -> None:
    assert region_after('let all = "src/*";\n', "rust") is None
    found = region_after("let all = 1; /* and\n", "rust")
    assert found is not None
    assert found.is_comment


@pytest.mark.parametrize(("said", "expected"), [("g(a)", "g(a)"), ("a, b):", "a, b"), ("[a", "[a]")])
def test_a_large_file_is_judged_as_a_small_one_is(said: str, expected: str) -> None:
    place = textwrap.indent("def f(self, a):\n    x = |\n    return x\n\n", "    ")
    filling = LARGE["python"][1].format(n=1) * FILLING
    for around in ("", filling):
        left, _, right = f"class A:\n{around}{place}{around}".partition("|")
        assert Finish.of(left, right, "python").trim(said, is_finished=True)[0] == expected
