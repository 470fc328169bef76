"""No acknowledged write is lost, whatever ends or refuses the writer, and the next run goes through.

`KILLS` and `FAULTS` say how many in the slow tests, `FUZZ_SEED` which moments.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Repository

HERE = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks")
SEED = os.environ.get("FUZZ_SEED", "0")


@pytest.fixture
def root(repository: Repository) -> Path:
    body = "".join(f"def function_{n}(alpha):\n    return alpha * {n}\n\n\n" for n in range(30))
    return repository({f"module_{n}.py": f"NAME_{n} = {n}\n{body}" for n in range(12)})


def die(root: Path, how: str, times: str, seed: str = SEED) -> dict[str, Any]:
    """What `tests.security.victims` says; it must come to its end, with every check passed."""
    command = [sys.executable, "-m", "tests.security.victims", how, str(root), times, seed]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_some_kills(root: Path) -> None:
    report = die(root, "kills", "6")
    assert any("killed" in end for end in report["ends"])


def test_some_faults(root: Path) -> None:
    report = die(root, "faults", "20")
    assert report["faults"] >= 20
    assert report["escaped"] == []


@pytest.mark.slow
def test_many_kills(root: Path) -> None:
    report = die(root, "kills", os.environ.get("KILLS", "1000"))
    assert sum(times for end, times in report["ends"].items() if "killed" in end) > report["kills"] / 2
    assert report["acknowledged"] > 0


@pytest.mark.slow
def test_many_faults(root: Path) -> None:
    report = die(root, "faults", os.environ.get("FAULTS", "10000"))
    assert report["escaped"] == []
    assert report["acknowledged"] > 0
