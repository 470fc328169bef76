"""`bench self` on a small repository with the built-in pack: repeatable, resumable, honest about leaks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from repocomp.bench.completion.run import Plan, bench_self
from repocomp.bench.holes import draw
from repocomp.bench.report import Report
from repocomp.cli import app
from repocomp.complete.cursor_kind import CURSOR_KINDS
from repocomp.errors import StoreError
from repocomp.executor.workers import Workers
from repocomp.index.build import build
from repocomp.model.library import load_pack
from repocomp.progress import Progress
from repocomp.store.paths import index_path
from tests.conftest import Repository, write_files
from tests.train.repositories import modules


@pytest.fixture
def root(repository: Repository) -> Path:
    root = repository(modules("alpha", 4))
    build(root)
    return root


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """One run that several tests look at, in a home of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        root = tmp_path_factory.mktemp("once") / "work"
        write_files(root, modules("alpha", 4))
        build(root)
        return bench_self([root], Plan(limit=8, seed=1))


def test_a_seed_gives_the_same_holes_and_answers(root: Path, report: Report) -> None:
    again = bench_self([root], Plan(limit=8, seed=1))
    assert [(c.key, c.without.text, c.retrieved.text, c.probability) for c in report.cases] == [
        (c.key, c.without.text, c.retrieved.text, c.probability) for c in again.cases
    ]
    one, other = ([(hole.document.path, hole.start) for hole in draw(root, 8, n, CURSOR_KINDS)[0]] for n in (1, 2))
    assert one == [(case.path, case.start) for case in report.cases] != other


def test_every_case_says_how_probable_the_truth_was(report: Report) -> None:
    for case in report.cases:
        assert case.measured_bytes > 0
        assert min(case.without.bits, case.retrieved.bits) > 0
        assert max(case.without.likelihood, case.retrieved.likelihood) < 0


def test_no_chunk_shows_the_hole(report: Report) -> None:
    assert len(report.cases) == 8
    for case in report.cases:
        last = case.line + case.truth.count("\n")
        for chunk in case.chunks:
            path, lines = chunk.rsplit(":", 1)
            start, end = map(int, lines.split("-"))
            assert path != case.path or end < case.line or start > last


def test_a_stopped_run_goes_on(root: Path) -> None:
    plan, seen = Plan(limit=5), list[float]()

    def stop(now: Progress) -> None:
        seen.append(now.done)
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench_self([root], plan, stop)
    (journal,) = index_path(root).parent.glob("run-*.jsonl")
    with journal.open("a") as stream:
        stream.write('{"path": "cut sho')
    report = bench_self([root], plan, lambda now: seen.append(now.done))
    assert seen == [1, 2, 3, 4, 5]
    assert len(report.cases) == 5
    assert not list(index_path(root).parent.glob("run-*.jsonl"))


def test_several_trees_make_one_report(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    write_files(other, modules("beta", 3))
    build(other)
    report = bench_self([root, other], Plan(limit=3))
    assert [case.path.split("/")[0] for case in report.cases] == ["work"] * 3 + ["other"] * 3
    assert list(report.facts["repositories"]) == ["work", "other"]


def test_kinds_and_limit_are_kept(root: Path) -> None:
    holes, _ = draw(root, 7, 0, ("line", "api"))
    assert len(holes) == 7
    assert {hole.kind for hole in holes} == {"line", "api"}


def test_without_an_index_or_code_the_mending_command_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as raised:
        bench_self([tmp_path], Plan())
    assert raised.value.hint == "repocomp index"


def test_the_command_writes_a_page_and_compares(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(root)
    arguments = ["bench", "self", "--limit", "2", "--kinds", "line,api"]
    assert app.run([*arguments, "--json"]) == 0
    (tmp_path / "old.json").write_text(capsys.readouterr().out)
    page = tmp_path / "page.html"
    assert app.run([*arguments, "--json", "--html", str(page), "--compare", str(tmp_path / "old.json")]) == 0
    data = json.loads(capsys.readouterr().out)["data"]
    assert data["comparison"]["regression"] is False
    assert {case["kind"] for case in data["cases"]} == {"line", "api"}
    assert page.read_text().startswith("<!doctype html>")
    assert app.run(arguments) == 0
    assert "always - never" in capsys.readouterr().out


def test_a_policy_in_a_pack_of_its_own_says_the_same_and_costs_more(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(root)
    copy = tmp_path / "policy"
    shutil.copytree(load_pack("default").folder, copy)
    shared, apart = (bench_self([root], Plan(limit=4, policy=policy)).cases for policy in (None, str(copy)))
    assert [(c.key, c.probability, c.threshold) for c in shared] == [(c.key, c.probability, c.threshold) for c in apart]
    assert [c.policy_ms > 0 for c in (*shared, *apart)] == [False] * 4 + [True] * 4
    assert app.run(["bench", "policy", "--limit", "4", "--policy", str(copy)]) == 0
    said = capsys.readouterr().out
    assert "who decides" in said
    assert "with the chunks of another place" in said


def test_several_processes_give_the_same_cases_in_the_same_order(root: Path) -> None:
    def said(jobs: int) -> list[tuple[object, ...]]:
        report = bench_self([root], Plan(limit=5, mislead=True, workers=Workers(jobs)))
        return [
            (case.key, case.probability, case.without.text, case.retrieved.text, case.baselines["wrong chunks"].text)
            for case in report.cases
        ]

    assert said(1) == said(2)


def test_a_better_past_is_exit_code_1(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(root)
    assert app.run(["bench", "self", "--limit", "2", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)["data"]
    for case in report["cases"]:
        case["without"]["similarity"] = case["retrieved"]["similarity"] = 2.0
    (tmp_path / "old.json").write_text(json.dumps(report))
    assert app.run(["bench", "self", "--limit", "2", "--compare", str(tmp_path / "old.json")]) == 1
    assert "worse" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("option", "said"), [(["--kinds", "line,poem"], "poem"), (["--compare", "nothing.json"], "nothing.json")]
)
def test_bad_options_are_named(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: list[str], said: str
) -> None:
    monkeypatch.chdir(root)
    assert app.run(["bench", "self", *option]) == 2
    assert said in capsys.readouterr().err
