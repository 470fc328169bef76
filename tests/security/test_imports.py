"""No process of ours imports what lies in the working directory or in the repository, whatever its name."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from repocomp import process
from tests.conftest import Repository

DEPENDENCIES = ("click", "rich", "numpy", "onnxruntime", "tokenizers", "tree_sitter", "sqlite_utils")
CUSTOM = ("sitecustomize", "usercustomize", "repocomp", "watchfiles")
RUN = "import sys; sys.path.append({home!r}); from repocomp.__main__ import main; {before}; main()"
POOL = "import repocomp.index.build as build; build._POOL_BYTES = 0"
"""Worker processes also for little work."""


@pytest.fixture
def hostile(repository: Repository, tmp_path: Path) -> Path:
    """A repository with a module of every name that anything of ours imports; each leaves a mark."""
    mark = f"open({str(tmp_path / 'executed')!r}, 'a').write(__name__ + '\\n')\n"
    names = [*sys.stdlib_module_names, *DEPENDENCIES, *CUSTOM]
    modules = {f"{name}.py" if number % 2 else f"{name}/__init__.py": mark for number, name in enumerate(names)}
    # With the extension, a file is found in `src` too.
    return repository({**modules, **{f"src/{name}.py": mark for name in names}, ".env": "A=1\n"})


def run(root: Path, *arguments: str, before: str = "pass", variables: dict[str, str] | None = None) -> str:
    """Run repocomp in `root` as its console script does, and return what it printed."""
    code = RUN.format(home=process.PACKAGE_HOME, before=before)
    command = [sys.executable, "-P", "-c", code, *arguments]
    done = subprocess.run(
        command, cwd=root, env={**os.environ, **(variables or {})}, capture_output=True, text=True, timeout=120
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == 0, done.stderr
    return done.stdout


def executed(root: Path) -> list[str]:
    mark = root.parent / "executed"
    return sorted(set(mark.read_text().split())) if mark.exists() else []


LURES = {
    "as it is": "pass",
    "PYTHONPATH with an empty entry": "import os; os.environ['PYTHONPATH'] = os.pathsep + '/nowhere'",
    "relative PYTHONPATH": "import os; os.environ['PYTHONPATH'] = 'src'",
    "PYTHONPATH into the repository": "import os; os.environ['PYTHONPATH'] = os.path.abspath('src')",
    "PYTHONSTARTUP": "import os; os.environ.update(PYTHONSTARTUP='signal.py', PYTHONINSPECT='1')",
    "relative PYTHONUSERBASE": "import os; os.environ['PYTHONUSERBASE'] = '.'",
    "relative PYTHONHOME": "import os; os.environ['PYTHONHOME'] = '.'",
    "the working directory on sys.path": "sys.path.insert(0, '')",
    "the repository on sys.path": "import os; sys.path.insert(0, os.getcwd())",
}


@pytest.mark.slow
@pytest.mark.parametrize("lure", [pytest.param(code, id=name) for name, code in LURES.items()])
def test_each_lure_alone(hostile: Path, lure: str) -> None:
    run(hostile, "index", "--jobs", "2", "--quiet", before=f"{POOL}; {lure}")
    assert executed(hostile) == []


def test_worker_processes_import_nothing_of_the_repository(hostile: Path) -> None:
    """The lures are set once the modules that the process itself starts with are loaded."""
    lures = "; ".join([POOL, *LURES.values()])
    report = run(hostile, "index", "--jobs", "2", "--json", before=lures)
    assert '"status":"ok"' in report.replace(" ", "")
    assert executed(hostile) == []


def test_what_is_imported_late_comes_from_where_packages_install(hostile: Path) -> None:
    code = f"{LURES['the repository on sys.path']}; sys.path.insert(0, os.path.abspath('src'))"
    run(hostile, "doctor", before=code)
    assert executed(hostile) == []


def test_the_package_is_found_where_it_is_not_installed(hostile: Path) -> None:
    command = process.command("--version")
    done = subprocess.run(command, cwd=hostile, env=process.environment(), capture_output=True, text=True, check=True)
    assert done.stdout.startswith("repocomp ")


@pytest.mark.skipif(os.name == "nt", reason="no signal to end it with")
def test_background_processes_import_nothing_of_the_repository(hostile: Path, runtime_folder: Path) -> None:
    variables = {"XDG_RUNTIME_DIR": str(runtime_folder)}
    lure = "import os; os.environ['PYTHONPATH'] = 'src' + os.pathsep"
    run(hostile, "serve", "--detach", before=lure, variables=variables)
    try:
        run(hostile, "serve", "--status", variables=variables)
    finally:
        run(hostile, "serve", "--stop", variables=variables)
    assert executed(hostile) == []


def test_hooks_import_nothing_of_the_repository(hostile: Path) -> None:
    run(hostile, "index", "--quiet")
    run(hostile, "hooks", "install")
    variables = {**os.environ, "PYTHONPATH": f"src{os.pathsep}", "PYTHONSTARTUP": "signal.py", "PYTHONINSPECT": "1"}
    for arguments in (["add", "-A"], ["commit", "-qm", "x"], ["commit", "-q", "--amend", "-m", "y"]):
        subprocess.run(["git", *arguments], cwd=hostile, env=variables, check=True)
    deadline = time.monotonic() + 60
    while "kept, 0 waiting, 0 failed" not in run(hostile, "hooks", "status"):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert executed(hostile) == []


def test_installed_packages_stay_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work" / ".git").mkdir(parents=True)
    (tmp_path / "work" / "src").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "work" / "src")
    monkeypatch.chdir(tmp_path / "work" / "src")
    installed = [entry for entry in sys.path if "site-packages" in entry]
    elsewhere = str(tmp_path / "elsewhere")
    lures = ["", ".", "src", str(tmp_path / "work"), str(tmp_path / "work" / "lib"), str(tmp_path / "link")]
    assert installed
    assert process.trusted([*lures, *installed, elsewhere]) == [*installed, elsewhere]
    monkeypatch.chdir("/")
    assert process.trusted([*installed, elsewhere]) == [*installed, elsewhere]
