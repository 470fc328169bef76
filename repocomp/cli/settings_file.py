"""One setting in the user's file, written without touching the rest of it."""

from __future__ import annotations

import json
import re
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path

from repocomp.config import user_file
from repocomp.errors import ConfigError
from repocomp.tree import real


def set_user_settings(values: Mapping[str, str]) -> Path:
    """Set texts by name in the user's settings; comments and other settings stay. Returns the file.

    Raises ConfigError where the file cannot be read or written.
    """
    # A file that is a link, as into a folder of dotfiles, stays one.
    path = real(user_file())
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        tomllib.loads(text)
        for name, value in values.items():
            text = _with(text, f"{name} = {json.dumps(value)}", name)
        tomllib.loads(text)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:
            file.write(text)
        Path(file.name).replace(path)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}", "fix the file, or remove it") from None
    return path


def _with(text: str, line: str, name: str) -> str:
    """Replace the line of a setting, or put it before the first table, which would otherwise swallow it."""
    replaced, count = re.subn(rf"(?m)^[ \t]*{re.escape(name)}[ \t]*=.*$", lambda _: line, text, count=1)
    return replaced if count else f"{line}\n{text}"
