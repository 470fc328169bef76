"""Braces that stand on lines of their own: what a header may lack, and what opens a body that is there."""

from __future__ import annotations

import pytest

from repocomp.complete.finish.finish import Finish
from repocomp.complete.finish.indentation import Indentation

METHOD = """namespace N
{
    class A
    {
        public int X;

        public void F(int x)
        {
            X = x;
        }

        """
REST = "\n    }\n}\n"


def trimmed(left: str, right: str, language: str, answer: str) -> str:
    return Finish.of(left, right, language).trim(answer, is_finished=True)[0]


@pytest.mark.parametrize(
    ("language", "left", "right", "answer", "expected"),
    [
        ("c_sharp", f"{METHOD}public ", REST, "int G(int y)\n        {\n            return y;\n", "int G(int y)"),
        ("c_sharp", f"{METHOD}public ", f"\n\n        public int H() => 1;{REST}", "int G(int y)\n", "int G(int y)"),
        ("c_sharp", f"{METHOD}public cl", REST, "ass B\n", "ass B"),
        ("c_sharp", f"{METHOD[: METHOD.index('X = x')]}if (", f"\n        }}{REST}", "x > 3)\n", "x > 3)"),
        ("c", "int f(int a)\n{\n    return a;\n}\n\nint g(", "\n", "int a)\n{\n", "int a)"),
        ("cpp", "namespace n\n{\n\nvoid f()\n{\n}\n\nvoid S::", "\n\n}\n", "g() const\n{\n", "g() const"),
        ("java", "class A\n{\n    void f()\n    {\n    }\n\n    void ", "\n}\n", "g()\n    {\n", "g()"),
        ("php", "<?php\nclass A\n{\n    public function ", "\n}\n", "f(int $x): int\n    {\n", "f(int $x): int"),
        ("javascript", "function f(a)\n{\n  return a\n}\n\nfunction ", "\n", "g(a)\n{\n", "g(a)"),
        ("rust", "fn f<T>(x: T)\nwhere\n    T: Copy,\n{\n}\n\nfn ", "\n", "g<T>(x: T)\nwhere\n", "g<T>(x: T)"),
    ],
)
def test_a_header_is_whole_before_its_brace(language: str, left: str, right: str, answer: str, expected: str) -> None:
    assert trimmed(left, right, language, answer) == expected


@pytest.mark.parametrize(
    ("language", "left", "right", "answer", "expected"),
    [
        # Where a line begins with a brace, Go ends the statement before it.
        ("go", "package p\n\nfunc f(a int) int {\n\tif ", "\n\treturn a\n}\n", "a > 1\n\t{\n", ""),
        ("java", "class A {\n    void f() {\n        x.", "\n    }\n}\n", "g()\n", "g();"),
        ("rust", "fn f() {\n    let y = ", "\n}\n", "g(1)\n", "g(1);"),
    ],
)
def test_what_no_brace_makes_whole_is_not_taken_for_a_header(
    language: str, left: str, right: str, answer: str, expected: str
) -> None:
    assert trimmed(left, right, language, answer) == expected


BODY = f"\n            return y;\n        }}{REST}"


def test_a_body_that_is_there_is_opened_as_the_file_opens_its_others() -> None:
    assert trimmed(f"{METHOD}public int ", BODY, "c_sharp", "G(int y)\n") == "G(int y)\n        {"
    assert trimmed(f"{METHOD}public int ", BODY, "c_sharp", "G(int y,\n") == "G(int y)\n        {"
    java = "class A {\n    void f() {\n    }\n\n    int "
    assert trimmed(java, "\n        return y;\n    }\n}\n", "java", "g(int y)\n") == "g(int y) {"


def test_a_body_whose_end_is_out_of_sight_is_opened_too() -> None:
    long = "\n" + "            X = X + 1;\n" * 100
    assert trimmed(f"{METHOD}public void ", long, "c_sharp", "G(int y)\n") == "G(int y)\n        {"


def test_most_braces_tell_how_a_file_opens_blocks() -> None:
    apart, behind = "void f()\n{\n}\n", "void f() {\n}\n"
    assert Indentation.of(2 * apart + behind, "", "c").braces_apart
    assert not Indentation.of(apart + 2 * behind, "", "c").braces_apart
    assert not Indentation.of("x", "", "c").braces_apart
