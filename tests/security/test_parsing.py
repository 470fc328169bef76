"""What a repository holds cannot keep a parser for long, nor have it take all memory."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from repocomp.complete.finish import syntax
from repocomp.complete.finish.finish import Finish
from repocomp.index import budget, symbols
from repocomp.index.budget import Budget, OverBudgetError
from repocomp.index.read import read
from repocomp.index.symbols import parse
from repocomp.languages.table import parser
from repocomp.store.index.rows import ChunkKind

if TYPE_CHECKING:
    from tree_sitter import Parser, Tree

SIZE = 1 << 18
DEEP = {"a.java": "A<", "a.cs": "A<B,", "a.js": "`${", "a.go": "func(", "a.py": "([", "a.c": "f({"}
WIDE = {
    "b.rs": "&",
    "b.py": "-",
    "b.js": "!",
    "b.c": "*",
    "b.go": "&",
    "b.java": "!",
    "b.kt": "!",
    "b.sh": "a|",
    "c.sh": "a |\n",
}
"""Texts that took gigabytes or hours."""


@pytest.mark.parametrize(("path", "unit"), [*DEEP.items(), *WIDE.items()])
def test_what_is_nested_or_in_a_row_by_the_thousand_is_not_parsed(
    monkeypatch: pytest.MonkeyPatch, path: str, unit: str
) -> None:
    content = read(path, (unit * SIZE)[:SIZE].encode())
    assert content.syntax.definitions == ()
    assert content.pieces[ChunkKind.SYNTAX]


def test_a_parser_that_takes_too_long_is_ended_and_parses_the_next_text(monkeypatch: pytest.MonkeyPatch) -> None:
    known = parser("python")
    assert known is not None
    monkeypatch.setattr(time, "thread_time", iter(range(10**9)).__next__)
    with pytest.raises(OverBudgetError):
        Budget(1000).parse(known, b"x = 1\n" * 10_000)
    monkeypatch.undo()
    assert [definition.name for definition in parse("python", "def f(): pass\n").definitions] == ["f"]


@pytest.mark.slow
@pytest.mark.parametrize("unit", ['r#"', "fn f(){}\n", "a::<", "&", "if a {} else "])
def test_time_grows_with_the_size(unit: str) -> None:
    started = time.thread_time()
    parse("rust", (unit * SIZE)[:SIZE])
    assert time.thread_time() - started < 3 * (budget._START_S + budget._BYTE_S * SIZE)


@pytest.mark.parametrize(("path", "unit"), [("a.js", "!\n"), ("a.py", "~" * 180 + "\n")])
def test_no_query_looks_through_thousands_of_siblings(path: str, unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(symbols, "_cursor", lambda _: pytest.fail("a query"))
    assert read(path, (unit * SIZE)[:SIZE].encode()).syntax.definitions == ()


class Counting:
    """A parser that says how much it was given."""

    def __init__(self, inner: Parser, sizes: list[int]) -> None:
        self._inner, self._sizes = inner, sizes

    def parse(self, read: Callable[..., bytes], old: Tree | None = None, **options: Any) -> Tree:
        self._sizes.append(len(read(0, None)))
        return self._inner.parse(read, **options) if old is None else self._inner.parse(read, old, **options)

    def reset(self) -> None:
        self._inner.reset()


@pytest.mark.parametrize("language", ["python", "rust", "java"])
@pytest.mark.parametrize("unit", ["/*", "/*\n", "%q(", "  %q(\n", "f(", "!;", "é"])
def test_a_completion_parses_a_little_a_few_times_whatever_stands_around(
    language: str, unit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    monkeypatch.setattr(syntax, "parser", lambda name: Counting(parser(name), sizes))  # type: ignore[arg-type]
    for around in (300, 2600, 20_000):
        text = (unit * around)[:around]
        Finish.of(text, f"\n{text}", language).trim(" y) + foo(a, b)\n    return x", is_finished=True)
    assert max(sizes, default=0) <= 2 * 3000
    assert len(sizes) <= 30


PEAK = """
import sys
sys.path[:] = sys.argv[4:]
from repocomp.complete.finish.finish import Finish
language, unit, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
text = (unit * size)[: size // 2]
Finish.of(text, "\\n" + text, language).trim(" y) + foo(a, b)\\n    return x", is_finished=True)
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
@pytest.mark.parametrize("size", [3000, 8000, 39_000])
@pytest.mark.parametrize(
    ("language", "unit"),
    [("java", "%q("), ("rust", "%q(\n"), ("python", "/*"), ("python", "/ * / *\n"), ("cpp", "%q(\n")],
)
def test_a_completion_takes_little_memory_whatever_stands_around(language: str, unit: str, size: int) -> None:
    """Without bounds 8,000 characters take 0.6 to 1.9 GB, and 39,000 of C++ 1.2 GB."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", PEAK, language, unit, str(size), *sys.path], capture_output=True, check=True
    )
    assert int(done.stdout) < 400_000


def test_pipes_on_many_lines_are_parsed() -> None:
    script = "f() {\n  a | b |\n    c\n}\n" * 5000
    assert len(parse("bash", script).definitions) == 5000


def test_ordinary_code_is_far_from_any_limit() -> None:
    text = "class A<T> { Map<String, List<T>> f(int a) { return a < 3 ? (a << 2) : g(a > 1); } }\n" * 2000
    assert len(parse("java", text).definitions) == 4000
