"""A window of the real VS Code, served by code-server to a real browser: keys go in, and what the page shows is read.

code-server is found by $CODE_SERVER or on the PATH, Chromium by $CHROMIUM or there; Playwright drives it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tests.editors.editor import Editor, State
from tests.editors.terminal import WAIT_S, until
from tests.serve.daemon import ROOT

CODE_SERVER = shutil.which(os.environ.get("CODE_SERVER", "code-server"))
CHROMIUM = shutil.which(os.environ.get("CHROMIUM", "chromium"))
QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-sync".split()
)
SETTINGS = {
    "security.workspace.trust.enabled": False,
    "telemetry.telemetryLevel": "off",
    "workbench.startupEditor": "none",
    "workbench.enableExperiments": False,
    "extensions.ignoreRecommendations": True,
    "chat.disableAIFeatures": True,
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "git.enabled": False,
    "search.quickOpen.includeHistory": False,
    "window.title": "${activeEditorLong}",
}
CLEAR, CLOSE, NATIVE_WORD = "Control+Alt+n", "Control+Alt+q", "Control+Alt+w"
BOUND = {
    CLEAR: "notifications.clearAll",
    CLOSE: "workbench.action.revertAndCloseActiveEditor",
    NATIVE_WORD: "editor.action.inlineSuggest.acceptNextWord",
}
OPENING_S = 4 * WAIT_S
"""A window takes ten seconds where nothing else goes on, hence one for all tests."""
KEYS = {"\t": "Tab", "\x1b": "Escape", "\x1b[1;5C": "Control+ArrowRight", "\x13": "Control+s", "\x05": "End"}
PROBE = """() => {
  const plain = (element) => element.textContent.replaceAll('\\u00a0', ' ').replaceAll('\\u200c', '');
  const byTop = (a, b) => parseInt(a.style.top) - parseInt(b.style.top);
  const editor = document.querySelector('.editor-instance .monaco-editor');
  const rows = [...(editor?.querySelectorAll('.view-lines .view-line') ?? [])].sort(byTop);
  const isGhost = (span) => span.className.includes('ghost-text-decoration');
  const ghost = rows.flatMap((row) => [...row.querySelectorAll('span')].filter(isGhost)).map(plain).join('');
  const below = [...(editor?.querySelectorAll('.suggest-preview-text .view-line') ?? [])];
  const words = (row) => [...row.querySelectorAll('.ghost-text')].map(plain).join('');
  const item = (name) => document.querySelector(`.statusbar-item[id="${name}"]`);
  const [, line, column] = /Ln (\\d+), Col (\\d+)/.exec(item('status.editor.selection')?.innerText) ?? [];
  return {
    lines: rows.map((row) => [...row.querySelectorAll('span > span')].filter((s) => !isGhost(s)).map(plain).join('')),
    ghost: ghost || below.length ? [ghost, ...below.map(words)] : [],
    line: Number(line),
    column: Number(column),
    status: item('repocomp.repocomp.repocomp')?.innerText.trim(),
    messages: [...document.querySelectorAll('.notification-list-item-message')].map(plain),
  };
}"""


def missing() -> str:
    """What a test in a window lacks here; nothing where all is there."""
    if CODE_SERVER is None:
        return "no code-server: name it in $CODE_SERVER"
    if CHROMIUM is None:
        return "no chromium: name it in $CHROMIUM"
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "no playwright"
    return ""


@dataclass
class Keyboard:
    """Where a terminal would be."""

    page: Any
    output: bytes = b""

    def type(self, keys: str) -> None:
        """One key after the other, as a person does; a sequence of escape is one."""
        for key in keys if keys not in KEYS else [keys]:
            if key in KEYS:
                self.page.keyboard.press(KEYS[key])
            else:
                self.page.keyboard.type(key)
            self.page.wait_for_timeout(30)


class Window(Editor):
    """What the page shows, instead of what a probe writes."""

    @property
    def state(self) -> State:
        found: State = self.terminal.page.evaluate(PROBE)
        return found


@dataclass
class Program:
    """A code-server that runs with the extension, and its window."""

    page: Any
    settings: Path

    @contextmanager
    def window(self, file: Path, folder: Path, settings: dict[str, Any]) -> Iterator[Window]:
        """The window with that file alone; `folder` has the notes of a fake server."""
        self.settings.write_text(json.dumps({"repocomp.debounceMs": 20, **settings}))
        window = Window(Keyboard(self.page), folder)
        keyboard = self.page.keyboard
        # No selector tells that the list is that of these words already, so what came of it is looked at.
        until(lambda: self._opens(file), self.page.title, OPENING_S)
        # The item is there once the extension is.
        until(lambda: bool(window.state["status"]) and bool(window.state["lines"]), lambda: window.state, OPENING_S)
        try:
            yield window
        finally:
            keyboard.press(CLEAR)
            keyboard.press(CLOSE)
            until(lambda: not window.state["lines"], lambda: window.state)

    def _opens(self, file: Path) -> bool:
        """Name the file to the window; whether that showed it, and no other."""
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("Control+p")
        self.page.keyboard.insert_text(str(file))
        self.page.locator(".quick-input-list .monaco-list-row").first.wait_for(timeout=OPENING_S * 1000)
        self.page.wait_for_timeout(300)
        self.page.keyboard.press("Enter")
        self.page.wait_for_timeout(1000)
        return str(file) in self.page.title()


@contextmanager
def program(folder: Path) -> Iterator[Program]:
    """Install the extension as `repocomp editor` does, into a code-server of its own, and start that."""
    from playwright.sync_api import sync_playwright

    data, binaries = folder / "data", folder / "bin"
    settings = data / "Machine" / "settings.json"
    for path in (data / "User", data / "Machine"):
        path.mkdir(parents=True)
    bound = [{"key": key.lower().replace("control", "ctrl"), "command": command} for key, command in BOUND.items()]
    (data / "User" / "keybindings.json").write_text(json.dumps(bound))
    binaries.mkdir()
    work = folder / "work"
    work.mkdir()
    (work / "README").write_text("Something for the explorer to show.\n")
    script = binaries / "code-server"
    script.write_text(
        f'#!/bin/sh\nexec "{CODE_SERVER}" --user-data-dir "{data}" --extensions-dir "{folder / "extensions"}" "$@"\n'
    )
    script.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{binaries}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder / "share"),
        "XDG_CONFIG_HOME": str(folder / "config"),
    }
    install = [sys.executable, "-m", "repocomp", "editor", "vscode", "--install"]
    subprocess.run(install, check=True, env=environment, capture_output=True)
    serve = [
        str(script),
        "--auth",
        "none",
        "--bind-addr",
        "127.0.0.1:0",
        "--disable-telemetry",
        "--disable-update-check",
    ]
    log = folder / "log"
    with (
        log.open("w") as sink,
        subprocess.Popen(serve, env=environment, stdout=sink, stderr=sink, start_new_session=True) as process,
        sync_playwright() as driver,
    ):
        try:
            url = _address(log)
            (data / "User" / "settings.json").write_text(json.dumps(SETTINGS))
            page = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET).new_page()
            page.set_viewport_size({"width": 1000, "height": 420})
            page.goto(f"{url}/?folder={work}")
            page.locator(".explorer-folders-view .monaco-list-row").first.wait_for(timeout=OPENING_S * 1000)
            yield Program(page, settings)
        finally:
            # It leaves processes behind, which end with their session.
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(WAIT_S)


def _address(log: Path) -> str:
    def found() -> str:
        return next((word for word in log.read_text().split() if word.startswith("http://127.0.0.1:")), "").rstrip("/")

    def answers() -> bool:
        with suppress(OSError), urlopen(found() + "/healthz") as reply:
            return bool(reply.status == 200)
        return False

    until(lambda: bool(found()) and answers(), log.read_text)
    return found()
