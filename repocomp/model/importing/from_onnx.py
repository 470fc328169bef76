"""Finished graphs of others: a folder in the layout of onnx-community, optimum or ONNX Runtime GenAI becomes a pack.

Nothing is converted. The graph is looked at before ONNX Runtime sees it, copied with the files that it names, and run
once before the pack takes its place.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from repocomp.errors import PackError
from repocomp.model.families import SUFFIX_FIRST, find_family
from repocomp.model.foreign import Layout, layout_of
from repocomp.model.graph.read import GraphFacts, inspect
from repocomp.model.importing import vocabulary
from repocomp.model.importing.checkpoint import MOST_CONTEXT, budgets_for
from repocomp.model.importing.from_safetensors import first_id, read_json, read_text
from repocomp.model.library import new_folder, remember_files, seal
from repocomp.model.opening import open_session
from repocomp.model.pack import MODEL, TOKENIZER, Pack
from repocomp.model.shape import ModelShape
from repocomp.model.tokenizer import Tokenizer

_PREFERRED = ("model_quantized.onnx", "model_int8.onnx", "model_q4.onnx", "model.onnx", "decoder_model_merged.onnx")
"""Of several graphs of the same model, the one for a CPU."""
_CONFIGS = ("config.json", "genai_config.json")
_SPARE_BYTES = 1 << 26


def find_graph(path: Path) -> Path | None:
    """The graph of a folder, which may lie in its `onnx/`; None where there is none."""
    if path.suffix == ".onnx":
        return path
    found = [file for folder in (path, path / "onnx") for file in sorted(folder.glob("*.onnx"))]
    by_name = {file.name: file for file in reversed(found)}
    return next((by_name[name] for name in _PREFERRED if name in by_name), found[0] if found else None)


def add_graph(graph: Path, target: Path, *, family: str | None, licence: str) -> Pack:
    """Write the pack of a graph to the folder `target`. Raises PackError, OSError."""
    facts = inspect(graph)
    layout = layout_of(facts.inputs, facts.outputs)
    folder = graph.parent
    home = folder if (folder / "tokenizer.json").exists() else folder.parent
    config = _config(folder, home)
    text = vocabulary.from_tokenizer_json(read_text(home / "tokenizer.json"))
    shape = _shape(facts, layout, config)
    try:
        found, control = find_family(text.control, name=family, end=first_id(config.get("eos_token_id")))
    except ValueError as error:
        raise PackError(f"the model is of another family: {error}", "leave --family out") from error
    pack = Pack(
        name=target.name,
        version="1",
        folder=target,
        shape=shape,
        licence=licence or "unknown",
        family=found,
        roles=("generator",),
        layout="spm" if found in SUFFIX_FIRST else "psm",
        precision="as exported",
        control=control,
        budgets=budgets_for(shape.max_context),
        training={"architecture": str(config.get("model_type", "unknown")), "file": graph.name},
    )
    return _written(pack, graph, facts, text.text)


def _written(pack: Pack, graph: Path, facts: GraphFacts, text: str) -> Pack:
    with new_folder(pack.folder) as folder:
        _copy(graph, folder / MODEL)
        for name in sorted(facts.files):
            if name in (MODEL, TOKENIZER):
                raise PackError(f"{graph} keeps its data in a file named {name}", "do not use this file")
            _copy(graph.parent / name, folder / name)
        (folder / TOKENIZER).write_text(text, "utf-8")
        sealed = replace(seal(pack, folder), folder=folder)
        Tokenizer.load(sealed)
        _try(sealed)
    sealed = replace(sealed, folder=pack.folder)
    remember_files(sealed)
    return sealed


def _try(pack: Pack) -> None:
    session = open_session(pack)
    logits = session.run(np.arange(4), 0, session.new_buffers(), 1)
    if logits.shape != (1, pack.shape.vocab_size) or not np.isfinite(logits).all():
        raise PackError(f"the graph returns logits of shape {logits.shape}", "use another graph of the model")


def _copy(source: Path, target: Path) -> None:
    if not source.is_file():
        raise PackError(f"the graph needs {source}, which is missing", "download the whole folder")
    if shutil.disk_usage(target.parent).free < source.stat().st_size + _SPARE_BYTES:
        raise PackError(f"there is no room for {source.name} in {target.parent.parent}", "free some space")
    shutil.copyfile(source, target)


def _config(*folders: Path) -> Mapping[str, Any]:
    """What the folder says of the model; GenAI's own file puts it one and two levels deeper."""
    for folder in folders:
        for name in _CONFIGS:
            if (folder / name).is_file():
                config = read_json(folder / name)
                for level in ("model", "decoder"):
                    inner = config.get(level)
                    config = {**config, **inner} if isinstance(inner, dict) else config
                return config
    raise PackError(f"{folders[0]} holds no config.json", "download the whole folder")


def _shape(facts: GraphFacts, layout: Layout, config: Mapping[str, Any]) -> ModelShape:
    """What the graph says of itself, and the rest by config.json."""
    logits = next(slot for slot in facts.outputs if slot.name == "logits")
    context = config.get("max_position_embeddings") or config.get("context_length") or MOST_CONTEXT
    try:
        heads = int(config.get("num_attention_heads") or layout.kv_heads or config["num_attention_heads"])
        stated = layout.head_dim or config.get("head_dim") or config.get("head_size")
        head_dim = int(stated or int(config["hidden_size"]) // heads)
        return ModelShape(
            vocab_size=int((logits.size[-1] if logits.size else None) or config["vocab_size"]),
            d_model=heads * head_dim,
            n_layers=len(layout.past) // 2,
            n_heads=heads,
            n_kv_heads=int(layout.kv_heads or config.get("num_key_value_heads") or heads),
            d_ff=int(config.get("intermediate_size") or heads * head_dim),
            max_context=min(MOST_CONTEXT, int(context)),
        )
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise PackError(f"neither the graph nor config.json says {error}", "download the whole folder") from error
