"""What is indexed and what is not, by every rule there is, with git and without."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from repocomp.cli import app
from repocomp.index.fitness import unfit
from repocomp.index.walk import explain, user_ignore_file, walk
from repocomp.secrets.redaction import REDACTED
from tests.conftest import Repository, write_files

DEPTH = 1500
FILES = {
    "keep.py": "x\n",
    "a/keep.py": "x\n",
    "a/skip.log": "x\n",
    "a/b/skip.log": "x\n",
    "a/b/keep.log": "x\n",
    "out/made.py": "x\n",
    "only/here.tmp": "x\n",
    ".gitignore": "*.log\nout/\n",
    "a/b/.gitignore": "!keep.log\n",
}


def indexed(root: Path) -> set[str]:
    return {found.path for found in walk(root) if found.skipped is None and not found.path.endswith("ignore")}


def skipped(root: Path) -> dict[str, str]:
    return {found.path: found.skipped for found in walk(root) if found.skipped is not None}


@pytest.mark.parametrize("with_git", [True, False])
def test_gitignore_at_every_level(tmp_path: Path, with_git: bool) -> None:
    write_files(tmp_path, FILES)
    if with_git:
        subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert indexed(tmp_path) == {"keep.py", "a/keep.py", "a/b/keep.log", "only/here.tmp"}


def test_exclude_file_and_global_excludes(repository: Repository, isolated: Path) -> None:
    root = repository({"a.py": "x\n", "b.py": "x\n", "c.py": "x\n"})
    (root / ".git" / "info" / "exclude").write_text("a.py\n")
    (isolated / "ignore").write_text("b.py\n")
    subprocess.run(["git", "config", "--global", "core.excludesFile", str(isolated / "ignore")], check=True)
    assert indexed(root) == {"c.py"}


def test_the_user_alone_brings_back_what_git_ignores(repository: Repository) -> None:
    patterns = "keep.py\n!out/made.py\n!a/skip.log\n"
    root = repository({**FILES, ".repocompignore": patterns})
    assert indexed(root) == {"a/b/keep.log", "only/here.tmp"}
    assert skipped(root) == {"keep.py": "ignored", "a/keep.py": "ignored"}
    write_files(user_ignore_file().parent, {"ignore": patterns})
    assert indexed(root) == {"a/b/keep.log", "only/here.tmp", "out/made.py", "a/skip.log"}
    assert explain(root, "out/made.py") == (False, "indexed")


def test_secret_names_are_skipped_unless_the_user_says_otherwise(repository: Repository) -> None:
    root = repository({".env": "A=1\n", "x/key.ppk": "k\n", "y.ppk": "k\n", ".env.example": "A=\n"})
    write_files(root, {".repocompignore": "!*\n!y.ppk\n"})
    assert skipped(root) == {".env": "secret", "x/key.ppk": "secret", "y.ppk": "secret"}
    write_files(user_ignore_file().parent, {"ignore": "!y.ppk\n"})
    assert skipped(root) == {".env": "secret", "x/key.ppk": "secret"}
    assert indexed(root) == {"y.ppk", ".env.example"}


def test_the_users_own_file_may_be_a_link(repository: Repository, tmp_path: Path) -> None:
    root = repository({"a.py": "x\n", "b.py": "x\n"})
    write_files(tmp_path, {"dotfiles/ignore": "a.py\n"})
    user_ignore_file().parent.mkdir(parents=True)
    user_ignore_file().symlink_to(tmp_path / "dotfiles" / "ignore")
    assert indexed(root) == {"b.py"}


def test_names_alone_do_not_condemn_source_code(repository: Repository) -> None:
    code = {
        "sdk/credentials/manager.go": "package credentials\n",
        "book/ch01.asc": "== Introduction\n",
        "src/id_rsa_parser.py": "def parse(text):\n    return text\n",
        "i18n.key": "title = Hello\n",
        ".env.test/conftest.py": "x = 1\n",
        "secrets.json/a.py": "x = 2\n",
        "id_rsa.pub": "ssh-ed25519 AAAA bob\n",
    }
    secret = {".env.test/.env": "A=1\n", "credentials": "[default]\n", "id_rsa": "k\n"}
    root = repository({**code, **secret})
    assert indexed(root) == set(code)
    assert skipped(root) == dict.fromkeys(secret, "secret")


CODE = (
    "src/credentials/index.ts",
    "src/secrets/vault.go",
    "id_rsa/encode.rs",
    "auth/password.py",
    "auth/private_key.java",
    "lib/htpasswd.c",
    "lib/netrc.rb",
    "tools/keystore.kt",
    "certs/pem.swift",
    "docs/credentials.md",
    "docs/secrets.adoc",
    "env/.env.py",
    "env/.env.test.ts",
    "i18n/de.key",
    "chart/secrets.schema.json",
)
SECRET = (".env.local", ".env.sh", "a/.env.production", "infra/prod.tfvars", "infra/.env.tfvars", "b/secrets.yaml")


def test_code_is_judged_by_what_it_holds(repository: Repository) -> None:
    root = repository(dict.fromkeys((*CODE, *SECRET), "x = 1\n"))
    assert indexed(root) == set(CODE)
    assert skipped(root) == dict.fromkeys(SECRET, "secret")


def test_a_name_that_holds_a_secret_is_not_kept(repository: Repository) -> None:
    name = "dump-ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8.py"
    root = repository({name: "x = 1\n"})
    assert skipped(root) == {f"dump-{REDACTED}.py": "secret"}
    assert explain(root, name)[0]


def test_links_huge_and_empty_files_and_lock_files(repository: Repository, tmp_path: Path) -> None:
    root = repository({"empty.py": "", "big.txt": "a b c\n" * 200_000, "yarn.lock": "x\n", "ok.py": "x\n"})
    (root / "link.py").symlink_to(tmp_path)
    assert skipped(root) == {"empty.py": "empty", "big.txt": "huge", "yarn.lock": "generated", "link.py": "symlink"}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x7fELF\0\0", "binary"),
        (b"na\xefve\n", "encoding"),
        (b"# @generated by a tool\nx = 1\n", "generated"),
        (b"// Code generated by protoc. DO NOT EDIT.\n", "generated"),
        (b"var a=1;" * 600, "minified"),
        (b"1234567890 " * 5 + b"\n" + b"0987654321 5678 1234\n" * 30, "minified"),
        (b"def f():\n    return 1\n" * 30, None),
        (b"x = 1\n", None),
    ],
)
def test_contents_not_worth_reading(data: bytes, reason: str | None) -> None:
    assert unfit(data) == reason


def test_every_verdict_can_be_explained(repository: Repository) -> None:
    root = repository({**FILES, ".env": "A=1\n", ".repocompignore": "only/\n"})
    assert explain(root, "keep.py") == (False, "indexed")
    assert explain(root, ".env") == (True, "secret: .env")
    assert explain(root, "only/here.tmp") == (True, ".repocompignore: only/")
    assert explain(root, "a/skip.log") == (True, ".gitignore:1:*.log")
    assert explain(root, "nothing.py") == (True, "no such file")


NAME = "caf\udce9.py"


def test_a_name_that_is_no_utf8_costs_that_file_alone(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    root = repository({"a.py": "x\n"})
    try:
        (root / NAME).write_text("x = 1\n")
    except OSError:
        pytest.skip("this file system has no such names")
    assert indexed(root) == {"a.py"}
    assert skipped(root) == {"caf\\xe9.py": "name"}
    for _ in range(2):
        assert app.run(["index", str(root)]) == 0
    assert explain(root, NAME) == (True, "name")
    assert app.run(["check-ignore", str(root / NAME), "--json"]) == 0
    assert "caf\\\\xe9.py" in capsys.readouterr().out


def test_bad_patterns_are_ignored_and_named_once(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    root = repository({"a.py": "x\n", "b.log": "x\n", ".repocompignore": "build\\\n!\n*.log\n[z-a]\n"})
    assert indexed(root) == {"a.py"}
    assert app.run(["index", str(root)]) == 0
    told = capsys.readouterr().err
    assert [told.count(f".repocompignore:{number}:") for number in (1, 2, 3, 4)] == [1, 1, 0, 1]


def test_submodules_and_repositories_within_are_said_to_be_left_out(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = repository({"a.py": "x\n", "nested/b.py": "x\n", "folder/c.py": "x\n"})
    subprocess.run(["git", "init", "-q", str(root / "nested")], check=True)
    monkeypatch.chdir(root)
    assert skipped(root) == {"nested/": "repository"}
    assert app.run(["check-ignore", "nested/b.py", "nested", "folder", "a.py"]) == 0
    answers = [line.partition(": ")[2] for line in capsys.readouterr().out.splitlines()]
    assert answers == [
        f"left out: belongs to another repository, with an index of its own: repocomp index {root}/nested",
        f"left out: belongs to another repository, with an index of its own: repocomp index {root}/nested",
        "a folder, whose files are judged one by one",
        "indexed",
    ]


def test_everything_that_is_no_file_of_the_tree_is_said_in_words(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = repository({"a.py": "x\n", "folder/c.py": "x\n"})
    monkeypatch.chdir(root)
    os.mkfifo(root / "pipe")
    (root / "link").symlink_to("a.py")
    assert app.run(["check-ignore", "pipe", "link", ".git", ".git/config", ".", str(root), "folder", "gone.py"]) == 0
    answers = [line.rpartition(": ")[2] for line in capsys.readouterr().out.splitlines()]
    assert answers == [
        "neither a file nor a folder",
        "a symbolic link, or behind one",
        *["belongs to git itself"] * 2,
        *["a folder, whose files are judged one by one"] * 3,
        "no such file",
    ]


def test_a_bare_repository_has_nothing_to_index(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "bare")], check=True)
    assert app.run(["index", str(tmp_path / "bare")]) == 2
    assert "bare repository" in capsys.readouterr().err
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    write_files(tmp_path, {"a.py": "x\n"})
    assert app.run(["index", str(tmp_path / "bare")]) == 2
    assert (indexed(tmp_path), skipped(tmp_path)) == ({"a.py"}, {"bare/": "repository"})
    assert explain(tmp_path, "bare/config") == (True, "repository")


def test_without_git_its_files_are_read_as_far_as_they_go(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = repository(FILES)
    (root / ".git" / "info" / "exclude").write_text("only/\n")
    monkeypatch.setenv("PATH", "/nowhere")
    assert indexed(root) == {"keep.py", "a/keep.py", "a/b/keep.log"}
    assert explain(root, "a/skip.log") == (True, ".gitignore:1:*.log")
    assert explain(root, "only/here.tmp") == (True, ".git/info/exclude:1:only/")
    assert explain(root, "a/b/keep.log") == (False, "indexed")
    assert app.run(["index", str(root)]) == 0
    assert "git is not found" in capsys.readouterr().err


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Path]:
    """A tree of more levels than Python calls go deep. It goes again: pytest's own tidying up would fail at it."""
    folders = [f"{tmp_path}{'/d' * level}" for level in range(1, DEPTH + 1)]
    for folder in folders:
        os.mkdir(folder)
    file = Path(folders[-1], "a.py")
    file.write_text("x\n")
    yield tmp_path
    file.unlink()
    for folder in reversed(folders):
        os.rmdir(folder)


def test_deep_trees_are_walked_without_git(deep: Path) -> None:
    assert indexed(deep) == {"d/" * DEPTH + "a.py"}
