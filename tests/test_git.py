"""What git is asked of a commit, in the shapes that real histories have."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from repocomp import git
from tests.conftest import Repository, write_files


def run(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(root: Path) -> str:
    run(root, "add", "-A")
    run(root, "commit", "-q", "--allow-empty", "-m", "work")
    return run(root, "rev-parse", "HEAD")


@pytest.fixture
def root(repository: Repository) -> Path:
    return repository({"a.py": "x = 1\n" * 9, "b c.py": "y = 1\n" * 9, "gone.py": "z = 1\n"})


def test_before_the_first_commit_there_is_none(root: Path, tmp_path: Path) -> None:
    assert git.commit_of(root) is None
    assert git.commit_of(tmp_path) is None
    first = commit(root)
    assert git.commit_of(root) == first
    assert git.parents(root, first) == []
    assert git.changed_paths(root, first) == {name: name for name in ("a.py", "b c.py", "gone.py")}
    assert len(git.added_lines(root, first, 100)) == 19


def test_renamed_deleted_and_oddly_named_files(root: Path) -> None:
    first = commit(root)
    (root / "a.py").rename(root / "né w.py")
    (root / "gone.py").unlink()
    write_files(root, {"b c.py": "y = 1\n" * 9 + "++ b/a trap\n", 'quo"te.py': "q\n"})
    second = commit(root)
    assert git.changed_paths(root, second) == {
        "a.py": "né w.py",
        "gone.py": None,
        "b c.py": "b c.py",
        'quo"te.py': 'quo"te.py',
    }
    lines = git.added_lines(root, second, 100)
    assert ("b c.py", "++ b/a trap") in lines
    assert [text for _, text in lines] == ["++ b/a trap", "q"]
    assert git.added_lines(root, second, 1) == []
    assert git.blob(root, second, "b c.py") == ("y = 1\n" * 9 + "++ b/a trap\n").encode()
    assert git.blob(root, second, "a.py") is None
    assert git.is_ancestor(root, first, second)
    assert not git.is_ancestor(root, second, first)
    assert not git.is_ancestor(root, "0" * 40, second)


def test_a_merge_is_compared_with_its_first_parent(root: Path) -> None:
    commit(root)
    run(root, "checkout", "-q", "-b", "side")
    write_files(root, {"side.py": "s\n"})
    side = commit(root)
    run(root, "checkout", "-q", "-")
    write_files(root, {"a.py": "x = 2\n"})
    main = commit(root)
    run(root, "merge", "-q", "--no-edit", "side")
    merged = run(root, "rev-parse", "HEAD")
    assert git.parents(root, merged) == [main, side]
    assert git.changed_paths(root, merged) == {"side.py": "side.py"}
