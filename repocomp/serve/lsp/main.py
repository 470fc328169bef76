"""The process of a language server: standard streams are the wire, and nothing else can reach them."""

from __future__ import annotations

import os
import sys

from repocomp.serve.lsp.server import LanguageServer
from repocomp.serve.lsp.wire import Wire


def serve() -> int:
    """Serve the editor that started this process; returns the exit code."""
    # What children or libraries print or read must not meet the wire.
    source, sink = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    if sys.platform == "win32":
        import msvcrt

        for descriptor in (source, sink):
            msvcrt.setmode(descriptor, os.O_BINARY)
    with open(source, "rb") as reader, open(sink, "wb") as writer:
        return LanguageServer(Wire(reader, writer)).run()
