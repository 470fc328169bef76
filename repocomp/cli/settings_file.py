"""Single settings in the user's file, set and removed without touching the rest of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

from repocomp.config import user_file
from repocomp.errors import ConfigError
from repocomp.tree import real

_VALUE = r"""(?:"(?:[^"\\\r\n]|\\.)*"|'[^'\r\n]*'|[^"'#\r\n]*?)"""


def set_user_settings(values: Mapping[str, object]) -> Path:
    """Set texts and numbers by name in the user's settings; comments and other settings stay. Returns the file.

    Raises ConfigError where the file cannot be read or written.
    """

    def changed(text: str) -> str:
        for name, value in values.items():
            text = _with(text, name, _spelled(value))
        return text

    return _rewrite(changed)[0]


def unset_user_setting(name: str) -> tuple[Path, bool]:
    """Remove a line from the user's settings. Returns the file, and whether the line was there. Raises ConfigError."""
    return _rewrite(lambda text: re.sub(_line(name) + r"(?:\r?\n|\Z)", "", text, count=1))


def _rewrite(change: Callable[[str], str]) -> tuple[Path, bool]:
    # A file that is a link, as into a folder of dotfiles, stays one.
    path = real(user_file())
    try:
        before = path.read_bytes().decode("utf-8-sig") if path.exists() else ""
        tomllib.loads(before)
        after = change(before)
        tomllib.loads(after)
        if after != before:
            _replace(path, after)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}", "repocomp doctor") from None
    except ValueError as error:
        raise ConfigError(f"{path}: {error}", f"fix the file, or remove it: {path}") from None
    return path, after != before


def _replace(path: Path, text: str) -> None:
    """Write by rename: whoever reads meanwhile finds the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, fresh = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(text.encode())
        if path.exists():
            shutil.copymode(path, fresh)
        os.replace(fresh, path)
    except BaseException:
        os.unlink(fresh)
        raise


def _line(name: str) -> str:
    """A pattern for the line of a setting; its groups are what stands before the value and behind it."""
    return rf"""(?m)^([ \t]*["']?{re.escape(name)}["']?[ \t]*=[ \t]*){_VALUE}([ \t]*(?:#[^\r\n]*)?)(?=\r?$)"""


def _with(text: str, name: str, value: str) -> str:
    """Replace the value of a setting, or put it before the first table, which would otherwise swallow it."""
    replaced, count = re.subn(_line(name), lambda match: f"{match[1]}{value}{match[2]}", text, count=1)
    return replaced if count else f"{name} = {value}\n{text}"


def _spelled(value: object) -> str:
    """A text or a number in TOML, which knows the escapes of JSON but no surrogate pairs."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
