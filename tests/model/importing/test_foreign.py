"""Finished graphs of others: bound by name, run as ours, and refused where they could do more than compute."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repocomp.errors import PackError
from repocomp.model.foreign import ForeignSession
from repocomp.model.graph.read import inspect
from repocomp.model.graph.reference import forward
from repocomp.model.graph.write import Graph
from repocomp.model.home import packs_folder
from repocomp.model.importing.add import add_pack
from repocomp.model.library import load_pack
from repocomp.model.opening import open_session
from tests.model.importing import graphs, tiny

IDS = tiny.ids(20)


def folder_of(home: Path, kind: type[graphs.Community], *, below: str = "", data: str | None = None) -> Path:
    weights = tiny.random_weights()
    tiny.write_safetensors(home, weights)
    (home / "model.safetensors").unlink()
    graphs.write(home / below, kind, weights, tiny.SHAPE, data=data)
    return home


LAYOUTS: list[Any] = [
    pytest.param(graphs.Community, True, id="onnx-community"),
    pytest.param(graphs.HalfCommunity, True, id="half"),
    pytest.param(graphs.GenAI, True, id="genai"),
    pytest.param(graphs.Optimum, False, id="optimum"),
]


@pytest.mark.parametrize(("kind", "is_in_place"), LAYOUTS)
@pytest.mark.parametrize("sizes", [[20], [1, 1, 3, 15], [7, 13]])
def test_graphs_of_others_compute_what_ours_do(
    tmp_path: Path, kind: type[graphs.Community], is_in_place: bool, sizes: list[int]
) -> None:
    pack = add_pack(folder_of(tmp_path / "hf", kind), "toy")
    session = open_session(load_pack("toy"))
    assert isinstance(session, ForeignSession)
    assert session.is_in_place == is_in_place
    expected = forward(tiny.random_weights(), tiny.SHAPE, IDS)
    tolerance = 0.05 if kind is graphs.HalfCommunity else 2e-4
    buffers, past = session.new_buffers(), 0
    for size in sizes:
        rows = session.run(IDS[past : past + size], past, buffers, min(size, 2))
        assert rows.dtype == np.float32
        np.testing.assert_allclose(rows, expected[past + size - min(size, 2) : past + size], atol=tolerance)
        past += size
    assert pack.family == "qwen2.5-coder"


@pytest.mark.parametrize(("kind", "is_in_place"), LAYOUTS)
def test_rewinding_forgets_what_came_after(tmp_path: Path, kind: type[graphs.Community], is_in_place: bool) -> None:
    session = open_session(add_pack(folder_of(tmp_path / "hf", kind), "toy"))
    buffers = session.new_buffers()
    first = session.run(IDS[:8], 0, buffers, 1).copy()
    session.run(IDS[8:16], 8, buffers, 1)
    np.testing.assert_allclose(session.run(IDS[4:8], 4, buffers, 1), first, atol=0.02)


def test_a_graph_below_its_configuration_and_data_beside_it_are_found(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "hf", graphs.Community, below="onnx", data="model.onnx_data")
    pack = add_pack(folder, "toy")
    assert set(pack.digests) == {"model.onnx", "model.onnx_data", "tokenizer.json"}
    session = open_session(load_pack("toy"))
    expected = forward(tiny.random_weights(), tiny.SHAPE, IDS)
    np.testing.assert_allclose(session.run(IDS, 0, session.new_buffers(), 20), expected, atol=2e-4)


def genai_folder(home: Path, **sizes: object) -> Path:
    """A folder as ONNX Runtime GenAI's builder leaves it, without a config.json."""
    folder = folder_of(home, graphs.GenAI)
    (folder / "config.json").unlink()
    shape = tiny.SHAPE
    decoder = {
        "head_size": shape.head_dim,
        "hidden_size": shape.d_model,
        "num_attention_heads": shape.n_heads,
        "num_key_value_heads": shape.n_kv_heads,
        **sizes,
    }
    model = {"type": "qwen2", "context_length": 64, "vocab_size": shape.vocab_size, "decoder": decoder}
    (folder / "genai_config.json").write_text(json.dumps({"model": model, "search": {}}))
    return folder


def test_sizes_that_a_graph_leaves_open_are_those_of_its_configuration(tmp_path: Path) -> None:
    pack = add_pack(genai_folder(tmp_path / "hf"), "toy")
    assert (pack.shape.head_dim, pack.shape.n_heads) == (tiny.SHAPE.head_dim, tiny.SHAPE.n_heads)
    session = open_session(load_pack("toy"))
    expected = forward(tiny.random_weights(), tiny.SHAPE, IDS)
    np.testing.assert_allclose(session.run(IDS, 0, session.new_buffers(), 20), expected, atol=2e-4)


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ({"head_size": None, "hidden_size": None}, "neither the graph nor config.json says"),
        ({"num_attention_heads": "many"}, "neither the graph nor config.json says"),
        ({"head_size": 2 * tiny.SHAPE.head_dim}, "cannot run the model"),
        ({"head_size": 10**12}, "cannot run the model"),
        ({"head_size": -1}, "cannot run the model"),
    ],
)
def test_sizes_that_are_missing_or_wrong_are_one_error(tmp_path: Path, sizes: dict[str, object], said: str) -> None:
    with pytest.raises(PackError, match=said):
        add_pack(genai_folder(tmp_path / "hf", **sizes), "toy")
    assert not packs_folder().exists() or not list(packs_folder().iterdir())


def test_a_manifest_of_another_size_than_its_graph_is_refused(tmp_path: Path) -> None:
    pack = add_pack(folder_of(tmp_path / "hf", graphs.Community), "toy")
    wider = replace(pack, shape=replace(pack.shape, n_kv_heads=2 * pack.shape.n_kv_heads))
    with pytest.raises(PackError, match="not of its manifest's size"):
        open_session(wider)


def test_text_that_spells_a_control_token_of_others_stays_text(tmp_path: Path) -> None:
    from repocomp.model.tokenizer import Tokenizer

    tokenizer = Tokenizer.load(add_pack(folder_of(tmp_path / "hf", graphs.Community), "toy"))
    text = "<|fim_prefix|> def <|endoftext|>\n\ne\u0301 \r\n"
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert not set(ids) & set(tokenizer.never_ids)


def edit(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize("place", ["../model.dat_", "/etc/model_dat", "sub/model.dat", "..\\model.dat_"])
def test_data_outside_the_folder_is_refused(tmp_path: Path, place: str) -> None:
    folder = folder_of(tmp_path / "hf", graphs.Community, data="model.onnx_data.bin"[: len(place)])
    name = b"model.onnx_data.bin"[: len(place)]
    edit(folder / "model.onnx", lambda data: data.replace(name, place.encode()))
    with pytest.raises(PackError, match="outside its folder"):
        add_pack(folder, "toy")
    assert not packs_folder().exists() or not list(packs_folder().iterdir())


def test_a_pack_whose_graph_names_another_file_is_refused_when_it_is_opened(tmp_path: Path) -> None:
    pack = add_pack(tiny.write_gguf(tmp_path / "a.gguf", tiny.random_weights()), "toy")
    edit(pack.model_path, lambda data: data.replace(b"model.data", b"model.dato"))
    with pytest.raises(PackError, match="not part of the pack"):
        open_session(pack)


def test_a_library_of_operators_is_refused(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "hf", graphs.Community)
    edit(folder / "model.onnx", lambda data: data.replace(b"com.microsoft", b"com.microsofd"))
    with pytest.raises(PackError, match=r"library of operators, 'com\.microsofd'"):
        add_pack(folder, "toy")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"attention_mask", b"attention_musk", "an input that is not known: 'attention_musk'"),
        (b"input_ids", b"imput_ids", "not known: 'imput_ids'"),
        (b"present.", b"prescnt.", "lacks ids, logits, or keys"),
    ],
)
def test_inputs_that_are_not_known_are_named(tmp_path: Path, old: bytes, new: bytes, said: str) -> None:
    folder = folder_of(tmp_path / "hf", graphs.Community)
    edit(folder / "model.onnx", lambda data: data.replace(old, new))
    with pytest.raises(PackError, match=said):
        add_pack(folder, "toy")


def test_what_a_folder_lacks_is_named(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "hf", graphs.Community, data="model.onnx_data")
    (folder / "model.onnx_data").unlink()
    with pytest.raises(PackError, match=r"model\.onnx_data, which is missing"):
        add_pack(folder, "toy")
    (folder / "config.json").unlink()
    with pytest.raises(PackError, match=r"no config\.json"):
        add_pack(folder, "toy")
    (folder / "tokenizer.json").unlink()
    with pytest.raises(PackError, match=r"config\.json|tokenizer\.json"):
        add_pack(folder, "toy")


def test_a_graph_that_ends_early_is_one_error(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "hf", graphs.Community)
    data = (folder / "model.onnx").read_bytes()
    for keep in range(0, len(data), len(data) // 40):
        (folder / "model.onnx").write_bytes(data[:keep])
        with pytest.raises(PackError):
            add_pack(folder, "toy")
    assert not packs_folder().exists() or not list(packs_folder().iterdir())


def test_another_kind_of_vocabulary_is_refused(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "hf", graphs.Community)
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"type": "WordPiece"}}))
    with pytest.raises(PackError, match="WordPiece"):
        add_pack(folder, "toy")


def test_operators_within_branches_are_seen(tmp_path: Path) -> None:
    inner = Graph()
    inner.node("Evil", ["x"], "y", "evil.ops")
    nested = inner.serialized()
    outer = Graph()
    outer.input("x", "float32", [1])
    outer.node("Identity", ["x"], "y")
    from repocomp.model.graph.protobuf import bytes_field, fields, text_fields

    body = next(bytes(value) for number, value in fields(memoryview(nested)) if number == 7)
    branch = bytes_field(5, text_fields(1, ("then_branch",)) + bytes_field(6, body))
    node = text_fields(2, ("z",)) + text_fields(4, ("If",)) + branch
    graph = next(bytes(value) for number, value in fields(memoryview(outer.serialized())) if number == 7)
    (tmp_path / "a.onnx").write_bytes(bytes_field(7, graph + bytes_field(1, node)))
    with pytest.raises(PackError, match=r"evil\.ops"):
        inspect(tmp_path / "a.onnx")
