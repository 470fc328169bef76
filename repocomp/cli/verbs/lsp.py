"""`repocomp lsp`: the language server, which an editor starts and speaks to over standard streams."""

from __future__ import annotations

import click

EPILOG = """\b
Examples:
  repocomp lsp
  repocomp editor neovim --install
"""


@click.command(epilog=EPILOG)
@click.option("--stdio", is_flag=True, help="Speak over standard streams, as it does anyway.")
def command(stdio: bool) -> int:
    """Serve an editor over standard input and output, by the language server protocol.

    Answers textDocument/inlineCompletion, and textDocument/completion where an editor has no ghost text. The index of
    each workspace folder that git knows is made and kept current. Settings come from the user's file and REPOCOMP_*, or
    from the editor: initializationOptions {"settings": {"mode": "line"}}.
    """
    from repocomp.serve.lsp.main import serve

    return serve()
