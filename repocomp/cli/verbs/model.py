"""`repocomp model`: list the packs, or show one."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from repocomp.cli import output

if TYPE_CHECKING:
    from repocomp.model.pack import Pack

EPILOG = """\b
Examples:
  repocomp model
  repocomp model default --json
  repocomp model ./my-pack
"""


@click.command(epilog=EPILOG)
@click.argument("pack", required=False)
@output.json_option
def command(pack: str | None, as_json: bool) -> int:
    """List the built-in model packs, or show PACK (a name or a folder) after checking its digests."""
    from repocomp.model.pack import built_in_packs, load_pack

    packs = [load_pack(name) for name in ([pack] if pack else built_in_packs())]
    rows = [_facts(item) for item in packs]
    if as_json:
        return output.document("model", rows[0] if pack else rows)
    for row in rows:
        for name, value in row.items():
            output.line(f"{name:<14}{_plain(value)}")
    return 0


def _facts(pack: Pack) -> dict[str, Any]:
    facts = asdict(pack)
    return {**facts, "folder": str(pack.folder), "digest": pack.digest}


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
