"""`repocomp check-ignore`: why a path is or is not indexed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from repocomp.cli import output
from repocomp.errors import DocumentError
from repocomp.git import work_tree
from repocomp.service.roots import root_of
from repocomp.tree import printable, real

EPILOG = """\b
Examples:
  repocomp check-ignore src/app.py build/out.js .env
"""

_REASONS = {
    "git": "belongs to git itself",
    "repository": "belongs to another repository",
    "special": "neither a file nor a folder",
    "symlink": "a symbolic link, or behind one",
    "name": "its name holds characters that cannot be shown",
}
"""Reasons that are plain to those who know the code, in words."""


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
        place = real(path.parent) / path.name if path.name not in ("", "..") else real(path)
        root = root_of(place.parent / "-" if place.is_symlink() else place)
        if root is None:
            raise DocumentError(f"{path}: lies in no repository and in no indexed folder", "repocomp index FOLDER")
        outer = work_tree(Path.cwd())
        if outer not in (None, root) and root.is_relative_to(outer):
            left_out, reason = True, f"belongs to another repository, with an index of its own: repocomp index {root}"
        elif place == root:
            left_out, reason = False, "folder"
        elif ".git" in place.relative_to(root).parts:
            left_out, reason = True, "git"
        else:
            left_out, reason = explain(root, place.relative_to(root).as_posix())
        name = printable(str(path))
        rows.append({"path": name, "ignored": left_out, "reason": reason})
    code = 0 if any(row["ignored"] for row in rows) else 1
    if as_json:
        return output.document("check-ignore", rows, code)
    for row in rows:
        output.line(f"{row['path']}: {_words(row)}")
    return code


def _words(row: dict[str, Any]) -> str:
    if row["ignored"]:
        return f"left out: {_REASONS.get(row['reason'], row['reason'])}"
    return "a folder, whose files are judged one by one" if row["reason"] == "folder" else "indexed"
