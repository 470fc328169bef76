"""Small repositories to train on, with git, a licence and code enough for rows and holes."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.conftest import write_files

MIT = "MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a copy of this software.\n"
GPL = "GNU GENERAL PUBLIC LICENSE\nVersion 3\n"

RECIPE = """
name = "toy"
seed = 0
[shape]
vocab_size = 320
d_model = 32
n_layers = 2
n_heads = 2
n_kv_heads = 1
d_ff = 64
max_context = 512
[budgets]
left = 100
right = 40
cross_file = 60
middle = 24
[mixture]
[[phase]]
tokens = 160
rows = 60
batch = 4
start = 0.0
[[phase]]
tokens = 224
rows = 20
batch = 2
start = 0.5
[schedule]
warmup_steps = 2
batch_tokens = [640]
[labelling]
holes = 8
validation_holes = 100
mix_holes = 8
epochs = 1
[corpus]
bytes_each = 200000
validation = ["acme/validation"]
held_out = ["acme/held"]
excluded = ["acme/excluded"]
"""


def code(word: str, number: int) -> str:
    """A module of its own, that uses the module before it."""
    body = "".join(
        f"def {word}_{number}_{k}(alpha, beta):\n"
        f"    {word}_total_{k} = alpha * {number} + beta\n"
        f"    for item_{k} in range({word}_total_{k}):\n"
        f"        alpha += item_{k}\n"
        f"    return alpha - {k}\n\n\n"
        for k in range(6)
    )
    use = f"def use_{word}_{number}(value):\n    return {word}_{number - 1}_0(value, {number})\n"
    return f"from {word}.module_{number - 1} import {word}_{number - 1}_0\n\n\n{body}{use}"


def make_repository(folder: Path, name: str, files: dict[str, str], licence: str = MIT) -> None:
    """Commit `files` and a licence to the repository `folder/OWNER+NAME`."""
    root = folder / name.replace("/", "+")
    write_files(root, {"LICENSE": licence, **files})
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
        subprocess.run(["git", "-C", str(root), *arguments], check=True)


def modules(word: str, count: int = 7) -> dict[str, str]:
    """Files of one package."""
    return {f"{word}/module_{n}.py": code(word, n) for n in range(count)}
