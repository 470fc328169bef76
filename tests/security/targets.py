"""What reads bytes that others wrote: a function each, which raises nothing but the errors that it documents.

`python -m tests.security.targets -runs=100000` fuzzes them guided by coverage, where `atheris` is installed;
`test_parsers.py` feeds them variations of what they should read.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

from repocomp import git, git_edits
from repocomp.cli import quick
from repocomp.cli.cursor import Cursor
from repocomp.config import load_settings
from repocomp.document import Document, PositionEncoding
from repocomp.errors import CursorError, PackError, RepocompError
from repocomp.feedback.hooks import _without_block
from repocomp.feedback.reports import parse_rewrites
from repocomp.git_process import Answer
from repocomp.index.ignore import Patterns
from repocomp.index.read import read
from repocomp.languages import notebook
from repocomp.model.manifest import parse_manifest
from repocomp.secrets.redaction import redact
from repocomp.serve import protocol

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ROOT = Path("/nowhere")
FORMS = (
    ("-s", f"H 100644 {COMMIT} 0\t".encode(), b"\0"),
    ("--numstat", b"3\t1\t", b"\n"),
    ("--name-status", b"M\0", b"\0"),
    ("-p", b"diff --git a/x b/x\n@@ -0,0 +1 @@\n+", b"\n"),
)
"""An option, what git puts before each name or line that it then prints, and what it puts behind."""


def command_line(data: bytes) -> None:
    """The fast path's reading of a command line, which must mean what the slow one means."""
    words = data.decode(errors="surrogateescape").split("\n")
    values = quick.parse(words)
    if values is None:
        return
    place = quick.place_of(values["cursor"])
    with suppress(CursorError):
        cursor = Cursor.parse(values["cursor"])
        assert place is None or (place["file"], place["offset"]) == (cursor.file, cursor.offset)


def message(data: bytes) -> None:
    """A line of the daemon's protocol."""
    with suppress(ValueError):
        assert protocol.decode(protocol.encode(protocol.decode(data))) is not None


def document(data: bytes) -> None:
    """A buffer, and a cursor anywhere in it or beside it."""
    with suppress(RepocompError):
        found = Document.from_bytes("a.py", data)
        offset = data[0] if data else 0
        for encoding in PositionEncoding:
            with suppress(CursorError):
                position = found.at_offset(offset)
                assert found.at(position.line, found.column(position, encoding), encoding) == position
            with suppress(CursorError):
                found.at(offset, len(data) % 11, encoding)


def settings(data: bytes) -> None:
    """A settings file, of a repository and of a user; and the same bytes in the environment."""
    text = data.decode(errors="surrogateescape")
    with patch("repocomp.config.read", lambda *_: data), patch("repocomp.config.read_alone", lambda *_: data):
        with suppress(RepocompError):
            load_settings(ROOT, {}, {})
    missing = patch("repocomp.config.read_alone", side_effect=FileNotFoundError)
    with missing, suppress(RepocompError):
        load_settings(None, {"threshold": text}, {"REPOCOMP_MAX_NEW_TOKENS": text, "REPOCOMP_MODE": text})


def patterns(data: bytes) -> None:
    """An ignore file, and the paths that it is asked about."""
    found = Patterns.of(data, ".gitignore")
    for path in (b"a", b"a/b/c.py", b"src/\xff", data[:200].strip(b"/") or b"x"):
        verdict = found.verdict(path)
        assert verdict is None or found.concern(path)


def secrets(data: bytes) -> None:
    """Text that may hold secrets."""
    text = data.decode(errors="replace")
    for path in ("a.py", "a.yaml", ".env"):
        assert redact(text, path).count("\n") == text.count("\n")


def answers_of_git(data: bytes) -> None:
    """What git prints of a hostile repository: names, patterns and lines are anybody's, all around them is git's."""

    def ask(_: Path, *arguments: str, **options: object) -> Answer:
        given = set(arguments)
        if given & {"rev-list", "rev-parse"}:
            return Answer(0, f"{COMMIT} {COMMIT}\n".encode(), "")
        for option, head, end in FORMS:
            if option in given:
                return Answer(0, b"".join(head + each + end for each in data.split(end)), "")
        return Answer(0, data, "")

    with patch("repocomp.git.work_tree", lambda _: ROOT), patch("repocomp.git_process.ask", ask):
        git.list_files(ROOT)
        git.list_ignored(ROOT)
        git.explain_ignored(ROOT, "a.py")
        git.changed_paths(ROOT, COMMIT)
        git.added_lines(ROOT, COMMIT, 99)
        git_edits.recent_lines(ROOT, 9)
        list(git.changes(ROOT, 9))
    parse_rewrites(data.decode(errors="replace"))


def manifest(data: bytes) -> None:
    """The manifest of a pack: taken whole or refused."""
    with suppress(PackError):
        parse_manifest(data.decode(errors="surrogateescape"), ROOT)


def sources(data: bytes) -> None:
    """A file that is indexed, in the languages with readers of their own."""
    for path in ("a.py", "a.ipynb", "a.md", "a.sh"):
        assert read(path, data).pieces is not None
    notebook.cells(data.decode(errors="replace"))


def hook(data: bytes) -> None:
    """A hook that others wrote."""
    _without_block(data)


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "command line": command_line,
    "message": message,
    "document": document,
    "settings": settings,
    "patterns": patterns,
    "secrets": secrets,
    "answers of git": answers_of_git,
    "manifest": manifest,
    "sources": sources,
    "hook": hook,
}


def one(data: bytes) -> None:
    """The first byte says which."""
    if data:
        list(TARGETS.values())[data[0] % len(TARGETS)](data[1:])


if __name__ == "__main__":
    # By its name: it is no part of any set-up.
    atheris = import_module("atheris")

    atheris.instrument_all()
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
