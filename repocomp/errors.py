"""What can go wrong, said once: every error carries its message, the command that fixes it and its exit code."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """What the shell sees. Part of the public interface: values never change."""

    OK = 0
    NOTHING = 1
    ERROR = 2
    BUG = 3
    INTERRUPTED = 130


class RepocompError(Exception):
    """An error the user can fix: one line says what is wrong, one how to fix it.

    `code` is a stable word for scripts (`--json` shows it), `hint` the command or action that helps.
    """

    code = "error"
    exit_code = ExitCode.ERROR

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class CursorError(RepocompError):
    """The cursor cannot be parsed, or does not stand inside its file."""

    code = "cursor"


class DocumentError(RepocompError):
    """The file cannot be completed: missing, unreadable, binary or not UTF-8."""

    code = "document"


class StoreError(RepocompError):
    """The index cannot be read or written: damaged, locked, full disk, foreign schema."""

    code = "index"


class GitError(RepocompError):
    """Git is there and cannot answer: another user's repository, a damaged index, no answer in time."""

    code = "git"


class PackError(RepocompError):
    """A model pack is missing, damaged or of a kind this version cannot run."""

    code = "pack"


class GeneratorError(RepocompError):
    """A server that generates cannot be had, or does not answer as it should; a pack on this machine can stand in."""

    code = "generator"


class ConfigError(RepocompError):
    """A setting has a value that cannot be used."""

    code = "config"


class FeedbackError(RepocompError):
    """Feedback cannot be read or written: an unknown or forgotten completion, a locked database, a full disk."""

    code = "feedback"


class OutputError(RepocompError):
    """A result cannot be written: standard output is closed, or its device is full."""

    code = "output"


class ServeError(RepocompError):
    """The daemon cannot start, or cannot be reached."""

    code = "serve"


class EditorError(RepocompError):
    """An editor's files cannot be found, written or removed."""

    code = "editor"


class BenchError(RepocompError):
    """A benchmark lacks its input, or its input cannot be used."""

    code = "bench"


class TrainError(RepocompError):
    """A training stage lacks its input, or its input cannot be used."""

    code = "train"


class WorkerError(RepocompError):
    """A cluster cannot be had, or a task ends every worker that it is given to."""

    code = "workers"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence that names which `known` word a misspelt one resembles; nothing where it is like none."""
    from difflib import get_close_matches

    (*_, likeliest) = ("", *get_close_matches(word, list(known), 1))
    return f" Did you mean {likeliest!r}?" if likeliest else ""
