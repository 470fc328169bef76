"""The entry point: `repocomp` and `python -m repocomp`.

A completion is first offered to the daemon, and a language server started, before anything is imported that only other
work needs.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    arguments = sys.argv[1:]
    try:
        code = _run(arguments)
    except KeyboardInterrupt as error:
        # Ctrl-C while the command line itself was not there yet to hear it.
        from repocomp.cli.app import failed

        code = failed(arguments, error)
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    from repocomp.process import secure_imports

    secure_imports()
    if arguments[:1] == ["complete"]:
        from repocomp.cli.quick import ask

        code = ask(arguments[1:])
        if code is not None:
            return code
    if arguments == ["lsp"]:
        return _serve_editor(arguments)
    from repocomp.cli.app import run

    return run(arguments)


def _serve_editor(arguments: list[str]) -> int:
    """An editor waits for the first reply, which parsing no options makes sooner by a third."""
    from repocomp.serve.lsp.main import serve

    try:
        return serve()
    except Exception as error:
        from repocomp.cli.app import failed

        return failed(arguments, error)


if __name__ == "__main__":
    main()
