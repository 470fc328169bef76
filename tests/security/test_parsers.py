"""Readers of what others wrote, fed with variations of it: nothing but the errors that they document.

`FUZZ_INPUTS` says how many for each reader, `FUZZ_SEED` which.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from repocomp.model.library import load_pack
from repocomp.model.pack import MANIFEST
from tests.security.targets import COMMIT, TARGETS

INPUTS, SEED = int(os.environ.get("FUZZ_INPUTS", "10000")), int(os.environ.get("FUZZ_SEED", "0"))

EXAMPLES: dict[str, tuple[bytes, ...]] = {
    "command line": (b"a.py:1:2\n--json\n--threshold\n0.5", b"-:3:4\n--stdin-filename=x\n--no-record", b"a:b:#7"),
    "message": (b'{"op": "complete", "line": 1, "data": "x\\udcff", "flags": {}}', b'{"text": [1, 2.5, null]}'),
    "document": ("\x03def f():\r\n  return '𝄞é'\n".encode(), b"\x00", b"\x07abc\xff", b"\x05\n\n\n"),
    "settings": (b"mode = 'fim'\nthreshold = 0.5\n", b"max_new_tokens = 9\n", b"nan", b"[a]\nb = [{c = 1}]\n"),
    "patterns": (b"*.log\n!a/**/b\n[a-z]?/\n\\#x \\ \n[[:alpha:]]*\n", b"**/x/*/y**z\n", b"[!]a]\n"),
    "secrets": (
        b"password = 'hunter2'\nAKIAABCDEFGHIJKLMNOP\nhttps://u:p@host\n",
        b"-----BEGIN KEY-----\nab\n",
        b"export A=b\n",
    ),
    "answers of git": (
        f"{COMMIT}\0a.py\0b.py\0".encode(),
        b"R100\0a.py\0b.py\0M\0c\0D\0d\0T\0e\0",
        b"H 100644 0123456789abcdef0123456789abcdef01234567 0\ta.py\0S 120000 00 0\tb\0",
        b"diff --git a/x b/x\n@@ -1,2 +3,4 @@\n-old\n+new\n\\ No newline\n",
        b"3\t1\ta.py\n-\t-\tb.bin\n",
        b".gitignore\x001\0*.py\0a.py\0",
    ),
    "sources": (
        b'{"cells": [{"cell_type": "code", "source": ["x = 1\\n"]}], "metadata": {"language_info": {"name": "r"}}}',
        b"def f(a):\n    '''doc'''\n    return g(a)\n",
        b"# Title\n```python\nx = 1\n```\n",
        b"f() {\n  cat <<E | a | b\nx\nE\n}\n",
    ),
    "hook": (b"#!/bin/sh\n# >>> repocomp >>> x\ny\n# <<< repocomp <<<\nz\n",),
}
PIECES = (
    b"\0",
    b"\n",
    b"\xff",
    b"[",
    b"{",
    b"(",
    b"*",
    b"\\",
    b'"',
    b"'",
    b"nan",
    b"9" * 5000,
    b"-1",
    b"@@",
    b"\t",
    b":#",
    b"!",
)


def examples(name: str) -> tuple[bytes, ...]:
    if name == "manifest":
        return ((Path(load_pack("default").folder) / MANIFEST).read_bytes(),)
    return EXAMPLES[name]


def varied(rng: random.Random, known: tuple[bytes, ...]) -> bytes:
    """One of the examples with pieces of it cut out, repeated, moved, replaced."""
    data = rng.choice(known)
    for _ in range(rng.randrange(1, 6)):
        start, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
        end = min(end, start + rng.choice((1, 1, 4, 40)))
        how = rng.randrange(5)
        if how == 0:
            data = data[:start] + data[end:]
        elif how == 1:
            data = data[:start] + data[start:end] * rng.randrange(2, 50) + data[end:]
        elif how == 2:
            data = data[:start] + rng.choice(PIECES) + data[start:]
        elif how == 3:
            data = data[:start] + rng.randbytes(end - start) + data[end:]
        else:
            data = data[:start] + rng.choice(known)[start:end] + data[end:]
    return data[:20_000]


def feed(name: str, inputs: int, seed: int) -> list[tuple[bytes, str]]:
    """Feed a reader so many inputs; those that it fell over, each with what it raised."""
    rng, known, fallen = random.Random(f"{name} {seed}"), examples(name), []
    for _ in range(inputs):
        data = varied(rng, known)
        try:
            TARGETS[name](data)
        except Exception as error:  # which is what is looked for
            fallen.append((data[:300], f"{type(error).__name__}: {error}"[:300]))
    return fallen[:5]


@pytest.mark.parametrize("name", TARGETS)
def test_some_variations(name: str) -> None:
    assert feed(name, 30, 1) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_many_variations(name: str) -> None:
    assert feed(name, INPUTS, SEED) == []
