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
    except KeyboardInterrupt:
        # Ctrl-C while the command line itself was not there yet to hear it.
        from repocomp.cli.app import interrupted

        code = interrupted(next(iter(arguments), ""), "--json" in arguments)
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
        # An editor waits for the first reply, which parsing no options makes sooner by a third.
        from contextlib import suppress

        from repocomp.serve.lsp.main import serve

        # What the standard streams cannot do, the command line proper says in a line.
        with suppress(OSError):
            return serve()
    from repocomp.cli.app import run

    return run(arguments)


if __name__ == "__main__":
    main()
