"""Whole texts leave no string and no bracket open, whatever else they hold that looks like one."""

from __future__ import annotations

import pytest

from repocomp.complete.finish.lexical import end_of, walk
from tests.complete.finish.places import finished

WHOLE = [
    ("yaml", "name: It's (not) what you'd think\nrun: echo 5\" # isn't\n"),
    ("yaml", "key: \"it's\"\nlist: ['a', \"b\"]\nother: users' files\n"),
    ("yaml", "url: https://example.org/#it's\n"),
    ("ruby", "x = <<~SQL\n  it's ( here\nSQL\nf(x)\n"),
    ("ruby", "f(<<-ONE, 2)\n  don't [\n  ONE\n"),
    ("ruby", 's = "a #{b["c"].join("\\n")} d"\n'),
    ("ruby", "x =~ /it's [(]/ && y\nz.match /'(/\na / b / c\n"),
    ("bash", "cat <<EOF\nit's (\nEOF\necho done\n"),
    ("bash", "cat <<-'EOF'\n\tdon't \"\n\tEOF\n"),
    ("bash", 'x="$(f "a" | g)"\ncat <<< "it\'s"\n'),
    ("php", "<p>Don't</p>\n<?php f(<<<HTML\n  it's (\n  HTML);\n"),
    ("php", "<?php\n#[Pure]\nfunction f() {\n  # it's\n}\n"),
    ("cpp", 'auto s = R"(it\'s " ( )";\nauto t = R"x()" ")x";\n'),
    ("rust", 'let s = r##"a "# b"##;\nlet t = r"\\";\nlet u = br#"""#;\n'),
    ("kotlin", 'val s = "a ${b["c"]} d"\n'),
    ("javascript", "const e = <p>Don't panic</p>;\n"),
    ("javascript", "x.match(/^https?:\\/\\/[^/'(]+/)[0];\n"),
    ("typescript", "const s = `a ${b ? `c` : 'd'} e`;\n"),
    ("python", "s = rb'a' f\"b\"\n# it's (\n"),
    ("haskell", "step' x = foldl' f x' xs -- it's\n"),
]


@pytest.mark.parametrize(("name", "text"), WHOLE)
def test_nothing_is_left_open(name: str, text: str) -> None:
    states = list(walk(text, name))
    assert [state for state in states if state.is_torn or state.closed is not None] == []
    end = end_of(text, name)
    assert (end.region, end.open) == (None, ())


@pytest.mark.parametrize(
    ("name", "place", "said", "expected"),
    [
        ("yaml", "jobs:\n  - name: Don't |\n", "run\n", "run"),
        ("yaml", 'jobs:\n  - name: It\'s (|\n    run: "x"\n', "done)\n", "done)"),
        ("yaml", "name: |\nrun: y\n", "Users' files\n", "Users' files"),
        ("yaml", 'name: "|\nrun: y\n', "it's\n", "it's\""),
        ("bash", "cat <<EOF\nIt's |\nEOF\n", "(here\n", "(here"),
        ("ruby", "x = <<~TEXT\n  Don't |\nTEXT\n", "(panic\n", "(panic"),
        # A string that was open ends the answer, whatever the model went on to say.
        ("python", 'def f(u):\n    return f"a://|\n', '{u}/db"a://{u}/db"a://', '{u}/db"'),
        ("javascript", "const s = '|\n", "a' b 'a' b 'a", "a'"),
        ("go", 'package a\n\nvar s = "|\n', 'a" "a" "a', 'a"'),
        # A list that has lines is closed on one of its own.
        ("python", "x = f(\n    a=1,\n    |\n", "b=2,\n", "b=2,\n)"),
        ("javascript", "const x = [\n  1,\n  |\n", "2,\n", "2,\n]"),
        ("go", "package a\n\nvar x = f(\n\t1,\n\t|\n", "2,\n", "2,\n)"),
        ("python", "x = f(1, |\n", "2,\n", "2,)"),
    ],
)
def test_answers_end_with_their_text(name: str, place: str, said: str, expected: str) -> None:
    assert finished(place, said, name) == expected
