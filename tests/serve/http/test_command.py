"""`repocomp serve --http` as it is started: one process with both doors, in the place of a daemon that runs."""

from __future__ import annotations

import subprocess
import urllib.request
from pathlib import Path

from tests.conftest import Repository
from tests.serve.daemon import daemon, repocomp, status


def test_one_process_has_both_doors_and_takes_the_place_of_a_daemon(
    repository: Repository, runtime_folder: Path
) -> None:
    root = repository({"a.py": "def f(x):\n    return \n"})
    variables = {"XDG_RUNTIME_DIR": str(runtime_folder)}
    with daemon(runtime_folder) as first, daemon(runtime_folder, "--http", "0") as both:
        assert first.wait(20) == 0
        url = told(both)
        with urllib.request.urlopen(f"{url}/models") as reply:
            assert b"repocomp" in reply.read()
        assert repocomp("complete", "a.py:2:12", cwd=root, variables=variables).returncode == 0
        assert status(variables)["requests"] == 1
    again = repocomp("serve", "--http", "x", cwd=root, variables=variables)
    assert (again.returncode, b"no address to listen at" in again.stderr) == (2, True)


def told(process: subprocess.Popen[bytes]) -> str:
    """The address that was printed."""
    assert process.stderr is not None
    return process.stderr.readline().decode().strip().rpartition(", ")[2]
