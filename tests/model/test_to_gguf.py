"""A GGUF file holds the pack's weights, in llama.cpp's order and under its names."""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from repocomp.model.importing.from_gguf import open_gguf
from repocomp.model.library import load_pack
from repocomp.model.to_gguf import _interleaved, write_gguf
from repocomp.model.weights import weights_of

Floats = npt.NDArray[np.float32]


def read(data: bytes) -> tuple[dict[str, Any], dict[str, Floats]]:
    """What a reader that follows the format's description makes of a file."""
    file = io.BytesIO(data)

    def number(kind: str) -> Any:  # noqa: ANN401
        return struct.unpack("<" + kind, file.read(struct.calcsize("<" + kind)))[0]

    def text() -> str:
        return file.read(number("Q")).decode()

    def value(kind: int) -> Any:  # noqa: ANN401
        if kind == 9:
            inner, count = number("I"), number("Q")
            return [value(inner) for _ in range(count)]
        return text() if kind == 8 else number({4: "I", 5: "i", 6: "f", 7: "?"}[kind])

    assert (file.read(4), number("I")) == (b"GGUF", 3)
    tensors, pairs = number("Q"), number("Q")
    metadata = {text(): value(number("I")) for _ in range(pairs)}
    table = []
    for _ in range(tensors):
        name, dimensions = text(), number("I")
        table.append((name, [number("Q") for _ in range(dimensions)], number("I"), number("Q")))
    start = -(-file.tell() // 32) * 32
    found = {}
    for name, sizes, kind, offset in table:
        assert (kind, offset % 32) == (0, 0)
        found[name] = np.frombuffer(data, "<f4", int(np.prod(sizes)), start + offset).reshape(sizes[::-1])
    return metadata, found


def test_the_file_holds_the_weights_and_the_vocabulary(tmp_path: Path) -> None:
    pack = load_pack("default")
    write_gguf(pack, tmp_path / "model.gguf")
    metadata, tensors = read((tmp_path / "model.gguf").read_bytes())
    weights = weights_of(pack)
    assert len(tensors) == len(weights)
    np.testing.assert_array_equal(tensors["token_embd.weight"], weights["embed.weight"])
    np.testing.assert_array_equal(tensors["blk.5.ffn_down.weight"], weights["layers.5.down.weight"])
    np.testing.assert_array_equal(tensors["blk.0.attn_v.weight"], weights["layers.0.v.weight"])
    assert not np.array_equal(tensors["blk.0.attn_q.weight"], weights["layers.0.q.weight"])
    assert metadata["llama.attention.head_count_kv"] == pack.shape.n_kv_heads
    assert metadata["llama.rope.freq_base"] == pack.shape.rope_theta
    tokens, types = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.token_type"]
    assert len(tokens) == len(types) == pack.shape.vocab_size
    assert [number for number, kind in enumerate(types) if kind == 3] == sorted(pack.tokens.all)
    assert all(len(merge.split(" ")) == 2 for merge in metadata["tokenizer.ggml.merges"])


def test_what_is_written_is_read_back_as_it_was(tmp_path: Path) -> None:
    pack = load_pack("default")
    write_gguf(pack, tmp_path / "model.gguf")
    checkpoint = open_gguf(tmp_path / "model.gguf")
    # The file holds it as a 32-bit float.
    assert checkpoint.shape == replace(pack.shape, norm_eps=float(np.float32(pack.shape.norm_eps)))
    for name, matrix in weights_of(pack).items():
        np.testing.assert_array_equal(checkpoint.weights.rows(name, 0, len(matrix)), matrix)


def test_neighbours_rotate_as_halves_did() -> None:
    random = np.random.default_rng(0)
    heads, size, width = 2, 8, 6
    query, key = (random.normal(size=(heads * size, width)).astype(np.float32) for _ in range(2))
    x = random.normal(size=(2, width)).astype(np.float32)
    angles = np.outer([3, 11], 0.5 ** np.arange(size // 2))

    def turned(matrix: Floats, row: int, pairs: tuple[slice, slice]) -> Floats:
        vectors = (x[row] @ matrix.T).reshape(heads, size)
        out: Floats = np.empty_like(vectors)
        a, b = vectors[:, pairs[0]], vectors[:, pairs[1]]
        cos, sin = np.cos(angles[row]), np.sin(angles[row])
        out[:, pairs[0]], out[:, pairs[1]] = a * cos - b * sin, b * cos + a * sin
        return out

    halves = slice(0, size // 2), slice(size // 2, None)
    neighbours = slice(0, None, 2), slice(1, None, 2)
    ours = (turned(query, 0, halves) * turned(key, 1, halves)).sum(-1)
    moved = _interleaved(query, heads), _interleaved(key, heads)
    theirs = (turned(moved[0], 0, neighbours) * turned(moved[1], 1, neighbours)).sum(-1)
    np.testing.assert_allclose(theirs, ours, rtol=1e-5)
