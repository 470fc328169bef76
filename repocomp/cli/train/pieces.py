"""`repocomp train pieces` and `join`: weights in files small enough to be carried from a borrowed machine."""

from __future__ import annotations

from pathlib import Path

import click

from repocomp.cli import output
from repocomp.cli.options import Count
from repocomp.cli.train.base import PATH, done


@click.command()
@click.argument("checkpoint", type=PATH)
@click.argument("folder", type=PATH)
@click.option("--mib", type=Count(min=1), default=16, show_default=True, metavar="N", help="The largest piece, in MiB.")
@output.json_option
def pieces(checkpoint: Path, folder: Path, mib: int, as_json: bool) -> int:
    """Write the weights of CHECKPOINT, in bfloat16, as small files in FOLDER; a run may be going on."""
    from repocomp.train.lm.pieces import write_pieces

    files = write_pieces(checkpoint, folder, mib * 2**20)
    return done("pieces", {"files": len(files), "bytes": sum(file.stat().st_size for file in files)}, as_json)


@click.command()
@click.argument("folder", type=PATH)
@click.argument("checkpoint", type=PATH)
@output.json_option
def join(folder: Path, checkpoint: Path, as_json: bool) -> int:
    """Put the pieces in FOLDER together as CHECKPOINT."""
    from repocomp.train.lm.pieces import join_pieces

    join_pieces(folder, checkpoint)
    return done("join", {"checkpoint": str(checkpoint)}, as_json)
