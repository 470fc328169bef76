"""The language server under Emacs' `lsp-mode`, which has ghost text of its own: seen, taken, turned down, and told.

$LSP_MODE is the folder of its Lisp, $LSP_MODE_NEEDS what it needs itself, folders apart by colons.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.editors.editor import Editor, Offer, offering
from tests.editors.terminal import terminal, until
from tests.serve.daemon import ROOT

LSP_MODE = os.environ.get("LSP_MODE", "")
pytestmark = [
    pytest.mark.editors,
    pytest.mark.skipif(shutil.which("emacs") is None, reason="no emacs"),
    pytest.mark.skipif(not LSP_MODE, reason="no lsp-mode: name its folder in $LSP_MODE"),
]

HERE = Path(__file__).parent
ACCEPT, DISMISS = "\x1b\r", "\x07"


@contextmanager
def editing(name: str, file: Path, folder: Path, server: list[str], *settings: str) -> Iterator[Editor]:
    command = " ".join(json.dumps(word, ensure_ascii=False) for word in server)
    folders = [LSP_MODE, *os.environ.get("LSP_MODE_NEEDS", "").split(":")]
    lines = [
        "(setq make-backup-files nil auto-save-default nil create-lockfiles nil inhibit-startup-screen t)",
        f"(setq vc-handled-backends nil lsp-session-file {json.dumps(str(folder / 'session'))})",
        *(f"(add-to-list 'load-path {json.dumps(path)})" for path in folders if path),
        # An installed package loads these by itself.
        "(mapc #'require '(lsp-mode lsp-lens lsp-modeline lsp-headerline lsp-diagnostics lsp-completion))",
        "(require 'lsp-inline-completion)",
        "(setq lsp-auto-guess-root t lsp-warn-no-matched-clients nil lsp-inline-completion-idle-delay 0.02)",
        f"""(lsp-register-client (make-lsp-client :new-connection (lsp-stdio-connection '({command}))
                               :activation-fn (lambda (&rest _) t) :server-id 'repocomp :add-on? t))""",
        "(setq lsp-enabled-clients '(repocomp) lsp-enable-suggest-server-download nil)",
        "(add-hook 'prog-mode-hook #'lsp)",
        # A terminal has no key for C-<return>.
        '(define-key lsp-inline-completion-active-map (kbd "M-RET") #\'lsp-inline-completion-accept)',
        "(put 'lsp-inline-completion-accept 'lsp-inline-completion-keep t)",
        "(defvar repocomp--ghost nil)",
        '(defun repocomp-status () (if (bound-and-true-p lsp-inline-completion-mode) "on" ""))',
        "(defun probe-follow () (setq repocomp--ghost lsp-inline-completion--overlay))",
        "(run-with-timer 0.02 0.02 #'probe-follow)",
        *settings,
        f'(load "{HERE / "probe.el"}")',
    ]
    (folder / "init.el").write_text("\n".join(lines) + "\n")
    subprocess.run(["git", "init", "-q", str(file.parent)], check=True)
    variables = {"PROBE": str(folder / "probe"), "PYTHONPATH": str(ROOT)}
    program = ["emacs", "-nw", "-Q", "--load", str(folder / "init.el"), str(file)]
    with terminal(program, file.parent, variables) as opened:
        editor = Editor(opened, folder)
        until(lambda: editor.state.get("status") == "on", lambda: (editor.state, bytes(opened.output[-500:])))
        yield editor


@pytest.fixture
def offer(tmp_path: Path) -> Offer:
    return offering(tmp_path, editing)


def test_ghost_text_is_seen_accepted_and_told(offer: Offer) -> None:
    with offer("lsp-mode", "lpha)\n    beta", "x = 1\n") as editor:
        editor.type("f(a")
        editor.see(lines=["f(ax = 1", ""], ghost=["lpha)", "    beta"])
        assert editor.notes("asked")[-1] == ["f(ax = 1\n", 3]
        editor.type(ACCEPT)
        editor.see(lines=["f(alpha)", "    betax = 1", ""], line=2, column=9)
        until(lambda: bool(editor.notes("said")), lambda: editor.state)
        assert [word for word, _, _ in editor.notes("said")] == ["accept"]


def test_it_is_turned_down(offer: Offer) -> None:
    with offer("lsp-mode", "lpha)", "x = 1\n") as editor:
        editor.type("a")
        editor.see(ghost=["lpha)"])
        editor.type(DISMISS)
        editor.see(lines=["ax = 1", ""], ghost=[])
        assert not editor.notes("said")
