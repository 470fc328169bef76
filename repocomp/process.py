"""How processes of our own start: nothing that they import comes from the working directory or from a repository.

`python -c` and `python -m` put the working directory first on `sys.path`, and PYTHONPATH may name it as well. Python of
our own therefore starts with `-P` and a cleaned environment, and gets the absolute location of this very package.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

PACKAGE_HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
"""The folder that holds `repocomp`: a site-packages, or a checkout."""

_SWITCHES = {"PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "PYTHONIOENCODING", "PYTHONNOUSERSITE", "PYTHONUTF8"}
_FOLDERS = {"PYTHONHOME", "PYTHONPYCACHEPREFIX", "PYTHONUSERBASE"}
"""The variables of Python that our processes get: switches as they are, folders where they are absolute."""


def command(*arguments: str) -> list[str]:
    """The command line of `repocomp ARGUMENTS`, by the code that runs here, also where that is not installed."""
    return python(
        f"import sys; sys.path.append({PACKAGE_HOME!r}); from repocomp.__main__ import main; main()", *arguments
    )


def python(code: str, *arguments: str) -> list[str]:
    """The command line of `code` in a Python as isolated as this one, and at least from the working directory."""
    flags = ["-I"] if sys.flags.isolated else ["-P", *(["-E"] if sys.flags.ignore_environment else [])]
    return [sys.executable, *flags, "-c", code, *arguments]


def environment() -> dict[str, str]:
    """The environment for processes of our own: nothing in it names code by a relative path or in a repository."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    for name in _SWITCHES | _FOLDERS:
        value = os.environ.get(name, "")
        if value and (name in _SWITCHES or os.path.isabs(value)):
            clean[name] = value
    if path := os.pathsep.join(trusted(os.environ.get("PYTHONPATH", "").split(os.pathsep))):
        clean["PYTHONPATH"] = path
    if "PATH" in clean:
        clean["PATH"] = os.pathsep.join(filter(os.path.isabs, clean["PATH"].split(os.pathsep)))
    return {**clean, "PYTHONSAFEPATH": "1"}


def secure_imports() -> None:
    """Have this process import nothing from the working directory, or the repository around it, from now on."""
    sys.path[:] = trusted(sys.path)
    if PACKAGE_HOME not in sys.path:
        sys.path.append(PACKAGE_HOME)
    if sys.pycache_prefix is not None and not os.path.isabs(sys.pycache_prefix):
        sys.pycache_prefix = None


def trusted(entries: Iterable[str]) -> list[str]:
    """The entries of a module search path that are absolute and lie in no repository, except where packages install."""
    own = library_folders()
    untrusted: list[str] | None = None
    kept = []
    for entry in entries:
        if not os.path.isabs(entry):
            continue
        if not is_below(entry, own) and entry != PACKAGE_HOME:
            untrusted = surroundings(own) if untrusted is None else untrusted
            if is_below(os.path.realpath(entry), untrusted) or os.path.realpath(entry) == _working_directory():
                continue
        kept.append(entry)
    return kept


def is_below(path: str, folders: Iterable[str]) -> bool:
    """Whether `path` is one of `folders`, or lies in one; by their names alone."""
    return any(path == folder or path.startswith(folder.rstrip(os.sep) + os.sep) for folder in folders)


def library_folders() -> list[str]:
    """The folders of the standard library and of installed packages."""
    site = sys.modules.get("site")
    folders = [os.path.dirname(os.__file__)]
    if site is not None:
        folders += [*site.getsitepackages(), *([site.USER_SITE] if site.USER_SITE else [])]
    return folders


def surroundings(own: list[str]) -> list[str]:
    """The working directory and the top of its work tree; not a directory so far up that it holds Python itself."""
    here = _working_directory()
    if not here:
        return []
    folders = [] if any(is_below(os.path.realpath(folder), [here]) for folder in own) else [here]
    top = here
    while not os.path.lexists(os.path.join(top, ".git")):
        if top == (above := os.path.dirname(top)):
            return folders
        top = above
    return [*folders, top]


def _working_directory() -> str:
    try:
        return os.path.realpath(os.getcwd())
    except OSError:
        return ""
