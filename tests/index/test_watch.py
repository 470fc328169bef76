"""A watched index stays what a fresh one would be, looks at what changed alone, and needs its package."""

from __future__ import annotations

import builtins
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from repocomp.cli import app
from repocomp.errors import ConfigError
from repocomp.index import build as building
from repocomp.index.build import build, update
from repocomp.index.walk import user_ignore_file
from repocomp.index.watch import changes, watch
from repocomp.store.index.reader import IndexReader
from repocomp.store.paths import index_path
from tests.conftest import Repository, write_files

FILES = {"a.py": "def one():\n    return 1\n", "lib/b.py": "import a\n", "lib/c.py": "import b\n"}
Change = Callable[[Path], list[str]]


def indexed(root: Path) -> dict[str, str]:
    reader = IndexReader.open(root)
    assert reader is not None
    with reader:
        return {row.path: reader.contents.text(row.content_id) for row in reader.files.all()}


def edit(root: Path) -> list[str]:
    (root / "a.py").write_text("def two():\n    return 2\n")
    return ["a.py"]


def create_and_delete(root: Path) -> list[str]:
    (root / "new.py").write_text("x = 1\n")
    (root / "lib/b.py").unlink()
    return ["new.py", "lib/b.py"]


def move_a_folder(root: Path) -> list[str]:
    """Of which systems may tell no more than the two names."""
    (root / "lib").rename(root / "moved")
    return ["lib", "moved"]


def delete_a_folder(root: Path) -> list[str]:
    shutil.rmtree(root / "lib")
    return ["lib"]


def replace_a_file_by_a_folder(root: Path) -> list[str]:
    (root / "a.py").unlink()
    (root / "a.py").mkdir()
    (root / "a.py/d.py").write_text("y = 2\n")
    return ["a.py"]


def write_what_is_ignored(root: Path) -> list[str]:
    for name in ("out.log", ".env", "secret.pem"):
        (root / name).write_text("password = 1\n")
    return ["out.log", ".env", "secret.pem", ".git/index"]


CHANGES = [edit, create_and_delete, move_a_folder, delete_a_folder, replace_a_file_by_a_folder, write_what_is_ignored]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("with_git", [True, False])
def test_a_change_leads_to_the_index_of_a_fresh_run(repository: Repository, change: Change, with_git: bool) -> None:
    root = repository({**FILES, ".gitignore": "*.log\n"})
    if not with_git:
        shutil.rmtree(root / ".git")

    def told() -> Iterator[list[Path]]:
        yield []
        yield [root / path for path in change(root)]

    list(watch(root, told()))
    after = indexed(root)
    build(root, rebuild=True)
    assert after == indexed(root)


def test_only_what_changed_is_looked_at(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    root = repository(FILES)
    build(root)
    read: list[str] = []

    def note(root: Path, path: str) -> bytes:
        read.append(path)
        return (root / path).read_bytes()

    monkeypatch.setattr(building, "read_file", note)
    monkeypatch.setattr(building, "walk", lambda root: pytest.fail("looked at the whole tree"))
    report = update(root, edit(root))
    assert read == ["a.py"]
    assert (report.files, report.indexed, report.removed) == (1, 1, 0)


def test_what_changed_before_the_first_word_is_found(repository: Repository) -> None:
    root = repository(FILES)
    reports = watch(root, [[], []])
    assert next(reports).indexed == 3
    edit(root)
    assert [report.indexed for report in reports] == [1]


def test_a_rule_that_changes_has_the_whole_tree_looked_at(repository: Repository) -> None:
    root = repository(FILES)
    reports = watch(root, [[], [root / ".repocompignore"]])
    next(reports)
    (root / ".repocompignore").write_text("lib/\n")
    assert next(reports).skipped["ignored"] == 2
    assert set(indexed(root)) == {"a.py", ".repocompignore"}


@pytest.mark.parametrize("name", [".git/info/exclude", ".git/HEAD"])
def test_what_git_keeps_of_rules_and_branches_has_the_whole_tree_looked_at(repository: Repository, name: str) -> None:
    root = repository(FILES)
    reports = watch(root, [[], [root / name]])
    next(reports)
    (root / ".git/info/exclude").write_text("lib/\n")
    assert next(reports).removed == 2
    assert set(indexed(root)) == {"a.py"}


def add_what_is_ignored(root: Path) -> list[Path]:
    subprocess.run(["git", "add", "-f", "out.gen.py"], cwd=root, check=True)
    return [git_path(root, "index")]


def exclude_for_all(root: Path) -> list[Path]:
    rules = Path(os.environ["XDG_CONFIG_HOME"], "git", "ignore")
    write_files(rules.parent, {"ignore": "lib/\n"})
    return [rules]


def exclude_elsewhere(root: Path) -> list[Path]:
    write_files(root.parent, {"rules": "lib/\n"})
    subprocess.run(["git", "config", "core.excludesFile", str(root.parent / "rules")], cwd=root, check=True)
    return [git_path(root, "config")]


def bring_back(root: Path) -> list[Path]:
    write_files(user_ignore_file().parent, {"ignore": "!*.gen.py\n"})
    return [user_ignore_file()]


def another_branch(root: Path) -> list[Path]:
    subprocess.run(["git", "checkout", "-q", "side"], cwd=root, check=True)
    return [git_path(root, "HEAD"), root / "side.py"]


def private_rules(root: Path) -> list[Path]:
    git_path(root, "info").mkdir(exist_ok=True)
    git_path(root, "info/exclude").write_text("lib/\n")
    return [git_path(root, "info/exclude")]


def git_path(root: Path, name: str) -> Path:
    found = subprocess.run(["git", "rev-parse", "--git-path", name], cwd=root, capture_output=True, check=True)
    return root / found.stdout.decode().strip()


RULES = [add_what_is_ignored, exclude_for_all, exclude_elsewhere, bring_back, another_branch, private_rules]


@pytest.mark.parametrize("change", RULES)
@pytest.mark.parametrize("is_linked", [False, True])
def test_whatever_decides_what_belongs_to_the_tree_is_followed(
    repository: Repository, change: Callable[[Path], list[Path]], is_linked: bool
) -> None:
    root = repository({**FILES, ".gitignore": "*.gen.py\n"})
    for arguments in (
        ("add", "a.py", ".gitignore"),
        ("commit", "-qm", "x"),
        ("checkout", "-qb", "side"),
        ("commit", "-q", "--allow-empty", "-m", "y"),
        ("checkout", "-q", "-"),
    ):
        subprocess.run(["git", *arguments], cwd=root, check=True)
    if is_linked:
        subprocess.run(["git", "worktree", "add", "-q", "--detach", "../linked"], cwd=root, check=True)
        root = root.parent / "linked"
    write_files(root, {"out.gen.py": "g = 1\n", **FILES})

    def told() -> Iterator[list[Path]]:
        yield []
        yield change(root)

    before = indexed_by(watch(root, told()), root)
    after = indexed(root)
    build(root, rebuild=True)
    assert after == indexed(root)
    assert change is another_branch or after != before


def indexed_by(reports: Iterator[object], root: Path) -> dict[str, str]:
    next(reports)
    before = indexed(root)
    list(reports)
    return before


def test_the_index_itself_is_no_change(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    root = repository(FILES)
    monkeypatch.setenv("XDG_CACHE_HOME", str(root / "cache"))
    monkeypatch.setattr("repocomp.index.watch.update", lambda root, paths: pytest.fail(f"looked at {paths}"))
    elsewhere = root.parent / "elsewhere.py"
    odd = root / "caf\udce9.py"
    told = [
        [],
        [index_path(root), index_path(root).with_name("index.db-wal"), elsewhere, root, root / ".git/index", odd],
    ]
    list(watch(root, told))


def test_without_its_package_the_way_to_get_it_is_told(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = builtins.__import__

    def refuse(name: str, *rest: Any, **more: Any) -> Any:
        if name == "watchfiles":
            raise ImportError(name)
        return inner(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ConfigError, match="watchfiles") as missing:
        changes(repository(FILES))
    assert missing.value.hint == "pip install watchfiles"


def test_each_change_is_a_line_and_an_interrupt_ends_it(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    root = repository(FILES)
    before = subprocess.run(["git", "status", "--porcelain"], cwd=root, capture_output=True, check=True).stdout

    def told(root: Path) -> Iterator[list[Path]]:
        yield []
        yield [root / path for path in edit(root)]
        (root / "a.py").write_text(FILES["a.py"])
        raise KeyboardInterrupt

    monkeypatch.setattr("repocomp.index.watch.changes", told)
    assert app.run(["index", str(root), "--watch", "--json"]) == 130
    first, second, last = map(json.loads, capsysbinary.readouterr().out.splitlines())
    assert (first["data"]["indexed"], second["data"]["indexed"]) == (3, 1)
    assert last["errors"][0]["code"] == "interrupted"
    after = subprocess.run(["git", "status", "--porcelain"], cwd=root, capture_output=True, check=True).stdout
    assert after == before
    assert app.run(["index", str(root), "--watch"]) == 130
    assert b"1 indexed, 0 gone in" in capsysbinary.readouterr().err
