"""Command lines by the thousand, made of the command line's own table and of what people and repositories hold."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator
from typing import Any

import click

from repocomp.cli.app import cli

WORDS = (
    "",
    "-",
    "--",
    "a",
    "last",
    "default",
    "none",
    "src/app.py",
    "né.py",
    "pipe",
    "loop",
    "gone/x",
    ".",
    "..",
    "\x1b[31m",
)
NUMBERS = (
    "0",
    "1",
    "-1",
    "2",
    "64",
    "nan",
    "inf",
    "-inf",
    "1e400",
    "1_0",
    "0x10",
    "١",
    "9" * 19,
    "9" * 5000,
    "1.5",
    "",
)
DEVICES = ("/dev/null", "/dev/full", "/dev/zero", "/dev/tty", "/proc/self/mem", "/proc/self/fd/0", "/dev", "~")
"""None of them comes to harm by being written to, or takes long to index as "/" does."""
ODD = (
    "\udcff\udcfe",
    "\x00",
    "\n",
    "‮",
    "a" * 300,
    "x/" * 2000,
    "%s%n",
    "'; DROP TABLE event; --",
    "{0}",
    "\\",
    "*" * 60,
)
LONG_RUNNING = ("bench", "train", "learn", "serve")
"""Verbs that would work for minutes: only their parsing is fuzzed, so `--help` ends them."""
WAITING = ("--watch", "--detach")


def commands() -> list[tuple[list[str], list[click.Parameter]]]:
    """Every command with its parameters."""
    return list(_below(cli, []))


def _below(command: click.Command, path: list[str]) -> Iterator[tuple[list[str], list[click.Parameter]]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _below(inner, [*path, name])
    else:
        yield path, list(command.params)


class Grammar:
    """Draws command lines, environments, buffers and settings; the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        # What checks the whole installation takes longer than all others together.
        self._commands = [command for command in commands() for _ in range(1 if command[0] == ["doctor"] else 20)]

    def command_line(self) -> list[str]:
        """The words behind `repocomp`."""
        rng = self._rng
        path, parameters = rng.choice(self._commands)
        if rng.random() < 0.25:
            path, parameters = next(each for each in self._commands if each[0] == ["complete"])
        words = list(path)
        for parameter in parameters:
            if isinstance(parameter, click.Argument):
                if rng.random() < 0.9:
                    words.append(self._value(parameter))
            elif rng.random() < 0.25 and not set(parameter.opts) & {*WAITING}:
                words += self._option(parameter)
        if rng.random() < 0.1:
            words.insert(rng.randrange(len(words) + 1), self.text())
        words = [word.replace("\x00", "") for word in words]
        if path[0] in LONG_RUNNING or path == ["hooks", "run"] or {*WAITING} & {*words}:
            return [*(word for word in words if word != "--"), "--help"]
        return words

    def variables(self) -> dict[str, str]:
        """Settings in the environment."""
        names = (
            "RETRIEVE",
            "THRESHOLD",
            "MODE",
            "MAX_NEW_TOKENS",
            "DEADLINE_MS",
            "ARMS",
            "RECORD",
            "RETENTION_DAYS",
            "POLICY",
        )
        drawn = {f"REPOCOMP_{name}": self._plain() for name in names if self._rng.random() < 0.03}
        return {name: value.replace("\x00", "") for name, value in drawn.items()}

    def settings(self) -> bytes:
        """A settings file, of a user or of a repository."""
        lines = (
            b"mode = 'fim'",
            b"max_new_tokens = 3",
            b"threshold = nan",
            b"threshold = inf",
            b"max_new_tokens = " + b"9" * 5000,
        )
        more = (
            b"[" * 3000,
            b"a = {",
            b"mode = 1979-05-27",
            b"model = 'x'",
            b"\xff",
            b"",
            b"threshold = 0.5",
            b"x." * 2000 + b"y = 1",
        )
        return b"\n".join(self._rng.choices((*lines, *more), k=max(0, self._rng.randrange(-8, 3))))

    def patterns(self) -> bytes:
        """An ignore file."""
        pieces = (
            "*",
            "**",
            "a",
            "/",
            "!",
            "[",
            "]",
            "-",
            "\\",
            "?",
            "[[:alpha:]]",
            "\n",
            "[!a]",
            "#",
            " ",
            "é",
            "[z-a]",
            "b",
        )
        return "".join(self._rng.choices(pieces, k=self._rng.randrange(60))).encode()

    def buffer(self) -> bytes:
        """Source, or what claims to be."""
        rng = self._rng
        lines = (
            "def f(a):",
            "    return g(a",
            "class A: pass",
            "x = '",
            "",
            "é𝄞",
            "\t",
            "#",
            "password = 'hunter2'",
            "}" * 50,
        )
        text = "\n".join(rng.choices(lines, k=rng.randrange(12))).encode()
        if rng.random() < 0.2:
            return rng.randbytes(rng.randrange(200))
        return text.replace(b"\n", rng.choice((b"\n", b"\r\n", b"\r", b"\0"))) if rng.random() < 0.1 else text

    def text(self) -> str:
        """Any text that an argument can be."""
        rng = self._rng
        if rng.random() < 0.3:
            return "".join(rng.choices(string.printable, k=rng.randrange(20)))
        return rng.choice((*WORDS, *NUMBERS, *ODD, *DEVICES))

    def _option(self, option: click.Parameter) -> list[str]:
        name = self._rng.choice(option.opts)
        if getattr(option, "is_flag", False):
            return [name] if self._rng.random() < 0.95 else [f"{name}=1"]
        value = self._value(option)
        return [name, value] if self._rng.random() < 0.7 else [f"{name}={value}"]

    def _value(self, parameter: click.Parameter) -> str:
        rng = self._rng
        if rng.random() < 0.1:
            return self.text()
        if parameter.name == "cursor":
            return self._cursor()
        if isinstance(parameter.type, click.Choice):
            return str(rng.choice([*parameter.type.choices]))
        is_number = any(word in parameter.type.name for word in ("integer", "float"))
        return rng.choice(NUMBERS[:5] if rng.random() < 0.7 else NUMBERS) if is_number else self._plain()

    def _cursor(self) -> str:
        rng = self._rng
        file = rng.choice(("src/app.py", "src/app.py", "né.py", "-", "pipe", "loop", "src", "gone.py", *DEVICES))
        if rng.random() < 0.3:
            return f"{file}:#{rng.choice((*NUMBERS, '3', '7'))}"
        return f"{file}:{rng.choice(('1', '2', '3', *NUMBERS))}:{rng.choice(('1', '2', '5', *NUMBERS))}"

    def _plain(self) -> str:
        return self._rng.choice((*WORDS, *NUMBERS, *ODD))


def strict(value: str) -> Any:
    """JSON as the strictest parsers read it. Raises ValueError."""
    import json

    def refuse(word: str) -> None:
        raise ValueError(f"{word} is no JSON")

    if any(
        ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 or 0xD800 <= ord(character) < 0xE000
        for character in value
    ):
        raise ValueError("a control character")
    return json.loads(value, parse_constant=refuse)
