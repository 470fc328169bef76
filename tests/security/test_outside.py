"""Nothing that lies outside a tree is read by way of it, nothing blocks, and nothing without end is read."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from repocomp import tree
from repocomp.cli import app
from repocomp.index.build import readable
from repocomp.index.walk import walk
from repocomp.store.index.reader import IndexReader
from repocomp.store.paths import index_path
from tests.conftest import Repository, write_files

MARK = "taken_from_outside"
pytestmark = pytest.mark.skipif(os.name == "nt", reason="links need rights")


def run(root: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    write_files(folder, {"a.py": f"{MARK} = 1\n", "deep/a.py": f"{MARK} = 2\n", ".gitignore": "", "ignore": "!*\n"})
    return folder


@pytest.fixture
def root(repository: Repository) -> Path:
    path = repository({"lib/a.py": "x = 1\n", "lib/deep/a.py": "x = 1\n", "b.py": "x = 1\n", "n/o/p.py": "x = 1\n"})
    run(path, "add", "-A")
    run(path, "commit", "-qm", "one")
    return path


def folder_became_a_link(root: Path, outside: Path) -> None:
    (root / "lib").rename(root.parent / "away")
    (root / "lib").symlink_to(outside)


def inner_folder_became_a_link(root: Path, outside: Path) -> None:
    (root / "lib" / "deep").rename(root.parent / "away")
    (root / "lib" / "deep").symlink_to(outside / "deep")


def file_became_a_link(root: Path, outside: Path) -> None:
    (root / "lib" / "a.py").unlink()
    (root / "lib" / "a.py").symlink_to(outside / "a.py")


def link_within_the_tree_leads_out(root: Path, outside: Path) -> None:
    (root / "way").symlink_to(outside)
    (root / "lib").rename(root.parent / "away")
    (root / "lib").symlink_to("way")


def link_by_way_of_proc(root: Path, outside: Path) -> None:
    (root / "lib").rename(root.parent / "away")
    (root / "lib").symlink_to(f"/proc/self/root{outside}")


def untracked_link(root: Path, outside: Path) -> None:
    (root / "more").symlink_to(outside)
    (root / "more.py").symlink_to(outside / "a.py")


def ignored_folder_brought_back_by_the_repository(root: Path, outside: Path) -> None:
    write_files(root, {"secret/a.py": f"{MARK} = 1\n", ".repocompignore": "!*\n!secret/\n!secret/a.py\n!/secret/**\n"})
    (root / ".git" / "info" / "exclude").write_text("secret/\n")


def rules_of_the_repository_are_a_link(root: Path, outside: Path) -> None:
    ignored_folder_brought_back_by_the_repository(root, outside)
    (root / ".repocompignore").unlink()
    (root / ".repocompignore").symlink_to(outside / "ignore")


LURES = [
    folder_became_a_link,
    inner_folder_became_a_link,
    file_became_a_link,
    link_within_the_tree_leads_out,
    link_by_way_of_proc,
    untracked_link,
    ignored_folder_brought_back_by_the_repository,
    rules_of_the_repository_are_a_link,
]


@pytest.mark.parametrize("with_git", [True, False])
@pytest.mark.parametrize("lure", LURES)
def test_nothing_of_outside_is_stored(
    root: Path, outside: Path, lure: Callable[[Path, Path], None], with_git: bool
) -> None:
    lure(root, outside)
    if not with_git:
        if "ignored" in lure.__name__ or "rules" in lure.__name__:
            pytest.skip("the folder is ignored by git alone")
        (root / ".git").rename(root.parent / "git")
    assert app.run(["index", str(root), "--quiet"]) == 0
    with IndexReader.open_at(index_path(root)) as reader:
        assert MARK not in "".join(reader.contents.text(row.content_id) for row in reader.files.all())


@pytest.mark.parametrize("by_descriptor", [True, False])
@pytest.mark.parametrize("lure", LURES[:5])
def test_what_became_a_link_since_it_was_listed_is_not_read(
    root: Path, outside: Path, monkeypatch: pytest.MonkeyPatch, lure: Callable[[Path, Path], None], by_descriptor: bool
) -> None:
    monkeypatch.setattr(tree, "_BY_DESCRIPTOR", by_descriptor)
    found = list(walk(root))
    assert {item.skipped for item in found} == {None}
    lure(root, outside)
    monkeypatch.setattr("repocomp.index.build.walk", lambda root: iter(found))
    read = dict(readable(root))
    assert "b.py" in read
    assert MARK.encode() not in b"".join(read.values())


@pytest.mark.slow
@pytest.mark.parametrize("by_descriptor", [True, False])
def test_a_folder_that_changes_all_the_time_leads_nowhere(
    root: Path, outside: Path, monkeypatch: pytest.MonkeyPatch, by_descriptor: bool
) -> None:
    monkeypatch.setattr(tree, "_BY_DESCRIPTOR", by_descriptor)
    done = threading.Event()

    def flip() -> None:
        while not done.is_set():
            (root / "lib").rename(root / "kept")
            (root / "lib").symlink_to(outside)
            (root / "lib").unlink()
            (root / "kept").rename(root / "lib")

    thread = threading.Thread(target=flip)
    thread.start()
    texts = set()
    try:
        for _ in range(40_000):
            with suppress(OSError):
                texts.add(tree.read(root, "lib/a.py", 1000))
    finally:
        done.set()
        thread.join()
    assert texts == {b"x = 1\n"}


@pytest.mark.parametrize(
    "path", ["../outside/a.py", "/etc/passwd", "lib/../../outside/a.py", "", ".", "lib//a.py", "lib/"]
)
@pytest.mark.parametrize("by_descriptor", [True, False])
def test_names_that_lead_out_are_refused(
    root: Path, outside: Path, monkeypatch: pytest.MonkeyPatch, path: str, by_descriptor: bool
) -> None:
    monkeypatch.setattr(tree, "_BY_DESCRIPTOR", by_descriptor)
    with pytest.raises(OSError, match="not a path"):
        tree.read(root, path, 1000)


def fifo(path: Path) -> None:
    os.mkfifo(path)


def zeros(path: Path) -> None:
    path.symlink_to("/dev/zero")


def link_to_a_fifo(path: Path) -> None:
    os.mkfifo(path.parent.parent / "pipe")
    path.symlink_to(path.parent.parent / "pipe")


def folder(path: Path) -> None:
    path.mkdir()


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever waits for a FIFO waits for ever: an alarm ends it."""
    import signal

    def end(*_: object) -> None:
        raise TimeoutError("it hangs")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("hanging")
@pytest.mark.parametrize("make", [fifo, zeros, link_to_a_fifo, folder, loop, huge])
@pytest.mark.parametrize("name", [".repocompignore", ".repocomp.toml", "b.py", "lib/new.py"])
def test_what_is_no_file_of_bounded_size_is_neither_waited_for_nor_read(
    root: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None], name: str
) -> None:
    (root / name).unlink(missing_ok=True)
    make(root / name)
    monkeypatch.chdir(root)
    assert app.run(["index", "--quiet"]) == 0
    assert app.run(["check-ignore", name]) in (0, 1)
    assert app.run(["config"]) == (2 if name == ".repocomp.toml" else 0)
