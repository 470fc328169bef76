"""Which files are indexed: exactly those that git lists, minus reasons that have a name, in random trees.

`TREES` says how many in the slow test. Every other tree is asked about by a git that refuses what version 2.17 did not
know.
"""

from __future__ import annotations

import os
import random
import shutil
import stat
import subprocess
from collections import Counter
from pathlib import Path, PurePosixPath

import pytest

from repocomp.index.walk import MAX_BYTES, explain, walk
from repocomp.tree import printable

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="FIFOs, links, names of bytes")
FOLDERS: tuple[str, ...] = ("src", "a b", "é", "build", "-n", "lib.d", "[x]", "deep", "x\ny")
NAMES: tuple[str, ...] = (
    "a.py",
    "b.log",
    "c.o",
    "-f.py",
    "sp ace.py",
    "né.py",
    "q'uo\"te.py",
    "[z].py",
    "x\ny.py",
    "!bang.py",
    "#hash.py",
)
NAMES += ("#hash.py", "\udcff.py", "star*.py", "back\\slash.py", ".hidden.py", "made.gen.py", "tab\t.py", "a.PY")
NAMES += ("\x1b[31m.py",)
LINES: tuple[str, ...] = (
    "*.log",
    "*.o",
    "build/",
    "/a.py",
    "!a.py",
    "!*.log",
    "src/**/c.o",
    "**/deep",
    "*.gen.py",
    "\\#hash.py",
    "é/",
)
LINES += (
    "# a comment",
    "",
    "né.py",
    "[[]x]",
    "a?b",
    "deep/*",
    "!deep/b.log",
    "lib.d",
    "*\\*.py",
    "sp*.py  ",
    "[",
    "\\!bang.py",
)
NEWER = (
    "--deduplicate",
    "--format",
    "--path-format",
    "--batch-command",
    "--end-of-options",
    "--show-object-format",
    "--no-optional-locks",
    "--merge-base",
    "--pathspec-from-file",
    "--exclude-hidden",
)
"""What git learned after version 2.17, of the commands that we call."""


class Grower:
    """Grows a random tree around a copy of an empty repository."""

    def __init__(self, seed: int, empty: Path, root: Path) -> None:
        self.rng, self.root = random.Random(seed), root
        shutil.copytree(empty, root)
        self.folders = [""]
        self.files: list[str] = []

    def grow(self) -> None:
        for _ in range(self.rng.randrange(2, 9)):
            self._folder()
        for _ in range(self.rng.randrange(4, 25)):
            self._file()
        for _ in range(self.rng.randrange(4)):
            self._write(self._in(".gitignore"), "\n".join(self.rng.choices(LINES, k=self.rng.randrange(1, 7))))
        self._write(".git/info/exclude", "\n".join(self.rng.choices(LINES, k=self.rng.randrange(3))))
        for odd in (self._link, self._fifo, self._repository, self._bare, self._submodule):
            if self.rng.random() < 0.4:
                odd()
        self._track()

    def _in(self, name: str) -> str:
        return f"{self.rng.choice(self.folders)}{name}"

    def _folder(self) -> None:
        path = self._in(f"{self.rng.choice(FOLDERS)}/")
        os.makedirs(self.root / path, exist_ok=True)
        self.folders.append(path)

    def _file(self) -> None:
        path = self._in(self.rng.choice(NAMES))
        if self._write(path, self.rng.choice(("x = 1\n", "def f():\n    pass\n", ""))):
            self.files.append(path)

    def _write(self, path: str, text: str) -> bool:
        if os.path.lexists(self.root / path):
            return False
        (self.root / path).write_text(text)
        return True

    def _link(self) -> None:
        path = self.root / self._in("link.py")
        if not os.path.lexists(path):
            path.symlink_to(self.rng.choice(("a.py", "src", "/etc", ".", "nowhere", "link.py")))

    def _fifo(self) -> None:
        path = self.root / self._in("pipe.py")
        if not os.path.lexists(path):
            os.mkfifo(path)

    def _repository(self) -> None:
        path = self.root / self._in("nested")
        if not os.path.lexists(path):
            shutil.copytree(self.root / ".git", path / ".git")
            (path / "inner.py").write_text("x = 1\n")

    def _bare(self) -> None:
        path = self.root / self._in("bare.git")
        if not os.path.lexists(path):
            shutil.copytree(self.root / ".git", path)

    def _submodule(self) -> None:
        """One that is checked out, or not yet."""
        path = self._in("module")
        if not os.path.lexists(self.root / path):
            (self.root / path).mkdir()
            git(self.root, "update-index", "--add", "--cacheinfo", f"160000,{'5' * 40},{path}")
            if self.rng.random() < 0.5:
                shutil.copytree(self.root / ".git", self.root / path / ".git")
                (self.root / path / "inner.py").write_text("x = 1\n")

    def _point_nowhere(self, path: Path) -> None:
        path.symlink_to("nowhere")

    def _track(self) -> None:
        """Track some files, ignored ones as well; then some are gone or become something else, or a folder a link."""
        tracked = [path for path in self.files if self.rng.random() < 0.4]
        if tracked:
            data = b"\0".join(os.fsencode(path) for path in tracked) + b"\0"
            git(self.root, "update-index", "--add", "-z", "--stdin", data=data)
            for become in (None, os.mkfifo, os.mkdir, self._point_nowhere):
                path = self.root / self.rng.choice(tracked)
                if self.rng.random() < 0.3 and os.path.isfile(path):
                    os.unlink(path)
                    if become is not None:
                        become(path)
        if self.rng.random() < 0.2 and len(self.folders) > 1:
            folder = self.root / self.rng.choice(self.folders[1:]).rstrip("/")
            if folder.is_dir() and not folder.is_symlink():
                shutil.rmtree(folder)
                folder.symlink_to(self.root.parent)


def git(root: Path, *arguments: str, data: bytes = b"") -> bytes:
    return subprocess.run(["git", *arguments], cwd=root, input=data, capture_output=True, check=True).stdout


def reason(root: Path, path: str) -> str | None:
    """Why a path that git lists is not indexed, found without our own code; "gone" where there is nothing."""
    parts = path.rstrip("/").split("/")
    above = [root / "/".join(parts[:count]) for count in range(1, len(parts))]
    if any((folder / "HEAD").is_file() and (folder / "objects").is_dir() for folder in above):
        return "repository"
    if not os.path.lexists(root / path):
        return "gone"
    status = os.lstat(root / path)
    if stat.S_ISDIR(status.st_mode) and not (root / path / ".git").exists():
        # A folder that took a tracked file's place, or a submodule that nobody has checked out.
        return "gone"
    if "\udcff" in path:
        return "name"
    if any(folder.is_symlink() for folder in above) or stat.S_ISLNK(status.st_mode):
        return "symlink"
    if stat.S_ISDIR(status.st_mode):
        return "repository"
    if not stat.S_ISREG(status.st_mode):
        return "special"
    return "empty" if not status.st_size else "huge" if status.st_size > MAX_BYTES else None


def check(root: Path) -> Counter[str | None]:
    """Compare what is found with what git lists; how many of each reason."""
    options = ("-z", "--cached", "--others", "--exclude-standard")
    listed = {os.fsdecode(name) for name in git(root, "ls-files", *options).split(b"\0") if name}
    wanted: dict[str, str | None] = {}
    for path in listed:
        why = reason(root, path)
        if why == "repository":
            tops = (f"{above}/" for above in reversed(PurePosixPath(path).parents) if (root / above / "HEAD").is_file())
            path = next(tops, path)
        if why != "gone":
            wanted[printable(path)] = why
    found = {one.path: one.skipped for one in walk(root)}
    assert found == wanted
    for path, why in found.items():
        # The word of one file agrees with that of the whole.
        if why is None:
            assert explain(root, path) == (False, "indexed"), path
            break
    return Counter(found.values())


def compare(trees: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Counter[str | None]:
    empty = folder / "empty"
    subprocess.run(["git", "init", "-q", "--template=", str(empty)], check=True)
    (empty / ".git" / "info").mkdir()
    old = folder / "old"
    old.mkdir()
    flags = "|".join(f"{flag}|{flag}=*" for flag in NEWER)
    refusal = 'echo "error: unknown option $word" >&2; exit 129'
    (old / "git").write_text(
        f'#!/bin/sh\nfor word; do case "$word" in {flags}) {refusal};; esac; done\nexec {shutil.which("git")} "$@"\n'
    )
    (old / "git").chmod(0o755)
    path, counts = os.environ["PATH"], Counter[str | None]()
    for seed in range(trees):
        root = folder / "tree"
        monkeypatch.setenv("PATH", path)
        Grower(seed, empty, root).grow()
        monkeypatch.setenv("PATH", f"{old}{os.pathsep}{path}" if seed % 2 else path)
        try:
            counts += check(root)
        except Exception as error:
            raise AssertionError(f"tree {seed}") from error
        shutil.rmtree(root)
    return counts


def test_some_trees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert compare(20, tmp_path, monkeypatch)[None] > 100


@pytest.mark.slow
def test_many_trees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = compare(int(os.environ.get("TREES", "1000")), tmp_path, monkeypatch)
    assert {*counts} == {None, "empty", "name", "repository", "symlink", "special"}
