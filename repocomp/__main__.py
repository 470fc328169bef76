"""The entry point: `repocomp` and `python -m repocomp`.

A completion is first offered to the daemon, before anything is imported that only the work itself needs.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    from repocomp.process import secure_imports

    secure_imports()
    arguments = sys.argv[1:]
    code = _ask(arguments) if arguments[:1] == ["complete"] else None
    if code is None:
        from repocomp.cli.app import run

        code = run(arguments)
    sys.exit(code)


def _ask(arguments: list[str]) -> int | None:
    from repocomp.cli.quick import ask

    try:
        return ask(arguments[1:])
    except KeyboardInterrupt:
        from repocomp.cli.app import interrupted

        return interrupted("complete", "--json" in arguments)


if __name__ == "__main__":
    main()
