"""Pictures of ghost text for the README, from real sessions: `python -m tests.editors.picture NAME FILE`.

The editor runs in tmux with its plugin installed and the real server; what the screen holds becomes an SVG. VS Code
runs in a browser, whose window is the picture, a PNG.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from html import escape
from pathlib import Path

from repocomp.editors.install import EDITORS, install
from tests.editors.terminal import until

SOURCE = '''"""Shapes and their sizes."""


def area_of(width, height):
    return width * height


def volume_of(width, height, depth):
    retur
'''
SIZE = "72", "13"
CELL, LINE, EDGE = 8.4, 19, 14
SGR = re.compile(r"\x1b\[([0-9;]*)m|\x1b\(B|\x0f")
BASE = ["#1e2127", "#e06c75", "#98c379", "#d19a66", "#61afef", "#c678dd", "#56b6c2", "#abb2bf"]
BRIGHT = ["#7f848e", "#f28b93", "#b5e890", "#e5c07b", "#8cc8ff", "#dda0f0", "#7fd6e0", "#ffffff"]
GROUND, TEXT = "#1e2127", "#d7dae0"
GHOST = "7f848e"


def program(name: str, folder: Path) -> tuple[list[str], list[str]]:
    """The command of an editor, and the keys that type the rest of a word at the end of the file."""
    plugins, command = folder / "plugin", [sys.executable, "-m", "repocomp", "lsp"]
    install(EDITORS[name], plugins)
    if name == "emacs":
        words = " ".join(f'"{word}"' for word in command)
        lines = [
            f"(add-to-list 'load-path \"{plugins}\") (require 'repocomp) (setq repocomp-command '({words}))",
            "(menu-bar-mode 0) (setq vc-handled-backends nil inhibit-startup-screen t create-lockfiles nil)",
            "(add-hook 'prog-mode-hook #'repocomp-mode)",
        ]
        (folder / "init.el").write_text("\n".join(lines))
        return ["emacs", "-nw", "-Q", "--load", str(folder / "init.el")], ["M->", "C-b", "n"]
    lines = [
        "set nocompatible noswapfile shortmess+=IF laststatus=2 termguicolors",
        "let g:loaded_python3_provider = 0",
        f"let g:repocomp_command = {command}",
        f"set runtimepath^={plugins}",
        "set statusline=\\ %f%=%{"
        + ("v:lua.require'repocomp'.status()" if name == "neovim" else "repocomp#Status()")
        + "}\\ ",
        "syntax on | filetype plugin indent on | set background=dark",
        f"highlight RepocompGhost guifg=#{GHOST}",
        "highlight Normal guibg=NONE",
    ]
    (folder / "init.vim").write_text("\n".join(lines) + "\n")
    return [os.environ.get("NVIM", "nvim") if name == "neovim" else "vim", "-u", str(folder / "init.vim")], [
        "G",
        "A",
        "n",
    ]


def session(name: str, folder: Path) -> str:
    """The screen of an editor that shows ghost text, with its escapes."""
    work = folder / "shapes"
    work.mkdir()
    (work / "shapes.py").write_text(SOURCE)
    subprocess.run(["git", "init", "-q", str(work)], check=True)
    command, keys = program(name, folder)
    tmux = ["tmux", "-L", f"repocomp-{os.getpid()}", "-f", "/dev/null"]
    start = [*tmux, "new-session", "-d", "-x", SIZE[0], "-y", SIZE[1], "-c", str(work)]
    # The name of a file in the home of nobody: no picture shows whose machine it was.
    environment = {**os.environ, "TERM": "tmux-256color", "COLORTERM": "truecolor", "HOME": str(folder)}
    subprocess.run([*start, *command, "shapes.py"], check=True, env=environment)
    try:
        time.sleep(3)
        for key in keys:
            subprocess.run([*tmux, "send-keys", key], check=True)
            time.sleep(0.2)
        time.sleep(8)
        done = subprocess.run([*tmux, "capture-pane", "-e", "-p"], check=True, capture_output=True, text=True)
        return done.stdout
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)


def spans(line: str, style: dict[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Stretches of one style; it lasts beyond the line."""
    at = 0
    for found in SGR.finditer(line):
        if line[at : found.start()]:
            yield line[at : found.start()], dict(style)
        at = found.end()
        if found.group(1) is not None:
            apply(style, [int(word or 0) for word in found.group(1).split(";")])
    if line[at:]:
        yield line[at:], dict(style)


def apply(style: dict[str, str], codes: list[int]) -> None:
    """What an SGR sequence changes."""
    while codes:
        code = codes.pop(0)
        if code in (38, 48):
            key = "fill" if code == 38 else "ground"
            kind = codes.pop(0)
            style[key] = cube(codes.pop(0)) if kind == 5 else "#" + bytes(codes.pop(0) for _ in range(3)).hex()
        elif code == 0:
            style.clear()
        elif code == 7:
            style["reversed"] = "1"
        elif code == 27:
            style.pop("reversed", None)
        elif code in (39, 49):
            style.pop("fill" if code == 39 else "ground", None)
        elif 30 <= code <= 37 or 90 <= code <= 97:
            style["fill"] = (BASE if code < 90 else BRIGHT)[code % 10]
        elif 40 <= code <= 47:
            style["ground"] = BASE[code % 10]


def cube(number: int) -> str:
    """A colour of the 256 of terminals."""
    if number < 16:
        return [*BASE, *BRIGHT][number]
    if number >= 232:
        return "#" + 3 * f"{8 + 10 * (number - 232):02x}"
    levels = [0, 95, 135, 175, 215, 255]
    number -= 16
    return "#" + bytes((levels[number // 36], levels[number // 6 % 6], levels[number % 6])).hex()


def svg(screen: str) -> str:
    """The screen as a picture."""
    width, height = int(SIZE[0]) * CELL + 2 * EDGE, int(SIZE[1]) * LINE + 2 * EDGE
    parts, style = [], dict[str, str]()
    for row, line in enumerate(screen.rstrip("\n").split("\n")):
        column = 0
        for text, look in spans(line, style):
            fill, ground = look.get("fill", TEXT), look.get("ground")
            if "reversed" in look:
                fill, ground = ground or GROUND, fill
            x, y = EDGE + column * CELL, EDGE + row * LINE
            if ground is not None:
                size = f'width="{len(text) * CELL:.1f}" height="{LINE}"'
                parts.append(f'<rect x="{x:.1f}" y="{y}" {size} fill="{ground}"/>')
            if text.strip():
                # Spaces at the ends are places, not text: viewers drop them.
                word = text.strip()
                x += (len(text) - len(text.lstrip())) * CELL
                place = f'x="{x:.1f}" y="{y + 14}" textLength="{len(word) * CELL:.1f}"'
                parts.append(f'<text {place} fill="{fill}">{escape(word)}</text>')
            column += len(text)
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" font-size="14"'
        ' font-family="ui-monospace, Menlo, Consolas, monospace">\n'
        f'<rect width="100%" height="100%" rx="8" fill="{GROUND}"/>\n{body}\n</svg>\n'
    )


def window(folder: Path, picture: Path) -> None:
    """A picture of VS Code that shows ghost text."""
    from tests.editors.window import program

    work = folder / "shapes"
    work.mkdir()
    (work / "shapes.py").write_text(SOURCE)
    subprocess.run(["git", "init", "-q", str(work)], check=True)
    (folder / "vscode").mkdir()
    with program(folder / "vscode") as running:
        settings = {
            "repocomp.command": [sys.executable, "-m", "repocomp", "lsp"],
            "breadcrumbs.enabled": False,
            "editor.minimap.enabled": False,
            "editor.quickSuggestions": {"other": "off"},
            "workbench.activityBar.location": "hidden",
        }
        with running.window(work / "shapes.py", folder, settings) as opened:
            running.page.set_viewport_size({"width": 720, "height": 340})
            running.page.keyboard.press("Control+b")
            running.page.keyboard.press("Control+End")
            running.page.keyboard.press("ArrowLeft")
            opened.type("n")
            until(lambda: bool(opened.state["ghost"]), lambda: opened.state)
            running.page.wait_for_timeout(1000)
            running.page.screenshot(path=picture)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        if sys.argv[1] == "vscode":
            window(Path(name), Path(sys.argv[2]))
        else:
            Path(sys.argv[2]).write_text(svg(session(sys.argv[1], Path(name))), encoding="utf-8")
