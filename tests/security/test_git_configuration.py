"""A repository's own configuration names commands, and none of them runs; what it says otherwise changes no answer."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from repocomp import git, git_edits, git_process
from repocomp.cli import app
from repocomp.errors import GitError
from repocomp.feedback.hooks import hooks_folder
from repocomp.index.walk import explain, walk
from repocomp.store.identity import identify
from tests.conftest import Repository, write_files

COMMANDS = (
    "alias.cat-file",
    "alias.ls-files",
    "core.alternateRefsCommand",
    "core.askPass",
    "core.editor",
    "core.fsmonitor",
    "core.gitProxy",
    "core.pager",
    "core.sshCommand",
    "credential.helper",
    "diff.external",
    "diff.lure.command",
    "diff.lure.textconv",
    "filter.lure.clean",
    "filter.lure.process",
    "filter.lure.smudge",
    "gpg.openpgp.program",
    "gpg.program",
    "gpg.ssh.defaultKeyCommand",
    "gpg.ssh.program",
    "gpg.x509.program",
    "interactive.diffFilter",
    "merge.lure.driver",
    "pager.diff-tree",
    "pager.ls-files",
    "pager.rev-list",
    "remote.origin.proxy",
    "remote.origin.receivepack",
    "remote.origin.uploadpack",
    "sequence.editor",
    "uploadpack.packObjectsHook",
)
SETTINGS = {
    "color.ui": "always",
    "core.quotePath": "false",
    "diff.context": "9",
    "diff.mnemonicPrefix": "true",
    "diff.noprefix": "true",
    "diff.renames": "false",
    "diff.suppressBlankEmpty": "true",
    "filter.lure.required": "true",
    "log.showRoot": "false",
    "log.showSignature": "true",
    "status.showUntrackedFiles": "no",
    "submodule.recurse": "true",
}
HOOKS = ("post-checkout", "post-index-change", "pre-commit", "fsmonitor-watchman", "reference-transaction")
NAMES = {
    "a b.py": "one\n",
    'quo"te.py': "two\n",
    "né.py": "three\n",
    "tab\there.py": "four\n",
    "new\nline.py": "five\n",
}


def run(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def lured(repository: Repository, tmp_path: Path) -> Path:
    """A repository with every trap set, a signed commit, and an edited work tree."""
    root = repository({**NAMES, "gone.py": "x\n", "moved.py": "m\n" * 9, ".gitignore": "*.log\n", "a.log": "l\n"})
    run(root, "add", "-A")
    run(root, "commit", "-qm", "first")
    write_files(root, {".gitattributes": "*.py diff=lure filter=lure merge=lure\n", "a b.py": "one\nsix\n"})
    (root / "gone.py").unlink()
    (root / "moved.py").rename(root / "moved to.py")
    run(root, "add", "-A")
    run(root, "commit", "-qm", "second")
    sign(root)
    write_files(root, {"a b.py": "zero\none\nsix\n", ".gitignore": "*.log\n# edited\n"})
    trap(root, tmp_path)
    return root


def sign(root: Path) -> None:
    """Give the commit a signature, for which showing it asks gpg."""
    tree, parent = run(root, "rev-parse", "HEAD^{tree}"), run(root, "rev-parse", "HEAD^")
    who = "T <t@example.org> 1700000000 +0000"
    signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n wsB=\n -----END PGP SIGNATURE-----"
    raw = f"tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n{signature}\n\nsecond\n"
    hashing = ["git", "hash-object", "-t", "commit", "-w", "--stdin"]
    made = subprocess.run(hashing, cwd=root, input=raw, check=True, capture_output=True, text=True)
    run(root, "update-ref", "HEAD", made.stdout.strip())


def trap(root: Path, outside: Path) -> None:
    """Name a command for everything that git can start one for."""
    (outside / "lures").mkdir()
    for key in COMMANDS:
        lure = outside / "lures" / key
        lure.write_text(f"#!/bin/sh\ntouch '{outside}/executed-{key}'\nexit 1\n")
        lure.chmod(0o755)
        run(root, "config", key, str(lure))
    for key, value in SETTINGS.items():
        run(root, "config", key, value)
    folder = root / ".git" / "lure-hooks"
    folder.mkdir()
    for name in HOOKS:
        (folder / name).write_text(f"#!/bin/sh\ntouch '{outside}/executed-hook-{name}'\n")
        (folder / name).chmod(0o755)
    run(root, "config", "core.hooksPath", str(folder))


def executed(outside: Path) -> list[str]:
    return sorted(path.name for path in outside.glob("executed*"))


def ask_everything(root: Path) -> None:
    """All that is ever asked of git."""
    head = git.commit_of(root) or ""
    git.version()
    git_edits.revision(root)
    git.list_ignored(root)
    git.is_ancestor(root, head, head)
    git.blob(root, head, "a b.py")
    git.changed_paths(root, head)
    git.added_lines(root, head, 100)
    git_edits.recent_lines(root, 5)
    list(git.changes(root, 100))
    list(walk(root))
    explain(root, "a b.py")
    explain(root, "a.log")
    identify(root)
    hooks_folder(root)


def test_no_command_of_the_configuration_runs(lured: Path, tmp_path: Path) -> None:
    ask_everything(lured)
    assert executed(tmp_path) == []


def test_the_trap_is_real(lured: Path, tmp_path: Path) -> None:
    """Git itself falls into what is asked otherwise here."""
    for arguments in (["log", "-1"], ["diff"], ["status"], ["describe", "--always", "--dirty"], ["fetch", "."]):
        subprocess.run(["git", *arguments], cwd=lured, capture_output=True, check=False)
    names = {name.removeprefix("executed-") for name in executed(tmp_path)}
    assert names >= {"gpg.program", "filter.lure.process", "core.fsmonitor"}


def test_settings_change_no_answer(lured: Path) -> None:
    head = git.commit_of(lured) or ""
    assert git_edits.revision(lured) == f"{head}-dirty"
    assert git.changed_paths(lured, head) == {
        ".gitattributes": ".gitattributes",
        "a b.py": "a b.py",
        "gone.py": None,
        "moved.py": "moved to.py",
    }
    assert git.added_lines(lured, head, 9) == [
        (".gitattributes", "*.py diff=lure filter=lure merge=lure"),
        ("a b.py", "six"),
    ]
    parent = git.parents(lured, head)[0]
    assert sorted(git.added_lines(lured, parent, 99)) == sorted(
        [*((name, text.strip()) for name, text in NAMES.items()), ("gone.py", "x"), (".gitignore", "*.log")]
        + [("moved.py", "m")] * 9
    )
    assert [sorted(paths) for paths in git.changes(lured, 9)] == [
        [".gitattributes", "a b.py", "gone.py", "moved to.py", "moved.py"],
        sorted([*NAMES, "gone.py", "moved.py", ".gitignore"]),
    ]
    assert set(git.list_files(lured) or ()) == {*NAMES, ".gitignore", ".gitattributes", "moved to.py"}


def test_a_filter_alone_could_say_whether_its_files_changed(lured: Path) -> None:
    """So a file with a filter counts neither as edited nor as clean by what git's index holds of it."""
    assert "a b.py" not in git_edits.edited(lured)
    (lured / ".gitattributes").write_text("")
    assert git_edits.edited(lured) == [".gitattributes", ".gitignore", "a b.py"]
    assert git_edits.recent_lines(lured, 1)["a b.py"] == {1, 3}


VARIABLES = {
    "GIT_DIR": "/nowhere/.git",
    "GIT_WORK_TREE": "/",
    "GIT_INDEX_FILE": "/nowhere/index",
    "GIT_OBJECT_DIRECTORY": "/nowhere",
    "GIT_COMMON_DIR": "/nowhere",
    "GIT_NAMESPACE": "x",
    "GIT_EXTERNAL_DIFF": "touch executed-external",
    "GIT_SSH_COMMAND": "touch executed-ssh",
    "GIT_PAGER": "touch executed-pager",
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "core.fsmonitor",
    "GIT_CONFIG_VALUE_0": "touch executed-fsmonitor",
    "GIT_CONFIG_PARAMETERS": "'core.excludesFile'='/dev/full'",
    "GIT_LITERAL_PATHSPECS": "0",
    "GIT_ICASE_PATHSPECS": "1",
    "GIT_GLOB_PATHSPECS": "1",
    "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1",
    "GIT_EXEC_PATH": ".",
    "GIT_TRACE": "1",
    "GIT_CEILING_DIRECTORIES": "/",
    "GIT_DEFAULT_HASH": "sha256",
    "GIT_ATTR_SOURCE": "nothing",
    "GIT_PREFIX": "a/",
    "GIT_QUARANTINE_PATH": "/nowhere",
}


def test_variables_that_speak_of_another_command_change_nothing(
    lured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answers() -> list[object]:
        head = git.commit_of(lured) or ""
        return [
            head,
            git_edits.revision(lured),
            git.list_files(lured),
            git.list_ignored(lured),
            git.added_lines(lured, head, 9),
        ]

    before = answers()
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    assert answers() == before
    assert executed(tmp_path) == executed(lured) == []


def test_git_is_found_on_absolute_paths_outside_the_work_tree(
    lured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (lured, lured / "bin"):
        folder.mkdir(exist_ok=True)
        (folder / "git").write_text(f"#!/bin/sh\ntouch '{tmp_path}/executed-git'\n")
        (folder / "git").chmod(0o755)
    (tmp_path / "link").symlink_to(lured / "bin")
    monkeypatch.chdir(lured)
    lures = ("", ".", "bin", str(lured), str(lured / "bin"), str(tmp_path / "link"))
    monkeypatch.setenv("PATH", os.pathsep.join([*lures, os.environ["PATH"]]))
    assert git.commit_of(lured) is not None
    assert git.version() is not None
    monkeypatch.setenv("PATH", os.pathsep.join(lures))
    assert not git.is_installed(lured)
    assert git.commit_of(lured) is None
    assert executed(tmp_path) == []


def include_fifo(root: Path) -> None:
    os.mkfifo(root / "pipe")
    run(root, "config", "include.path", str(root / "pipe"))


def fifo_for_ignore_file(root: Path) -> None:
    (root / "sub").mkdir()
    os.mkfifo(root / "sub" / ".gitignore")


def excludes_fifo(root: Path) -> None:
    os.mkfifo(root / "pipe")
    run(root, "config", "core.excludesFile", str(root / "pipe"))


def fifo_for_head(root: Path) -> None:
    (root / ".git" / "HEAD").unlink()
    os.mkfifo(root / ".git" / "HEAD")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs")
@pytest.mark.parametrize("set_up", [include_fifo, fifo_for_ignore_file, excludes_fifo, fifo_for_head])
def test_git_that_waits_for_ever_is_ended_and_not_asked_again(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, set_up: Callable[[Path], None]
) -> None:
    root = repository({"a.py": "x\n"})
    set_up(root)
    for module in (git, git_process):
        monkeypatch.setattr(module, "LONG_S", 0.3)
    with pytest.raises(GitError, match="no answer in|did not answer"):
        git.list_files(root)
    monkeypatch.setattr(subprocess, "Popen", None)
    with pytest.raises(GitError, match="did not answer a moment ago"):
        git.list_files(root)


def test_output_is_bounded(lured: Path) -> None:
    answer = git_process.ask(lured, "ls-files", top=lured, most_bytes=10)
    assert (answer.exit_code, answer.output) == (None, b"")


def other_work_tree(root: Path, outside: Path) -> None:
    run(root, "config", "core.worktree", str(outside))


def bare_by_configuration(root: Path, outside: Path) -> None:
    run(root, "config", "core.bare", "true")


def worktree_configuration(root: Path, outside: Path) -> None:
    run(root, "config", "core.repositoryFormatVersion", "1")
    run(root, "config", "extensions.worktreeConfig", "true")
    (root / ".git" / "config.worktree").write_text(f'[core]\n\tfsmonitor = "touch {outside}/executed-fsmonitor"\n')


def included(root: Path, outside: Path) -> None:
    (outside / "more").write_text(f'[core]\n\tfsmonitor = "touch {outside}/executed-fsmonitor"\n')
    run(root, "config", "include.path", str(outside / "more"))
    run(root, "config", "includeIf.gitdir:**.path", str(outside / "more"))


def attributes_in_info(root: Path, outside: Path) -> None:
    (root / ".git" / "info" / "attributes").write_text("* filter=lure diff=lure\n")
    run(root, "config", "filter.lure.clean", f"touch {outside}/executed-clean")
    run(root, "config", "diff.lure.textconv", f"touch {outside}/executed-textconv")


def promised_objects(root: Path, outside: Path) -> None:
    """A partial clone whose missing objects are fetched by a command."""
    run(root, "config", "core.repositoryFormatVersion", "1")
    run(root, "config", "extensions.partialClone", "origin")
    run(root, "config", "remote.origin.url", f"ext::sh -c touch% {outside}/executed-ext")
    run(root, "config", "remote.origin.promisor", "true")
    run(root, "config", "protocol.ext.allow", "always")
    blob = run(root, "rev-parse", "HEAD:a.py")
    (root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()


def uploadpack_of_a_local_promisor(root: Path, outside: Path) -> None:
    promised_objects(root, outside)
    run(root, "config", "remote.origin.url", str(root))
    run(root, "config", "remote.origin.uploadpack", f"touch {outside}/executed-uploadpack;")
    run(root, "config", "protocol.file.allow", "always")


def replaced_commit(root: Path, outside: Path) -> None:
    head = run(root, "rev-parse", "HEAD")
    write_files(root, {"a.py": "replaced\n"})
    other = run(root, "commit-tree", "-m", "x", run(root, "rev-parse", "HEAD^{tree}"))
    run(root, "replace", head, other)
    run(root, "checkout", "-q", "--", "a.py")


@pytest.mark.parametrize(
    "set_up",
    [
        other_work_tree,
        bare_by_configuration,
        worktree_configuration,
        included,
        attributes_in_info,
        promised_objects,
        uploadpack_of_a_local_promisor,
        replaced_commit,
    ],
)
def test_odd_repositories_answer_as_plain_ones(
    repository: Repository, tmp_path: Path, set_up: Callable[[Path, Path], None]
) -> None:
    outside = tmp_path / "outside"
    write_files(outside, {"foreign.py": "x\n"})
    root = repository({"a.py": "x\n", "b.py": "y\n"})
    run(root, "add", "-A")
    run(root, "commit", "-qm", "one")
    head = git.commit_of(root)
    set_up(root, outside)
    ask_everything(root)
    assert git.commit_of(root) == head
    assert {found.path for found in walk(root)} == {"a.py", "b.py"}
    assert executed(outside) == []


def test_a_repository_within_another_is_not_taken_for_it(repository: Repository) -> None:
    """A plain clone can hold what looks like a bare repository, with a configuration of its own."""
    root = repository({"a.py": "x\n"})
    inner = root / "sub"
    run(root, "init", "-q", "--bare", "sub")
    run(inner, "config", "core.fsmonitor", f"touch {root.parent}/executed-bare")
    write_files(inner, {"b.py": "x\n"})
    for _ in range(2):
        with pytest.raises(GitError):
            git.list_files(inner)
        (inner / ".git").mkdir(exist_ok=True)
    assert executed(root.parent) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives a folder away")
def test_a_repository_of_another_user_is_refused_with_the_command_that_allows_it(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    root = repository({"a.py": "x\n", "private/b.py": "x\n"})
    (root / ".git" / "info" / "exclude").write_text("private/\n")
    os.chown(root, 12345, 12345)
    os.chown(root / ".git", 12345, 12345)
    assert app.run(["index", str(root)]) == 2
    assert "safe.directory" in capsys.readouterr().err


def test_a_damaged_index_is_refused(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    root = repository({"a.py": "x\n"})
    run(root, "add", "-A")
    (root / ".git" / "index").write_bytes(b"DIRC\0\0")
    with pytest.raises(GitError, match="index"):
        list(walk(root))
    monkeypatch.chdir(root)
    assert app.run(["doctor"]) == 2


def test_an_old_git_will_do(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Options that came after 2.25 are refused."""
    root = repository({"a.py": "x\n", "b.log": "x\n", ".gitignore": "*.log\n"})
    run(root, "add", "-A")
    run(root, "commit", "-qm", "one")
    newer = "--deduplicate|--end-of-options|--show-scope|--attr-source*|--path-format*|--format=*"
    wrapper = tmp_path / "old" / "git"
    wrapper.parent.mkdir()
    real = git_process.find(root)
    wrapper.write_text(f'#!/bin/sh\nfor a; do case "$a" in {newer}) exit 129;; esac; done\nexec {real} "$@"\n')
    wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}")
    assert git_process.find(root) == str(wrapper)
    assert {found.path for found in walk(root)} == {"a.py", ".gitignore"}
    assert git_edits.revision(root) == git.commit_of(root)
    assert hooks_folder(root) == root / ".git" / "hooks"
