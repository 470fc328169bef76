"""`repocomp check-ignore`: why a path is or is not indexed."""

from __future__ import annotations

from pathlib import Path

import click

from repocomp.cli import output
from repocomp.errors import DocumentError
from repocomp.service.roots import root_of

EPILOG = """\b
Examples:
  repocomp check-ignore src/app.py build/out.js .env
"""


@click.command(epilog=EPILOG)
@click.argument("paths", type=click.Path(path_type=Path), nargs=-1, required=True)
@output.json_option
def command(paths: tuple[Path, ...], as_json: bool) -> int:
    """Show for each of PATHS whether it is left out of the index, and by which rule.

    Exits with 1 if none of them is left out.
    """
    from repocomp.index.walk import explain

    rows = []
    for path in paths:
        root = root_of(path)
        if root is None:
            raise DocumentError(f"{path}: lies in no repository and in no indexed folder", "repocomp index FOLDER")
        relative = (path.parent.resolve() / path.name).relative_to(root).as_posix()
        left_out, reason = explain(root, relative)
        rows.append({"path": str(path), "ignored": left_out, "reason": reason})
    code = 0 if any(row["ignored"] for row in rows) else 1
    if as_json:
        return output.document("check-ignore", rows, code)
    for row in rows:
        output.line(f"{row['path']}: {'left out' if row['ignored'] else 'indexed'}: {row['reason']}")
    return code
