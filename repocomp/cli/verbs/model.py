"""`repocomp model`: the packs there are, models of others made into packs, and which of them is used."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from repocomp.cli import output
from repocomp.cli.options import Count, Number, work_trees
from repocomp.cli.progress import bar
from repocomp.cli.words import ADDED_PACK, CATALOGUE_MODEL, PACK
from repocomp.tree import real

if TYPE_CHECKING:
    from repocomp.model.pack import Pack

EPILOG = """\b
Examples:
  repocomp model list
  repocomp model pull qwen2.5-coder-0.5b-instruct
  repocomp model add ~/models/qwen2.5-coder-1.5b-q8_0.gguf --name qwen
  repocomp model use qwen
"""
_PRECISIONS = ("int8", "int8-blocks", "int4", "float32")


@click.group(epilog=EPILOG, invoke_without_command=True)
@click.pass_context
@output.json_option
def command(context: click.Context, as_json: bool) -> int | None:
    """List model packs, add models of others, and say which one completes.

    A pack that was added lies in $XDG_DATA_HOME/repocomp/packs. Without a command: list.
    """
    if context.invoked_subcommand is None:
        return _list(as_json)
    return None


def _precision_option(function: Any) -> Any:  # noqa: ANN401  (a decorator)
    return click.option(
        "--precision",
        type=click.Choice(_PRECISIONS),
        default="int8",
        show_default=True,
        help="int8: a scale per channel. int8-blocks, int4: a scale per 32 inputs.",
    )(function)


def _family_option(function: Any) -> Any:  # noqa: ANN401  (a decorator)
    return click.option("--family", help="The prompt format, where the vocabulary does not tell it (mellum).")(function)


@command.command("list")
@output.json_option
def list_packs(as_json: bool) -> int:
    """List the packs there are, and the models that can be pulled."""
    return _list(as_json)


@command.command()
@click.argument("name", type=CATALOGUE_MODEL)
@click.option("--from", "path", type=click.Path(path_type=Path), help="The file, where it was downloaded before.")
@_precision_option
@output.json_option
def pull(name: str, path: Path | None, precision: str, as_json: bool) -> int:
    """Fetch the model NAME of the catalogue and make a pack of it.

    Goes on where an earlier pull stopped. Nothing is used before its SHA-256 is right.
    """
    from repocomp.errors import PackError
    from repocomp.model.catalogue import entry
    from repocomp.model.download import check_local, fetch, forget
    from repocomp.model.importing.add import add_pack
    from repocomp.model.library import added_packs

    found = entry(name)
    if name in added_packs():
        raise PackError(f"{name} is there already", f"repocomp model use {name}; to make it anew: model remove {name}")
    output.note(f"{found.title}; licence {found.licence}")
    with bar(in_bytes=True) as show:
        file = check_local(path, found, show) if path else fetch(found, show)
        pack = add_pack(file, name, precision=precision, licence=found.licence, show=show)  # type: ignore[arg-type]
    forget(found)
    return _added(pack, as_json)


@command.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", help="What to call it; otherwise the file's name.")
@_family_option
@_precision_option
@output.json_option
def add(path: Path, name: str | None, family: str | None, precision: str, as_json: bool) -> int:
    """Make a pack of a GGUF file, a folder of safetensors, a finished ONNX folder, or another pack at PATH."""
    from repocomp.model.importing.add import add_pack, name_for

    name = name or name_for(path)
    with bar(in_bytes=True) as show:
        pack = add_pack(path, name, precision=precision, family=family, show=show)  # type: ignore[arg-type]
    return _added(pack, as_json)


@command.command()
@click.argument("pack", type=PACK)
@output.json_option
def show(pack: str, as_json: bool) -> int:
    """Show all that is known of PACK, a name or a folder, after checking its files."""
    from repocomp.model.library import load_pack

    facts = _facts(load_pack(pack))
    if as_json:
        return output.document("model", facts)
    output.columns(facts.items())
    return 0


@command.command()
@click.argument("pack", type=PACK)
@click.option("--as", "role", type=click.Choice(["generator", "policy", "both"]), help="Otherwise all that it can do.")
@output.json_option
def use(pack: str, role: str | None, as_json: bool) -> int:
    """Let PACK complete from now on, in your own settings."""
    from repocomp.cli.settings_file import set_user_settings
    from repocomp.errors import PackError
    from repocomp.model.library import folder_of, is_name, load_pack

    loaded = load_pack(pack)
    roles = loaded.roles if role is None else ("generator", "policy") if role == "both" else (role,)
    if lacking := [one for one in roles if one not in loaded.roles]:
        raise PackError(f"the pack {pack!r} cannot be a {lacking[0]}", f"repocomp model use {pack}")
    # A bare name never means a folder of the working directory.
    named = pack if is_name(pack) else str(real(folder_of(pack)))
    file = set_user_settings({one: named for one in roles})
    if as_json:
        return output.document("model", {"name": loaded.name, "roles": list(roles), "file": str(file)})
    output.line(f"{loaded.name} is now the {' and the '.join(roles)} ({file})")
    return 0


@command.command()
@click.argument("name", type=ADDED_PACK)
@output.json_option
def remove(name: str, as_json: bool) -> int:
    """Remove the pack NAME that was added."""
    from repocomp.config import load_settings
    from repocomp.model.library import remove_pack

    remove_pack(name)
    settings = load_settings(None, {})
    if name in (settings.generator, settings.policy):
        output.note(f"{name} was in use; choose another: repocomp model use default")
    if as_json:
        return output.document("model", {"removed": name})
    output.line(f"removed {name}")
    return 0


@command.command()
@click.argument("pack", type=PACK)
@click.option("--against", type=click.Path(path_type=Path), help="The GGUF file or safetensors folder it was made of.")
@click.option("--tokens", type=Count(2, 100_000), default=256, show_default=True, help="How many to compare.")
@output.json_option
def check(pack: str, against: Path | None, tokens: int, as_json: bool) -> int:
    """Read every byte of PACK against its digests, and run it.

    With --against, its logits are compared with a forward pass in NumPy over the weights it was made of.
    """
    from repocomp.model.importing.check import check_pack

    with bar() as show_progress:
        report = check_pack(pack, against, tokens, show_progress)
    if as_json:
        return output.document("model", report)
    output.columns(report.items())
    return 0


@command.command()
@click.argument("pack", type=PACK)
@click.argument("trees", type=click.Path(path_type=Path), nargs=-1)
@click.option("--holes", type=Count(min=1), default=60, show_default=True, metavar="N", help="Places to try in each.")
@click.option("--hours", type=Number(), default=1.0, show_default=True, metavar="H", help="How long it may take.")
@output.json_option
def tune(pack: str, trees: tuple[Path, ...], holes: int, hours: float, as_json: bool) -> int:
    """Fit how far PACK trusts text that was said before, on the code of TREES (the work tree, where none is named).

    Its weights stay as they are. Goes on where an earlier run stopped.
    """
    from repocomp.train.tuning import tune as run

    with bar() as show_progress:
        found = run(pack, work_trees(trees), holes_each=holes, seconds=3600 * hours, show=show_progress)
    if as_json:
        return output.document("model", found)
    output.columns(found.items())
    return 0


def _list(as_json: bool) -> int:
    from repocomp.config import load_settings
    from repocomp.model.catalogue import CATALOGUE
    from repocomp.model.library import load_pack, pack_names

    settings = load_settings(None, {})
    packs = [_row(load_pack(name), settings.generator, settings.policy) for name in pack_names()]
    pulled = {row["name"] for row in packs}
    missing = [one for one in CATALOGUE if one.name not in pulled]
    models = [
        {"name": one.name, "title": one.title, "licence": one.licence, "bytes": one.size_bytes} for one in missing
    ]
    if as_json:
        return output.document("model", {"packs": packs, "catalogue": models})
    for row in packs:
        used = f"  in use: {', '.join(row['used_as'])}" if row["used_as"] else ""
        output.line(f"{row['name']:<32}{row['bytes'] / 1e6:>8,.0f} MB  {row['family']}, {row['precision']}{used}")
    output.line("To be had by `repocomp model pull NAME`:")
    for one in missing:
        size = f"{one.size_bytes / 1e6:>8,.0f} MB" if one.size_bytes else " " * 11
        output.line(f"{one.name:<32}{size}  {one.title}; {one.licence}")
    return 0


def _row(pack: Pack, generator: str, policy: str) -> dict[str, Any]:
    used = {"generator": generator, "policy": policy}
    return {
        "name": pack.folder.name,
        "family": pack.family,
        "precision": pack.precision,
        "licence": pack.licence,
        "roles": list(pack.roles),
        "bytes": sum((pack.folder / name).stat().st_size for name in pack.digests),
        "used_as": [role for role, name in used.items() if name in (pack.folder.name, str(pack.folder))],
    }


def _added(pack: Pack, as_json: bool) -> int:
    if as_json:
        return output.document("model", _facts(pack))
    output.line(
        f"{pack.folder.name}: family {pack.family}, {pack.precision}, {pack.shape.max_context:,} tokens of context"
    )
    output.line(f"use it:  repocomp model use {pack.folder.name}")
    return 0


def _facts(pack: Pack) -> dict[str, Any]:
    facts = asdict(pack)
    facts["tokens"] = facts.pop("control")
    return {**facts, "folder": str(pack.folder), "digest": pack.digest}
