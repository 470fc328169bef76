"""`repocomp index --vectors` makes vectors too, and a completion can then ask for them by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from repocomp.cli import app
from tests.cli.documents import check
from tests.conftest import Repository, write_files
from tests.train.repositories import modules


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code = app.run([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_vectors_are_made_once_and_grow_with_the_index(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    root = repository(modules("alpha", 3))
    _, plain = run(capsys, "index", str(root))
    assert plain["data"]["vectors"] is None
    _, first = run(capsys, "index", str(root), "--vectors")
    made = first["data"]["vectors"]["encoded"]
    assert made > 0
    write_files(root, {"late.py": "def late(value):\n    return value\n"})
    _, second = run(capsys, "index", str(root))
    assert second["data"]["vectors"]["known"] == made
    assert second["data"]["vectors"]["encoded"] == 1
    _, status = run(capsys, "index", str(root), "--status")
    assert status["data"]["vectors"] == made + 1


def test_vectors_follow_what_a_watch_sees_once_they_are_there(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = repository(modules("alpha", 2))

    def told(root: Path) -> Iterator[list[Path]]:
        yield []
        late = root / f"late_{len(list(root.glob('late_*')))}.py"
        late.write_text(f"def {late.stem}(value):\n    return value\n")
        yield [late]
        raise KeyboardInterrupt

    monkeypatch.setattr("repocomp.index.watch.changes", told)
    made = []
    for options in (["--vectors"], []):
        assert app.run(["index", str(root), "--watch", "--json", *options]) == 130
        *reports, _ = map(json.loads, capsys.readouterr().out.splitlines())
        made.append([(one["data"]["vectors"]["known"], one["data"]["vectors"]["encoded"]) for one in reports])
    (_, first), *_ = made[0]
    assert first > 0
    assert made == [[(0, first), (first, 1)], [(first + 1, 0), (first + 1, 1)]]


def test_a_home_is_indexed_on_request_alone(isolated: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (isolated / "project").mkdir()
    (isolated / "project" / "a.py").write_text("x = 1\n")
    for folder in (isolated, isolated.parent, Path("/")):
        code, answer = run(capsys, "index", str(folder))
        assert code == 2
        assert answer["errors"][0]["hint"].endswith(f"repocomp index {folder} --force")
    assert run(capsys, "index", str(isolated / "project"))[0] == 0
    assert run(capsys, "index", str(isolated), "--force")[0] == 0
    # Whoever did it once meant it.
    assert run(capsys, "index", str(isolated))[0] == 0


@pytest.mark.parametrize("arm", ["dense", "sparse", "hybrid"])
def test_a_completion_can_ask_for_them(repository: Repository, capsys: pytest.CaptureFixture[str], arm: str) -> None:
    root = repository(modules("alpha", 3))
    run(capsys, "index", str(root), "--vectors")
    cursor = f"{root}/alpha/module_2.py:5:1"
    code, answer = run(
        capsys, "complete", cursor, "--retrieve", "always", "--arms", arm, "--daemon", "never", "--exit-zero"
    )
    assert code == 0
    assert [one["name"] for one in answer["data"]["retrieval"]["arms"]] == [arm]
    assert answer["data"]["retrieval"]["arms"][0]["drawn"] > 0


def test_without_vectors_the_mending_command_is_named(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    from repocomp.index.build import build

    root = repository(modules("alpha", 3))
    build(root)
    cursor = f"{root}/alpha/module_2.py:5:1"
    code, answer = run(capsys, "complete", cursor, "--retrieve", "always", "--arms", "dense", "--daemon", "never")
    assert code == 2
    assert answer["errors"][0]["hint"] == "repocomp index --vectors"


def test_several_trees_are_indexed_each_by_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    roots = [tmp_path / name for name in ("one", "two")]
    for root in roots:
        write_files(root, {"a.py": f"def {root.name}():\n    return 1\n"})
    code, answer = run(capsys, "index", *map(str, roots), str(roots[0]))
    assert code == 0
    check(answer)
    assert [(one["root"], one["indexed"]) for one in answer["data"]["repositories"]] == [(str(r), 1) for r in roots]
    assert run(capsys, "index", *map(str, roots), "--status")[0] == 2
    assert run(capsys, "index", str(roots[0]), str(tmp_path / "nowhere"))[0] == 2
