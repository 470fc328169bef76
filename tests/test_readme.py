"""The README's commands do what it says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from repocomp.model.pack import load_pack

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FIRST, SECOND, USE = re.findall(r"```sh\n(.*?)```", README, re.S)


def shell(command: str, cwd: Path, path: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": path + os.environ["PATH"]}
    bash = ["bash", "-c", command]
    return subprocess.run(bash, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def as_installed(tmp_path: Path) -> str:
    """A `repocomp` on the PATH that is this checkout."""
    script = tmp_path / "bin" / "repocomp"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m repocomp "$@"\n')
    script.chmod(0o755)
    return f"{script.parent}:"


def test_the_first_command_indexes_and_completes(as_installed: str) -> None:
    install, rest = FIRST.strip().split(" && ", 1)
    assert install == "pip install ."
    done = shell(rest, ROOT, as_installed)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_the_second_command_is_what_ci_runs() -> None:
    assert SECOND.strip() == "pip install '.[test]' && pytest -q"
    assert "README.md" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_commands_of_daily_use_run(as_installed: str, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text("def f(alpha):\n    return alpha\n" * 30)
    (tmp_path / "unsaved-buffer").write_text("def f(alpha):\n    return alpha\n" * 30)
    for line in USE.strip().split("\n"):
        command = re.sub(r"\s+#.*", "", line).replace("42:17", "42:12")
        done = shell(command, tmp_path, as_installed)
        assert done.returncode in (0, 1), f"{command}: {done.stderr}"


def test_the_figures_are_those_of_the_committed_report() -> None:
    report = json.loads((ROOT / "tests" / "cases" / "held-out.json").read_text(encoding="utf-8"))
    rows = re.findall(r"^\| (never|always|threshold) \| (.*) \|$", README, re.M)
    scores = {score["policy"]: score for score in report["overall"]["scores"]}
    assert {name for name, _ in rows} == {"never", "always", "threshold"}
    for name, cells in rows:
        score = scores[name]
        low, high = score["interval"]
        assert cells.split(" | ") == [
            f"{score['exact_match']:.1f}",
            f"{score['edit_similarity']:.1f} ({low:.1f} .. {high:.1f})",
            f"{score['identifier_f1']:.1f}",
            f"{score['retrieval_rate']:.0f} %",
            f"{score['p50']:.0f}",
            f"{score['p95']:.0f}",
        ]
    assert report["facts"]["pack"]["digest"] == load_pack("default").digest
