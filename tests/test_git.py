"""What git is asked of a commit, in the shapes that real histories have."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from repocomp import git
from repocomp.git_edits import recent_lines
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


SETTINGS = {
    "diff.mnemonicPrefix": "true",
    "diff.noprefix": "true",
    "diff.srcPrefix": "x/",
    "diff.renames": "false",
    "diff.orderFile": "order",
    "diff.context": "0",
    "diff.interHunkContext": "9",
    "diff.suppressBlankEmpty": "true",
    "diff.submodule": "log",
    "diff.algorithm": "histogram",
    "diff.external": "false",
    "diff.relative": "true",
    "core.quotePath": "false",
    "color.ui": "always",
    "color.diff": "always",
    "log.showSignature": "true",
    "core.precomposeUnicode": "true",
}
NAMES: tuple[str, ...] = (
    "né.py",
    "tab\t.py",
    "line\nbreak.py",
    'quo"te.py',
    "back\\slash.py",
    "-n",
    "--- a",
    "b/a b/c",
    " lead.py",
)
NAMES += ("trail.py ", "{a => b}.py", "日本.py", "caf\udce9.py", "\x1b[31m.py", "dev/null")


@pytest.mark.skipif(os.name == "nt", reason="names that Windows does not take")
@pytest.mark.parametrize("settings", [[], [*SETTINGS][::2], [*SETTINGS][1::2]])
def test_no_setting_and_no_name_changes_what_a_commit_says(root: Path, settings: list[str]) -> None:
    (root / "order").write_text("z*\na*\n")
    commit(root)
    write_files(root, {name: f"in {number}\n" * 4 for number, name in enumerate(NAMES)})
    added = commit(root)
    for setting in settings:
        run(root, "config", setting, SETTINGS[setting])
    assert git.changed_paths(root, added) == {name: name for name in NAMES}
    lines = [(name, f"in {number}") for number, name in enumerate(NAMES) for _ in range(4)]
    assert sorted(git.added_lines(root, added, 1000)) == sorted(lines)
    for name in NAMES:
        os.renames(root / name, root / f"moved/{name}")
        with open(root / f"moved/{name}", "a", encoding="utf-8") as file:
            file.write("and more\n")
    renamed = commit(root)
    assert git.changed_paths(root, renamed) == {name: f"moved/{name}" for name in NAMES}
    assert sorted(git.added_lines(root, renamed, 1000)) == sorted((f"moved/{name}", "and more") for name in NAMES)
    assert git.blob(root, renamed, f"moved/{NAMES[0]}") == b"in 0\n" * 4 + b"and more\n"
    assert {*recent_lines(root, 1)} == {f"moved/{name}" for name in NAMES}


def test_a_file_that_becomes_a_link_and_back_keeps_lines_with_their_names(root: Path) -> None:
    write_files(root, {"link.py": "l\n" * 3, "z.py": "z\n"})
    commit(root)
    (root / "link.py").unlink()
    (root / "link.py").symlink_to("a.py")
    write_files(root, {"z.py": "z\nnew\n"})
    changed = commit(root)
    assert [line for line in git.added_lines(root, changed, 100) if line[0] == "z.py"] == [("z.py", "new")]
    (root / "link.py").unlink()
    write_files(root, {"link.py": "l\n", "a.py": "x = 1\n" * 9 + "last\n"})
    back = commit(root)
    assert ("a.py", "last") in git.added_lines(root, back, 100)


def test_a_branch_that_was_reset_tells_what_it_was_reset_past(root: Path) -> None:
    first = commit(root)
    second, third = commit(root), commit(root)
    assert [git.taken_back(root, one) for one in (first, second, third, "0" * 40)] == [[], [], [], []]
    run(root, "reset", "-q", "--soft", second)
    run(root, "reset", "-q", "--soft", first)
    again = commit(root)
    assert git.taken_back(root, again) == [third, second]
    assert git.taken_back(root, commit(root)) == []
    run(root, "checkout", "-q", "--detach", second)
    assert git.taken_back(root, commit(root)) == []
