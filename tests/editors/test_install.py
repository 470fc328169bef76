"""Putting an editor's files where it looks for them, and taking away no more than that."""

from __future__ import annotations

import json
import os
import re
import zipfile
from pathlib import Path

import pytest

from repocomp import __version__
from repocomp.cli import app
from repocomp.editors.install import EDITORS, HOME
from repocomp.errors import ExitCode


def files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text(errors="replace")
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("name", EDITORS)
def test_what_is_installed_can_be_removed_again(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    assert app.run(["editor", name, "--install", "--to", str(folder)]) == ExitCode.OK
    there = files(folder)
    shipped = {path.relative_to(HOME / name).as_posix() for path in (HOME / name).rglob("*") if path.is_file()}
    assert EDITORS[name].main in shipped
    assert there.keys() == (shipped if name != "vscode" else {"repocomp.vsix"})
    assert not [path for path, text in there.items() if "@REPOCOMP@" in text]
    assert app.run(["editor", name, "--install", "--to", str(folder)]) == ExitCode.OK
    (folder / "own.txt").write_text("mine")
    assert app.run(["editor", name, "--uninstall", "--to", str(folder)]) == ExitCode.OK
    assert files(folder) == {"own.txt": "mine"}
    assert [path.name for path in folder.iterdir()] == ["own.txt"]
    assert app.run(["editor", name, "--uninstall", "--to", str(folder)]) == ExitCode.OK


def test_files_of_others_are_neither_overwritten_nor_removed(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    own = tmp_path / "autoload" / "repocomp.vim"
    own.parent.mkdir()
    own.write_text('" something else\n')
    assert app.run(["editor", "vim", "--install", "--to", str(tmp_path)]) == ExitCode.ERROR
    assert b"--to DIR" in capsysbinary.readouterr().err
    assert files(tmp_path) == {"autoload/repocomp.vim": '" something else\n'}
    app.run(["editor", "vim", "--uninstall", "--to", str(tmp_path)])
    assert own.exists()


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a script of sh")
def test_vs_code_is_given_a_package_and_asked_to_take_it_out(
    tmp_path: Path, isolated: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert app.run(["editor", "vscode", "--install"]) == ExitCode.OK
    assert b"Install from VSIX" in capsysbinary.readouterr().err
    told, program = tmp_path / "told", tmp_path / "codium"
    program.write_text(f'#!/bin/sh\necho "$@" >>{told}\necho repocomp.repocomp\n')
    program.chmod(0o755)
    assert app.run(["editor", "vscode", "--install"]) == ExitCode.OK
    package = isolated / "data" / "repocomp" / "vscode" / "repocomp.vsix"
    with zipfile.ZipFile(package) as archive:
        about = json.loads(archive.read("extension/package.json"))
        assert f'Version="{about["version"]}"' in archive.read("extension.vsixmanifest").decode()
        assert {f"extension/{name}" for name in ("extension.js", "README.md")} < set(archive.namelist())
    assert about["version"] == __version__
    assert app.run(["editor", "vscode", "--uninstall"]) == ExitCode.OK
    assert not package.exists()
    wanted = [f"--install-extension {package} --force", "--list-extensions", "--uninstall-extension repocomp.repocomp"]
    assert told.read_text().splitlines() == wanted
    program.write_text("#!/bin/sh\necho it is broken >&2\nexit 1\n")
    assert app.run(["editor", "vscode", "--install"]) == ExitCode.ERROR
    assert b"it is broken" in capsysbinary.readouterr().err


def test_a_workspace_cannot_say_what_vs_code_starts_or_where_code_goes() -> None:
    settings = json.loads((HOME / "vscode" / "package.json").read_text())["contributes"]["configuration"]["properties"]
    assert {name for name, setting in settings.items() if setting["scope"] == "machine"} == {
        "repocomp.command",
        "repocomp.settings",
    }


def test_editors_are_found_where_they_keep_their_files(
    isolated: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert app.run(["editor", "--json"]) == ExitCode.OK
    found = json.loads(capsysbinary.readouterr().out)["data"]["editors"]
    assert found["vim"] == str(isolated / ".vim/pack/repocomp/start/repocomp")
    assert found["neovim"] == str(isolated / "data/nvim/site/pack/repocomp/start/repocomp")
    monkeypatch.delenv("XDG_DATA_HOME")
    app.run(["editor", "--json"])
    found = json.loads(capsysbinary.readouterr().out)["data"]["editors"]
    assert found["neovim"] == str(isolated / ".local/share/nvim/site/pack/repocomp/start/repocomp")


@pytest.mark.parametrize("arguments", [["ed"], ["vim"], ["ed", "--install"]])
def test_what_cannot_be_done_names_what_can(arguments: list[str], capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert app.run(["editor", *arguments]) == ExitCode.ERROR
    assert b"hint: " in capsysbinary.readouterr().err


@pytest.mark.parametrize("name", EDITORS)
def test_the_file_that_does_the_work_is_printed(name: str, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert app.run(["editor", name, "--print"]) == ExitCode.OK
    assert b"repocomp" in capsysbinary.readouterr().out


@pytest.mark.parametrize("name", ["vim", "neovim"])
def test_help_is_found_by_the_words_that_it_defines(name: str) -> None:
    folder = HOME / name / "doc"
    defined = re.findall(r"(?:^|[ \t])\*([^*\s]+)\*(?=[ \t]|$)", (folder / "repocomp.txt").read_text(), re.M)
    assert (folder / "tags").read_text() == "".join(f"{word}\trepocomp.txt\t/*{word}*\n" for word in sorted(defined))
