"""The README's commands do what it says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from repocomp.model.library import load_pack

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
NUMBERS = set(re.findall(r"\d[\d,]*(?:\.\d+)?", README))
"""Every figure that is quoted, in whatever words."""
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
    _, rest = FIRST.strip().split(" && ", 1)
    done = shell(rest, ROOT, as_installed)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_ci_runs_the_second_command() -> None:
    """`.ci/run` takes it out of the README, by this very pattern."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    pattern = script.partition(r"s/^\(")[2].partition(r"\)$")[0]
    assert pattern
    assert re.fullmatch(pattern, SECOND.strip())


def test_the_commands_of_daily_use_run(as_installed: str, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    lines = ["def f(alpha):", "    return alpha"] * 30
    lines[41] = "    return "
    for name in ("src/app.py", "unsaved-buffer"):
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    for line in USE.strip().split("\n"):
        command = re.sub(r"\s+#.*", "", line).replace("42:17", "42:12").replace("bench self", "bench self --limit 4")
        done = shell(command, tmp_path, as_installed)
        assert done.returncode in (0, 1), f"{command}: {done.stderr}"


def test_each_editor_named_can_be_installed(as_installed: str, tmp_path: Path) -> None:
    named = set(re.findall(r"^(repocomp editor \w+ --install)|`(repocomp editor \w+ --install)`", README, re.M))
    assert len(named) >= 4
    for command in (next(filter(None, found)) for found in named):
        done = shell(f"{command} --to there", tmp_path, as_installed)
        assert done.returncode == 0, done.stderr
    for picture in re.findall(r"!\[[^\]]*\]\(([^)]*)\)", README):
        assert (ROOT / picture).stat().st_size


def test_the_figures_are_those_of_the_committed_report() -> None:
    report = case("held-out.json")
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
    prose = re.sub(r"`[^`]*`", "", README)
    named = [tree for name, tree in report["by_tree"].items() if re.search(rf"\b{name}\b", prose)]
    assert named
    for tree in named:
        always = next(score for score in tree["scores"] if score["policy"] == "always")["edit_similarity"]
        cache = next(one for one in tree["baselines"] if one["name"] == "n-gram cache")["edit_similarity"]
        assert {f"{always:.1f}", f"{cache:.1f}"} <= NUMBERS


def case(name: str) -> Any:
    return json.loads((ROOT / "tests" / "cases" / name).read_text(encoding="utf-8"))


def test_the_figures_of_speed_are_those_of_the_committed_runs() -> None:
    latency, engine = case("latency.json"), case("engine.json")
    rows = {(row["way"], row["policy"]): row for row in latency["rows"]}
    typed = rows["typing", "threshold"]
    quoted = [
        *(f"{typed[name]:,.0f}" for name in ("wall_p50", "wall_p95")),
        f"{100 * typed['rests'] / typed['requests']:g}",
        *(f"{rows[way, 'threshold']['wall_p50']:,.0f}" for way in ("place", "process")),
        f"{engine['completions']['ms_per_token']:.2f}",
    ]
    for speed in (engine["ours"], *engine["llama"].values()):
        quoted += [f"{speed['prefill_tokens_per_s']:,.0f}", f"{speed['decode_ms']:.2f}"]
    assert set(quoted) <= NUMBERS
    assert latency["differing"] == engine["completions"]["differing"] == 0
