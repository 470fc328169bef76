"""A real daemon in a process of its own, and clients of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

ROOT = Path(__file__).parents[2]


def repocomp(
    *arguments: str, cwd: Path, stdin: bytes = b"", variables: Mapping[str, str] = MappingProxyType({})
) -> subprocess.CompletedProcess[bytes]:
    """Run the command line as users do."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    command = [sys.executable, "-m", "repocomp", *arguments]
    return subprocess.run(command, cwd=cwd, input=stdin, capture_output=True, env=environment, check=False)


def status(variables: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
    """What `serve --status --json` says."""
    done = repocomp("serve", "--status", "--json", cwd=ROOT, variables=variables)
    data: dict[str, Any] = json.loads(done.stdout)["data"]
    return data


@contextmanager
def daemon(
    runtime: Path, *options: str, variables: Mapping[str, str] = MappingProxyType({})
) -> Iterator[subprocess.Popen[bytes]]:
    """A daemon that is met in `runtime`, ready when the block begins and gone when it ends."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_RUNTIME_DIR": str(runtime), **variables}
    command = [sys.executable, "-m", "repocomp", "serve", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, cwd="/") as process:
        assert process.stderr is not None
        assert b"ready" in process.stderr.readline()
        try:
            yield process
        finally:
            process.terminate()
            process.wait(20)
