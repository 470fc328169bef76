"""`repocomp editor`: put the plugin of an editor where that finds it, take it away, or print it."""

from __future__ import annotations

import os
from pathlib import Path

import click

from repocomp.cli import output
from repocomp.editors import vsix
from repocomp.editors.install import EDITORS, Editor, editor, install, uninstall
from repocomp.errors import EditorError, ExitCode

EPILOG = """\b
Examples:
  repocomp editor
  repocomp editor vim --install
  repocomp editor neovim --uninstall
  repocomp editor vim --print
"""


@click.command(epilog=EPILOG)
@click.argument("name", metavar="[NAME]", required=False)
@click.option("--install", "action", flag_value="install", help="Write its files where the editor looks for them.")
@click.option("--uninstall", "action", flag_value="uninstall", help="Remove them.")
@click.option("--print", "action", flag_value="print", help="Print the file that does the work.")
@click.option("--to", type=click.Path(path_type=Path), metavar="DIR", help="Another folder to write to or remove from.")
@output.json_option
def command(name: str | None, action: str | None, to: Path | None, as_json: bool) -> int:
    """Install what makes an editor ask repocomp: ghost text while you type, keys to accept it, feedback.

    Without NAME, list the editors there are files for and where those go.
    """
    if name is None:
        return _list(as_json)
    chosen = editor(name)
    if action is None:
        raise EditorError("say what to do", f"repocomp editor {name} --install")
    folder = to.absolute() if to is not None else chosen.target(os.environ)
    if action == "print":
        text = dict(chosen.files())[chosen.main]
        return output.document("editor", {"name": name, "text": text}) if as_json else _print(text)
    # A folder that somebody names is written to, and nothing else is touched.
    programs = vsix.programs() if chosen.is_packed and to is None else []
    then = _install(chosen, folder, programs) if action == "install" else _uninstall(chosen, folder, programs)
    if as_json:
        data = {"name": name, "folder": str(folder), "files": [str(path) for path in then[0]]}
        return output.document("editor", data)
    for path in then[0]:
        output.line(str(path))
    output.note(then[1])
    return ExitCode.OK


def _install(chosen: Editor, folder: Path, programs: list[str]) -> tuple[list[Path], str]:
    """The files that were written, and what is to be said of it."""
    changed = install(chosen, folder)
    for program in programs:
        vsix.put_in(program, changed[0])
    if programs:
        return changed, f"installed for {chosen.name} by {', '.join(programs)}: reload its windows"
    return changed, f"installed for {chosen.name}: {chosen.then}"


def _uninstall(chosen: Editor, folder: Path, programs: list[str]) -> tuple[list[Path], str]:
    """The files that were removed, and what is to be said of it."""
    done = [program for program in programs if vsix.take_out(program)]
    changed = uninstall(chosen, folder)
    if done:
        return changed, f"removed by {', '.join(done)}"
    return changed, f"removed {len(changed)} files" if changed else "nothing was installed there"


def _list(as_json: bool) -> int:
    folders = {name: str(chosen.target(os.environ)) for name, chosen in EDITORS.items()}
    if as_json:
        return output.document("editor", {"editors": folders})
    output.columns(folders.items())
    return ExitCode.OK


def _print(text: str) -> int:
    output.text(text)
    return ExitCode.OK
