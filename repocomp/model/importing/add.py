"""From a file or folder of others to a pack of one's own, tensor by tensor.

No more than one matrix is in memory at a time. A pack takes its place as a whole, or nothing is left of it.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import get_args

from repocomp.errors import PackError
from repocomp.model.families import FAMILY_NAMES, SUFFIX_FIRST, find_family
from repocomp.model.graph.decoder import Precision, build
from repocomp.model.graph.write import ExternalData
from repocomp.model.home import packs_folder
from repocomp.model.importing.checkpoint import Checkpoint, budgets_for
from repocomp.model.importing.from_gguf import open_gguf
from repocomp.model.importing.from_onnx import add_graph, find_graph
from repocomp.model.importing.from_safetensors import open_safetensors
from repocomp.model.library import built_in_packs, is_name, load_pack, new_folder, remember_files, seal
from repocomp.model.pack import MANIFEST, MODEL, MODEL_DATA, TOKENIZER, Pack
from repocomp.model.shape import ModelShape, weight_shapes
from repocomp.model.tokenizer import Tokenizer
from repocomp.progress import OnProgress, Progress, ignore
from repocomp.tree import real

PRECISIONS: tuple[Precision, ...] = tuple(one for one in get_args(Precision) if one != "float16")
DEFAULT_PRECISION: Precision = "int8"
"""Prefills three times as fast as blocks of 32, for 0.5 % more loss on the model that was measured."""
_BYTES_PER_WEIGHT = {"int8": 1.125, "int8-blocks": 1.125, "int4": 1.125, "float32": 4.0}
_SPARE_BYTES = 1 << 26


def add_pack(
    path: Path,
    name: str,
    *,
    precision: Precision = DEFAULT_PRECISION,
    family: str | None = None,
    licence: str = "",
    show: OnProgress = ignore,
) -> Pack:
    """Make the pack `name` of a GGUF file, a folder of safetensors or of ONNX, or another pack.

    Raises PackError where it cannot be read, is not supported, or the disk is full.
    """
    if not is_name(name) or name in built_in_packs():
        raise PackError(f"{name!r} cannot name a pack", "give another with --name; letters, digits, '.', '_' and '-'")
    if family is not None and family not in FAMILY_NAMES:
        raise PackError(f"there is no family {family!r}", f"use one of: {', '.join(FAMILY_NAMES)}")
    target = packs_folder() / name
    try:
        if (path / MANIFEST).is_file():
            return _copied(load_pack(path), target)
        if (graph := find_graph(path)) is not None:
            return add_graph(graph, target, family=family, licence=licence)
        checkpoint = open_safetensors(path) if path.is_dir() else open_gguf(path)
        checkpoint = replace(checkpoint, licence=licence or checkpoint.licence)
        return write_checkpoint(checkpoint, target, precision=precision, family=family, show=show)
    except OSError as error:
        raise PackError(f"cannot write {target}: {error.strerror}", "free some space, or check permissions") from error


def write_checkpoint(
    checkpoint: Checkpoint,
    target: Path,
    *,
    precision: Precision = DEFAULT_PRECISION,
    family: str | None = None,
    show: OnProgress = ignore,
) -> Pack:
    """Write the pack of a checkpoint to the folder `target`. Raises PackError, OSError."""
    shape = checkpoint.shape
    expected = _check_space(target, shape, precision)
    with new_folder(target) as folder:
        (folder / TOKENIZER).write_text(checkpoint.vocabulary.text, "utf-8")
        pack = _manifest(checkpoint, folder, target, precision, family)
        try:
            with ExternalData(
                folder / MODEL_DATA, lambda done: show(Progress(done, max(done, expected), "converting"))
            ) as data:
                (folder / MODEL).write_bytes(build(checkpoint.weights, shape, precision, data))
        except (ValueError, NotImplementedError) as error:
            raise PackError(f"the model cannot be converted: {error}", "try --precision int8") from error
        Tokenizer.load(replace(pack, folder=folder))
        pack = replace(seal(pack, folder), folder=target)
    remember_files(pack)
    return pack


def _manifest(checkpoint: Checkpoint, folder: Path, target: Path, precision: Precision, family: str | None) -> Pack:
    try:
        found, control = find_family(
            checkpoint.vocabulary.control, name=family, start=checkpoint.start, end=checkpoint.end
        )
    except ValueError as error:
        raise PackError(f"the model is of another family: {error}", "leave --family out") from error
    return Pack(
        name=target.name,
        version="1",
        folder=target,
        shape=checkpoint.shape,
        licence=checkpoint.licence,
        family=found,
        roles=("generator",),
        layout="spm" if found in SUFFIX_FIRST else "psm",
        precision=precision,
        control=control,
        budgets=budgets_for(checkpoint.shape.max_context),
        training={"architecture": checkpoint.architecture, **checkpoint.facts},
    )


def _copied(pack: Pack, target: Path) -> Pack:
    with new_folder(target) as folder:
        for name in (*pack.digests, MANIFEST):
            shutil.copyfile(pack.folder / name, folder / name)
    pack = replace(pack, folder=target)
    remember_files(pack)
    return pack


def _check_space(target: Path, shape: ModelShape, precision: Precision) -> int:
    """The bytes that a pack is going to take. Raises PackError where they are not free."""
    count = sum(size[0] * (size[1] if len(size) > 1 else 1) for size in weight_shapes(shape).values())
    expected = int(count * _BYTES_PER_WEIGHT[precision])
    needed = expected + _SPARE_BYTES
    target.parent.mkdir(parents=True, exist_ok=True)
    if (free := shutil.disk_usage(target.parent).free) < needed:
        sizes = f"{needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free"
        raise PackError(f"the pack needs {sizes} in {target.parent}", "free some space, or set XDG_DATA_HOME")
    return expected


def name_for(path: Path) -> str:
    """A name for the pack of a file or folder, made of its own."""
    stem = real(path).name
    stem = stem[: -len(path.suffix)] if path.suffix.lower() in (".gguf", ".onnx") else stem
    name = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in stem.lower()).strip("-._")
    return name or "model"
