"""Which editors there are, where their files go, and putting them there and away again.

A file is written as it ships, but for the place of this `repocomp`, which an editor's own search path may not hold.
Nothing is overwritten or removed that repocomp did not write.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from repocomp import __version__
from repocomp.editors import vsix
from repocomp.errors import EditorError

HOME = Path(__file__).parent
_COMMAND, _VERSION = "@REPOCOMP@", "@VERSION@"
_MARK = "repocomp"


@dataclass(frozen=True, slots=True)
class Editor:
    """An editor: the folder of its files, the one that `--print` shows, where they go, and what to do then.

    `folder` is below the user's home; `variable` names an environment variable that may say otherwise, with `below`
    what comes after it. An editor that `is_packed` takes its files as one package, from a program of its own.
    """

    name: str
    main: str
    folder: str
    then: str
    variable: str | None = None
    below: str = ""
    is_packed: bool = False

    def target(self, environment: Mapping[str, str]) -> Path:
        """Where the editor looks for such files."""
        base = environment.get(self.variable, "") if self.variable is not None else ""
        return Path(base) / self.below if os.path.isabs(base) else Path.home() / self.folder

    def files(self) -> Iterator[tuple[str, str]]:
        """The files by relative path, with what is known only here filled in."""
        source = HOME / self.name
        command = executable()
        for path in sorted(source.rglob("*")):
            if path.is_file():
                text = path.read_text(encoding="utf-8").replace(_COMMAND, command).replace(_VERSION, __version__)
                yield path.relative_to(source).as_posix(), text

    def written(self) -> dict[str, bytes]:
        """What is written, by relative path: the files, or the package of them."""
        if self.is_packed:
            return {vsix.PACKAGE: vsix.packed(dict(self.files()))}
        return {name: text.encode() for name, text in self.files()}


_VIM = "vimfiles" if os.name == "nt" else ".vim"
_NEOVIM = "AppData/Local/nvim-data" if os.name == "nt" else ".local/share/nvim"
_PACKAGES = "AppData/Local/repocomp/vscode" if os.name == "nt" else ".local/share/repocomp/vscode"
EDITORS = {
    editor.name: editor
    for editor in (
        Editor("vim", "autoload/repocomp.vim", f"{_VIM}/pack/repocomp/start/repocomp", "restart Vim; :help repocomp"),
        Editor(
            "neovim",
            "lua/repocomp/init.lua",
            f"{_NEOVIM}/site/pack/repocomp/start/repocomp",
            "restart Neovim; :help repocomp",
            "XDG_DATA_HOME",
            "nvim/site/pack/repocomp/start/repocomp",
        ),
        Editor(
            "kakoune",
            "repocomp.kak",
            ".config/kak/repocomp",
            "add the lines of README.md beside it to your kakrc",
            "XDG_CONFIG_HOME",
            "kak/repocomp",
        ),
        Editor(
            "helix",
            "languages.toml",
            ".config/helix/repocomp",
            "add languages.toml to the one in the folder above",
            "XDG_CONFIG_HOME",
            "helix/repocomp",
        ),
        Editor("emacs", "repocomp.el", ".emacs.d/repocomp", "add the lines of README.md beside it to your init file"),
        Editor(
            "vscode",
            "extension.js",
            _PACKAGES,
            "in VS Code, run `Extensions: Install from VSIX...` and choose it",
            "XDG_DATA_HOME",
            "repocomp/vscode",
            is_packed=True,
        ),
    )
}


def executable() -> str:
    """How an editor starts this very repocomp: its script by its full name, else by the name alone."""
    beside = Path(sys.executable).with_name("repocomp.exe" if os.name == "nt" else "repocomp")
    found = str(beside) if beside.exists() else shutil.which("repocomp")
    return Path(found).as_posix() if found is not None else "repocomp"


def editor(name: str) -> Editor:
    """The editor of that name. Raises EditorError."""
    if name not in EDITORS:
        raise EditorError(f"there are no files for {name!r}", f"use one of: {', '.join(EDITORS)}")
    return EDITORS[name]


def install(chosen: Editor, folder: Path) -> list[Path]:
    """Write the files of an editor into `folder`; returns them. Raises EditorError."""
    planned = {folder / name: content for name, content in chosen.written().items()}
    for path in planned:
        if path.exists() and not _is_ours(path):
            raise EditorError(f"{path}: was not written by repocomp", "move it away, or use another folder: --to DIR")
    try:
        for path, content in planned.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    except OSError as error:
        raise EditorError(f"{error.filename}: {error.strerror}", "use another folder: --to DIR") from None
    return list(planned)


def uninstall(chosen: Editor, folder: Path) -> list[Path]:
    """Remove the files of an editor from `folder`, and what is empty then; returns them. Raises EditorError."""
    found = [folder / name for name in chosen.written() if (folder / name).exists()]
    ours = [path for path in found if _is_ours(path)]
    try:
        for path in ours:
            path.unlink()
            for parent in path.relative_to(folder).parents:
                with suppress(OSError):
                    (folder / parent).rmdir()
    except OSError as error:
        raise EditorError(f"{error.filename}: {error.strerror}", "remove it by hand") from None
    return ours


def _is_ours(path: Path) -> bool:
    """Every file of ours names repocomp in its first lines."""
    with suppress(OSError):
        return _MARK in path.read_text(encoding="utf-8", errors="replace")[:400].lower()
    return False
