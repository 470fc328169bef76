"""`repocomp doctor`: check the installation, and say how to fix it."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import click

from repocomp import __version__, directories, git
from repocomp.cli import output
from repocomp.errors import ExitCode, RepocompError
from repocomp.store.connect import sqlite_version
from repocomp.store.paths import index_path

EPILOG = """\b
Examples:
  repocomp doctor
  repocomp doctor --json
"""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: what was found, and for a fault the command that fixes it."""

    name: str
    ok: bool
    found: str
    hint: str | None = None


@click.command(epilog=EPILOG)
@output.json_option
def command(as_json: bool) -> int:
    """Check Python, SQLite, the folders of this user, ONNX Runtime, git, the default pack and this work tree's index.

    Exits with 2 when something needs fixing.
    """
    checks = list(_checks())
    code = ExitCode.OK if all(check.ok for check in checks) else ExitCode.ERROR
    if as_json:
        return output.document("doctor", [asdict(check) for check in checks], code)
    for check in checks:
        output.line(f"{'ok   ' if check.ok else 'FAULT'} {check.name:<14}{check.found}")
        if check.hint:
            output.line(f"      {'':<14}{check.hint}")
    return code


def _checks() -> Iterator[Check]:
    yield Check("repocomp", True, f"{__version__}, Python {platform.python_version()}, {platform.platform()}")
    version, is_recent = sqlite_version()
    yield Check("sqlite", is_recent, version)
    yield _folders()
    yield _runtime()
    yield _git()
    yield _pack()
    yield _index()
    yield _old_indexes()


def _folders() -> Check:
    """Whether indexes, feedback, settings and logs can be written where they belong."""
    wanted = {directories.cache(), directories.data(), directories.config(), directories.state()}
    for folder in sorted(wanted):
        nearest = next(above for above in (folder, *folder.parents) if os.path.lexists(above))
        if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
            reason = "cannot be written" if nearest.is_dir() else "is not a folder"
            hint = "give it to your user, or set HOME or the XDG_*_HOME variables to folders of your own"
            return Check("folders", False, f"{nearest} {reason}, and {folder} belongs there", hint)
    return Check("folders", True, f"indexes in {directories.cache()}, feedback in {directories.data()}")


def _git() -> Check:
    root = git.work_tree(Path.cwd())
    version = git.version() or "not found: .gitignore files alone decide what is indexed"
    try:
        if root is not None:
            git.list_files(root, (".gitignore",))
    except RepocompError as error:
        return Check("git", False, error.message, error.hint)
    return Check("git", True, version)


def _runtime() -> Check:
    installed = {dist.metadata["Name"].lower(): dist.version for dist in metadata.distributions()}
    wheels = [f"{name} {installed[name]}" for name in ("onnxruntime-gpu", "onnxruntime") if name in installed]
    if len(wheels) > 1:
        fix = "pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime-gpu"
        return Check("onnxruntime", False, f"{' and '.join(wheels)} shadow each other: CUDA is lost", fix)
    if not wheels:
        return Check("onnxruntime", False, "not installed", "pip install repocomp")
    return Check("onnxruntime", True, wheels[0])


def _pack() -> Check:
    from repocomp.generate.local.generator import load

    try:
        loaded = load("default")
    except RepocompError as error:
        return Check("pack", False, error.message, error.hint)
    return Check("pack", True, f"{loaded.pack.name} {loaded.pack.version} runs on the {loaded.model.device}")


def _index() -> Check:
    from repocomp.store.index.reader import IndexReader

    root = git.work_tree(Path.cwd()) or Path.cwd()
    if not index_path(root).exists():
        return Check("index", True, f"none yet for {root}", "repocomp index")
    try:
        with IndexReader.open_at(index_path(root)) as reader:
            stats = reader.stats()
    except RepocompError as error:
        return Check("index", False, error.message, error.hint)
    return Check("index", True, f"{stats['files']:,} files, {stats['lines']:,} lines, {stats['bytes'] / 1e6:.1f} MB")


def _old_indexes() -> Check:
    from repocomp.index.prune import abandoned

    found = list(abandoned())
    if not found:
        return Check("old indexes", True, "none: every indexed work tree is there")
    size = sum(index.bytes for index in found)
    summary = f"{len(found):,} of work trees that are gone, {size / 1e6:.1f} MB"
    return Check("old indexes", True, summary, "repocomp index --prune")
