"""Packs that mean harm or are damaged: one clear error before anything aborts, and not a word on stdout."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repocomp.errors import PackError
from repocomp.model import saturation
from repocomp.model.library import load_pack
from repocomp.model.opening import open_session
from repocomp.model.pack import Pack
from repocomp.model.tokenizer import Tokenizer

CONTENT = json.loads(load_pack("default").tokenizer_path.read_text("utf-8"))
MODEL = CONTENT["model"]


def read(folder: Path, **changes: Any) -> Tokenizer:
    path = folder / "tokenizer.json"
    path.write_text(json.dumps({**CONTENT, **changes}), encoding="utf-8")
    return Tokenizer.read(path, range(8))


@pytest.mark.parametrize(
    "changes",
    [
        {"model": {**MODEL, "vocab": {**MODEL["vocab"], "zzz": 2**32 - 1}}},
        {"model": {**MODEL, "merges": [["a", "nonexistent"]]}},
        {"model": {**MODEL, "dropout": 0.5}},
        {"model": {**MODEL, "end_of_word_suffix": "x"}},
        {"model": {**MODEL, "vocab": {}, "merges": []}},
        {"model": {"type": "WordPiece", "vocab": {"a": 0}, "unk_token": "b", "max_input_chars_per_word": 9}},
        {"normalizer": {"type": "Replace", "pattern": {"String": ""}, "content": "x"}},
        {"normalizer": {"type": "Lowercase"}},
        {"pre_tokenizer": {"type": "FixedLength", "length": 0}},
        {"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(("}, "behavior": "Isolated", "invert": False}},
        {"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "a"}, "behavior": "Removed", "invert": False}},
    ],
)
def test_a_vocabulary_that_loses_text_or_breaks_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(PackError, match="cannot read the vocabulary") as raised:
        read(tmp_path, **changes)
    assert raised.value.hint


def test_padding_and_truncation_of_a_vocabulary_are_not_obeyed(tmp_path: Path) -> None:
    padding = {
        "strategy": {"Fixed": 10**12},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "x",
    }
    truncation = {"direction": "Right", "max_length": 1, "strategy": "LongestFirst", "stride": 0}
    plain, odd = read(tmp_path), read(tmp_path, padding=padding, truncation=truncation)
    text = "def read(path):\n    return path\n"
    assert odd.encode(text) == plain.encode(text)
    assert odd.encode_batch([text, ""]) == plain.encode_batch([text, ""])


def test_a_vocabulary_of_absurd_size_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(PackError, match="larger than"):
        Tokenizer.read(path, ())


def changed(folder: Path, change: Callable[[bytes], bytes]) -> Pack:
    pack = load_pack("default")
    (folder / "model.onnx").write_bytes(change(pack.model_path.read_bytes()))
    return replace(pack, folder=folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b"layers.0.q", b"layers.0.z", 1),
        lambda data: data.replace(b"GroupQueryAttention", b"GroupQueryAttentiom"),
        lambda data: data.replace(b"past.5.value", b"past.5.velue"),
        lambda data: data.replace(b"past.0.key", b"past.0.kez"),
        lambda data: data.replace(b"total_sequence_length", b"total_sequence_lengt\xf1"),
        lambda data: data[: len(data) // 2],
    ],
)
def test_a_damaged_graph_is_one_line_and_nothing_on_stdout(
    tmp_path: Path, change: Callable[[bytes], bytes], capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(PackError) as raised:
        open_session(changed(tmp_path, change))
    assert "\n" not in raised.value.message
    assert raised.value.hint
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("sizes", [{"max_context": 4096}, {"n_layers": 5}, {"n_kv_heads": 4}])
def test_a_graph_of_other_sizes_than_its_manifest_says_is_refused(sizes: dict[str, int]) -> None:
    pack = load_pack("default")
    shape: Any = {**sizes}
    with pytest.raises(PackError, match="does not fit its manifest: input 'past"):
        open_session(replace(pack, shape=replace(pack.shape, **shape)))


class Options:
    """Session options that remember what they were asked for."""

    def __init__(self) -> None:
        self.entries: dict[str, str] = {}

    def add_session_config_entry(self, name: str, value: str) -> None:
        self.entries[name] = value


@pytest.mark.parametrize("saturates", [True, False])
def test_unsigned_weights_are_asked_for_where_products_saturate(
    monkeypatch: pytest.MonkeyPatch, saturates: bool
) -> None:
    monkeypatch.setattr(saturation, "_saturates", lambda: saturates)
    options = Options()
    saturation.avoid_saturation(options)
    assert options.entries == ({"session.x64quantprecision": "1"} if saturates else {})


@pytest.mark.skipif(saturation._saturates(), reason="products of bytes saturate here")
def test_the_default_pack_says_the_same_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    ids, rows = np.arange(8, 40), []
    for saturates in (True, False):
        monkeypatch.setattr(saturation, "_saturates", lambda saturates=saturates: saturates)
        session = open_session(load_pack("default"))
        rows.append(session.run(ids, 0, session.new_buffers(), len(ids)).copy())
    np.testing.assert_array_equal(rows[0], rows[1])
