"""Names, messages and code of a repository never steer the terminal of whoever looks at them."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Repository
from tests.serve.daemon import ROOT

pytestmark = pytest.mark.skipif(os.name == "nt", reason="no such terminal")

ESCAPES = {
    "clears the screen": "\x1b[2J",
    "sets the title": "\x1b]0;owned\x07",
    "copies to the clipboard": "\x1b]52;c;cm0gLXJm\x07",
    "asks for an answer": "\x1b[6n",
    "eight-bit": "\x9b2J",
    "goes back": "\b\b\b",
    "overwrites the line": "\rharmless",
    "turns the text": "\u202eyp.ppa",
    "hides the text": "\u2066\u2069\u200b",
}
OBEYED = ("\x1b]", "\x1b[2J", "\x1b[6n", "\x9b", "\b", "\rharmless", "\u202e", "\u2066", "\u200b", "\x07")
VERBS = {
    "complete": ["complete", "{name}:1:1", "--daemon", "never"],
    "complete elsewhere": ["complete", "{name}:99:1", "--json"],
    "check-ignore": ["check-ignore", "{name}"],
    "index": ["index", "{name}"],
    "index the tree": ["index"],
    "explain": ["explain", "{name}"],
    "feedback": ["feedback", "accept", "{name}"],
    "hooks": ["hooks", "status"],
    "model": ["model", "show", "{name}"],
    "config": ["config"],
    "usage": ["{name}"],
    "option": ["complete", "--{name}"],
}
FEW = [("sets the title", "complete"), ("turns the text", "check-ignore"), ("overwrites the line", "usage")]
ALL = [(escape, verb) for escape in ESCAPES for verb in VERBS]


def on_a_terminal(root: Path, arguments: list[str]) -> str:
    """What a terminal is sent, standard output and standard error together."""
    own, other = pty.openpty()
    command = [sys.executable, "-m", "repocomp", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "500"}
    with subprocess.Popen(command, cwd=root, stdin=subprocess.DEVNULL, stdout=other, stderr=other, env=environment):
        os.close(other)
        sent = b""
        try:
            while piece := os.read(own, 1 << 16):
                sent += piece
        except OSError:  # the other end is closed
            pass
        os.close(own)
    return sent.decode(errors="surrogateescape").replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("escape", "verb"),
    [pytest.param(*each, marks=() if each in FEW else pytest.mark.slow) for each in ALL],
    ids=lambda word: word.replace(" ", "-"),
)
def test_what_a_terminal_would_obey_is_written_out(repository: Repository, escape: str, verb: str) -> None:
    name = f"a{ESCAPES[escape]}.py"
    root = repository({"b.py": "x = 1\n", name: f"# {ESCAPES[escape]}\ndef f(a):\n    return\n"})
    hostile = root / ".git" / ESCAPES[escape].replace("/", "")
    hostile.mkdir(exist_ok=True)
    subprocess.run(["git", "-C", str(root), "config", "core.hooksPath", str(hostile)], check=True)
    (root / ".repocompignore").write_text(f"[{ESCAPES[escape]}\n")
    (root / ".repocomp.toml").write_text(f"{json.dumps(ESCAPES[escape])} = 1\n" if verb == "config" else "")
    sent = on_a_terminal(root, [word.format(name=name) for word in VERBS[verb]])
    assert sent
    assert "Traceback" not in sent
    assert [word for word in OBEYED if word in sent] == []
