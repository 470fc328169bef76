"""Unit tests as judges: only what they cover counts, and what they run is kept in bounds."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from repocomp.bench.completion import unit_tests
from repocomp.bench.completion.run import Plan, bench_self
from repocomp.bench.completion.unit_tests import UnitTests
from repocomp.document import Document
from repocomp.errors import BenchError
from repocomp.evaluate.cases import Answer, Case
from repocomp.evaluate.holes import Hole
from repocomp.index.build import build
from tests.conftest import write_files

pytestmark = pytest.mark.skipif(not unit_tests._can_cut_off(), reason="the network cannot be cut off on this machine")

SOURCE = """def double(x):
    y = x + x
    z = y
    return z


def unused(x):
    a = x
    b = a
    return b
"""
CHECK = "import calc\nassert calc.double(2) == 4\n"
PYTHON = f"{sys.executable} check.py"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "work"
    write_files(root, {"calc.py": SOURCE, "check.py": CHECK})
    return root


def hole_of(body: str) -> Hole:
    start = SOURCE.index(body)
    return Hole(Document("calc.py", SOURCE.encode()), start, start + len(body), "function")


def case_of(hole: Hole, without: str, retrieved: str) -> Case:
    def answer(text: str) -> Answer:
        return Answer.of(text, hole.answer, "python")

    sides = (answer(without), answer(retrieved))
    return Case(hole.document.path, 2, hole.start, hole.kind, hole.answer, 0.5, 0.5, *sides, (), 0.0, {})


COVERED = hole_of("y = x + x\n    z = y\n    return z")
UNCOVERED = hole_of("a = x\n    b = a\n    return b")


def judged(root: Path, check: str, without: str, retrieved: str, hole: Hole = COVERED, seconds: float = 60) -> Case:
    (root / "check.py").write_text(check)
    judge = replace(UnitTests.of(PYTHON), seconds=seconds)
    return judge.judge(case_of(hole, without, retrieved), hole, root)


def test_what_passes_passed_and_what_fails_failed(root: Path) -> None:
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    case = judged(root, CHECK, "return 2 * x", "return x")
    assert (case.without.passed, case.retrieved.passed) == (True, False)
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_a_function_that_no_test_covers_is_not_counted(root: Path) -> None:
    assert judged(root, CHECK, "return x", "return x", UNCOVERED).without.passed is None


def test_the_network_is_out_of_reach(root: Path) -> None:
    check = CHECK + (
        "import socket\nwith socket.socket() as s:\n    s.settimeout(5)\n"
        "    assert s.connect_ex(('127.0.0.1', 9)) != 0\n    assert len(socket.if_nameindex()) == 1\n"
    )
    assert judged(root, check, "return 2 * x", "").without.passed is True


def test_what_hangs_or_eats_memory_has_failed_and_leaves_no_process(root: Path) -> None:
    case = judged(root, CHECK, "while True: pass", "return bytearray(64 << 30)", seconds=2)
    assert (case.without.passed, case.retrieved.passed) == (False, False)


def test_children_end_with_the_test(root: Path, tmp_path: Path) -> None:
    mark = tmp_path / "alive"
    child = f"import time; time.sleep(0.5); open({str(mark)!r}, 'w')"
    body = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}]); return 2 * x"
    assert judged(root, CHECK, body, "").without.passed is True
    time.sleep(0.8)
    assert not mark.exists()


def test_the_environment_is_not_handed_on(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "x")
    check = CHECK + "import os\nassert 'SECRET_TOKEN' not in os.environ\nassert os.listdir(os.environ['HOME'])\n"
    assert judged(root, check, "return 2 * x", "").without.passed is True


def test_tests_that_fail_already_are_no_judge(root: Path) -> None:
    with pytest.raises(BenchError, match="fail before anything is changed.*no such thing"):
        judged(root, "raise SystemExit('no such thing')", "return x", "")


@pytest.mark.parametrize("command", ["", "  ", "'open"])
def test_a_command_that_is_none_is_refused(command: str) -> None:
    with pytest.raises(BenchError):
        UnitTests.of(command)


def test_nothing_is_run_where_the_network_cannot_be_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(unit_tests._CUT_OFF, sys.platform, ["/no/such/program"])
    with pytest.raises(BenchError, match="the network cannot be cut off"):
        UnitTests.of(PYTHON)


def test_bench_self_reports_what_passed(root: Path) -> None:
    build(root)
    report = bench_self([root], Plan(limit=2, kinds=("function",), unit_tests=UnitTests.of(PYTHON)))
    judgements = [case.without.passed for case in report.cases if case.without.passed is not None]
    assert judgements
    assert report.overall.score("never").tests_passed == 100 * sum(judgements) / len(judgements)
