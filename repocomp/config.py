"""Settings and where each came from: flags, then REPOCOMP_* variables, then the user's file, then defaults.

A repository's own `.repocomp.toml` stands between environment and user file, and may set budgets alone: nothing in a
repository is trusted with a model, an endpoint or a path. Which hosts may be sent code, the user's file alone says.
"""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from repocomp import directories
from repocomp.errors import ConfigError, did_you_mean
from repocomp.request import DaemonMode, FillMode, RetrieveMode, SelectRule
from repocomp.tree import read, read_alone

RecordMode = Literal["text", "no-text", "off"]
"""What is kept of a completion for feedback: its text, digests alone, or nothing."""

LearnMode = Literal["auto", "never"]
"""Whether hooks and the daemon may learn in the background."""

REPOSITORY_FILE = ".repocomp.toml"
REPOSITORY_KEYS = frozenset({"mode", "max_new_tokens"})
FILE_KEYS = frozenset({"hosts", "api_key_variable"})
"""What the user's file alone may set: neither a script nor an editor that starts us sends code to another machine."""
_PREFIX = "REPOCOMP_"
_CHOICES = {
    "retrieve": get_args(RetrieveMode),
    "select": get_args(SelectRule),
    "mode": get_args(FillMode),
    "record": get_args(RecordMode),
    "daemon": get_args(DaemonMode),
    "learn": get_args(LearnMode),
}
_NUMBERS: Mapping[str, tuple[type[int] | type[float], int, int]] = {
    "threshold": (float, 0, 1),
    "min_confidence": (float, 0, 1),
    "candidates": (int, 1, 20),
    "max_new_tokens": (int, 1, 100_000),
    "deadline_ms": (float, 0, 86_400_000),
    "retention_days": (int, 0, 36_500),
}
"""Of each: its type, the smallest and the largest value."""
_MOST_BYTES = 1 << 16
_SHOWN_CHARS = 60


@dataclass(frozen=True, slots=True)
class Settings:
    """What a completion is asked with. `threshold` None means the pack's own, `arms` None all of them.

    An answer less sure than `min_confidence` is withheld; None: the pack's own bound, and none where somebody waits for
    this very answer. So many `candidates` are written.

    `record` says what is kept for feedback, `retention_days` for how long (0: without end).
    `learn`: "auto" lets hooks and the daemon replay for five minutes a day, at the lowest priority.
    `daemon`: "auto" asks one that is there, and starts one where requests follow each other, "always" starts one at
    once for the next time, "never" does neither.
    `hosts` are the machines, beside this one, that a generator may send code to, with commas between them; a generator
    in the user's file names its own. `api_key_variable` names the environment variable that holds the key of a server.
    """

    retrieve: RetrieveMode = "auto"
    select: SelectRule = "threshold"
    threshold: float | None = None
    min_confidence: float | None = None
    candidates: int = 1
    mode: FillMode = "auto"
    max_new_tokens: int = 64
    deadline_ms: float | None = None
    policy: str = "default"
    generator: str = "default"
    arms: str | None = None
    record: RecordMode = "text"
    retention_days: int = 365
    daemon: DaemonMode = "auto"
    learn: LearnMode = "auto"
    hosts: str | None = None
    api_key_variable: str | None = None

    @property
    def host_names(self) -> frozenset[str]:
        """The hosts by name, from their comma-separated list."""
        return frozenset(name.strip().lower() for name in (self.hosts or "").split(",") if name.strip())

    @property
    def arm_names(self) -> tuple[str, ...] | None:
        """The arms by name, from their comma-separated list."""
        if self.arms is None:
            return None
        return tuple(name.strip() for name in self.arms.split(",") if name.strip())


def user_file() -> Path:
    """`$XDG_CONFIG_HOME/repocomp/config.toml`."""
    return directories.config() / "config.toml"


def load_settings(
    root: Path | None, flags: Mapping[str, Any], environment: Mapping[str, str] | None = None
) -> Settings:
    """The settings in force for the work tree `root`. Raises ConfigError, naming file and key."""
    return Settings(**{name: value for name, (value, _) in load_with_origin(root, flags, environment).items()})


def load_with_origin(
    root: Path | None, flags: Mapping[str, Any], environment: Mapping[str, str] | None = None
) -> dict[str, tuple[Any, str]]:
    """Every setting with its value and the place it came from. Raises ConfigError.

    `environment` is that of whoever asks; None: this process's own.
    """
    environment = os.environ if environment is None else environment
    values: dict[str, tuple[Any, str]] = {f.name: (f.default, "default") for f in fields(Settings)}
    _read_file(user_file(), lambda: read_alone(user_file(), _MOST_BYTES), values, frozenset(values))
    _name_host(values)
    if root is not None:
        own = root / REPOSITORY_FILE
        _read_file(own, lambda: read(root, REPOSITORY_FILE, _MOST_BYTES), values, REPOSITORY_KEYS)
    for name in values:
        variable = variable_of(name)
        # One that is set and empty is not set, as everywhere.
        if environment.get(variable) and name not in FILE_KEYS:
            values[name] = (checked(name, environment[variable], variable), variable)
    for name, value in flags.items():
        if value is not None and name not in FILE_KEYS:
            values[name] = (checked(name, value, f"--{name.replace('_', '-')}"), "flag")
    return values


def _name_host(values: dict[str, tuple[Any, str]]) -> None:
    """Whoever writes a generator's address into a file of their own has named its host."""
    generator, origin = values["generator"]
    with suppress(ValueError):
        if host := urlsplit(str(generator).partition(":")[2].partition("#")[0]).hostname:
            named, before = values["hosts"]
            values["hosts"] = (host if named is None else f"{named},{host}", origin if named is None else before)


def names() -> list[str]:
    """Every setting."""
    return [f.name for f in fields(Settings)]


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    return _PREFIX + name.upper()


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Variables that look like settings and are none: misspelt, or of another version."""
    known = {variable_of(name) for name in names() if name not in FILE_KEYS}
    return sorted(name for name in environment if name.startswith(_PREFIX) and name not in known)


def check_name(name: str, where: str) -> None:
    """Raise ConfigError for what is no setting."""
    if name not in names():
        message = f"{where}: there is no setting {_shown(name)}.{did_you_mean(name, names())}"
        raise ConfigError(message, f"use one of: {', '.join(sorted(names()))}")


def _read_file(
    path: Path, load: Callable[[], bytes], values: dict[str, tuple[Any, str]], allowed: frozenset[str]
) -> None:
    try:
        # Windows editors put a byte-order mark in front.
        found = tomllib.loads(load().decode("utf-8-sig"))
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", "fix the file, or remove it") from None
    # Besides what is no TOML: numbers of thousands of digits, and brackets within brackets.
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: {error}", "fix the file, or remove it") from None
    for name, value in found.items():
        check_name(name, str(path))
        if name not in allowed:
            raise ConfigError(f"{path}: a repository may not set {name!r}", f"set it in {user_file()}")
        values[name] = (checked(name, value, str(path)), str(path))


def checked(name: str, value: object, where: str) -> Any:  # noqa: ANN401  (of the setting's type)
    """`value` as the type of the setting `name`; text is converted. Raises ConfigError, which begins with `where`."""
    if name in _CHOICES:
        if not isinstance(value, str) or value not in _CHOICES[name]:
            raise ConfigError(f"{where}: {name} cannot be {_shown(value)}", f"use one of: {', '.join(_CHOICES[name])}")
        return value
    if name not in _NUMBERS:
        if not isinstance(value, str):
            raise ConfigError(f"{where}: {name} must be text, not {_shown(value)}", "put it in quotes")
        return value
    return _number(name, value, where)


def _number(name: str, value: object, where: str) -> int | float:
    kind, low, high = _NUMBERS[name]
    number: int | float = math.nan
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        with suppress(ValueError, OverflowError):
            number = kind(value)
    # Neither comparison holds of a number that is none.
    if not low <= number <= high or (isinstance(value, float) and number != value):
        limits = f"a number from {low} to {high}" if kind is float else f"a whole number from {low} to {high}"
        raise ConfigError(
            f"{where}: {name} must be {limits}, not {_shown(value)}", f"as in: repocomp config set {name} 1"
        )
    return number


def _shown(value: object) -> str:
    """A value for a message, cut where it is long; numbers of thousands of digits cannot be written at all."""
    try:
        text = repr(value)
    except ValueError:
        return "one of thousands of digits"
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}..."
