"""Models of others become packs that compute what NumPy does with their weights, whatever the file looks like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repocomp.errors import PackError
from repocomp.model.graph.decoder import Precision, build
from repocomp.model.graph.quantize import int_blocks
from repocomp.model.graph.reference import agreement, divergence, forward
from repocomp.model.graph.weights import ArrayWeights, Floats, whole
from repocomp.model.graph.write import ExternalData
from repocomp.model.home import packs_folder
from repocomp.model.importing.add import add_pack
from repocomp.model.importing.from_gguf import open_gguf
from repocomp.model.library import load_pack
from repocomp.model.opening import open_session
from repocomp.model.pack import Pack
from repocomp.model.shape import EMBEDDING, HEAD, ModelShape
from tests.model.importing import tiny

IDS = tiny.ids(24)


def logits(pack: Pack) -> Floats:
    session = open_session(pack)
    return session.run(IDS, 0, session.new_buffers(), len(IDS)).copy()


def assert_computes(pack: Pack, weights: Mapping[str, Floats], shape: ModelShape, atol: float = 2e-4) -> None:
    np.testing.assert_allclose(logits(pack), forward(weights, shape, IDS), atol=atol)


@pytest.mark.parametrize("architecture", ["qwen2", "llama"])
@pytest.mark.parametrize("has_biases", [False, True])
@pytest.mark.parametrize("is_tied", [False, True])
def test_a_gguf_of_floats_computes_what_its_weights_do(
    tmp_path: Path, architecture: str, has_biases: bool, is_tied: bool
) -> None:
    shape = replace(tiny.SHAPE, has_biases=has_biases, is_tied=is_tied)
    weights = tiny.random_weights(shape)
    path = tiny.write_gguf(tmp_path / "a.gguf", weights, shape, architecture)
    pack = add_pack(path, "toy", precision="float32")
    assert load_pack("toy") == pack
    assert (pack.shape.is_tied, pack.shape.has_biases) == (is_tied, has_biases)
    assert_computes(pack, weights, shape)


@pytest.mark.parametrize("kind", ["F16", "BF16", "Q8_0", "Q5_0", "Q5_1", "Q4_0", "Q4_1"])
def test_every_quantisation_is_read_as_its_writer_meant_it(tmp_path: Path, kind: str) -> None:
    weights = tiny.random_weights()
    path = tiny.write_gguf(tmp_path / "a.gguf", weights, architecture="llama", kind=kind)
    assert_computes(add_pack(path, "toy", precision="float32"), tiny.dequantised(weights, kind), tiny.SHAPE)


@pytest.mark.parametrize(
    ("precision", "most_kl"), [("int8", 3e-3), ("int8-blocks", 3e-3), ("int4", 0.2), ("float32", 1e-9)]
)
def test_every_precision_comes_close(tmp_path: Path, precision: Precision, most_kl: float) -> None:
    weights = tiny.random_weights()
    pack = add_pack(tiny.write_gguf(tmp_path / "a.gguf", weights), "toy", precision=precision)
    expected = forward(weights, tiny.SHAPE, IDS)
    assert pack.precision == precision
    assert divergence(expected, logits(pack)) < most_kl
    assert agreement(expected, logits(pack)) >= (0.4 if precision == "int4" else 0.9)


@pytest.mark.parametrize(("kind", "bits"), [("Q8_0", 8), ("Q5_0", 8), ("Q4_0", 8), ("Q4_0", 4)])
def test_codes_are_copied_exactly_where_they_can_be(tmp_path: Path, kind: str, bits: int) -> None:
    path = tiny.write_gguf(tmp_path / "a.gguf", tiny.random_weights(), architecture="llama", kind=kind)
    weights = open_gguf(path).weights
    for name in ("layers.0.q.weight", "layers.1.down.weight"):
        matrix = whole(weights, name)
        levels, scales = int_blocks(matrix, bits, weights.block_scales(name, 0, len(matrix), bits))
        if bits == 4:
            levels = np.stack([levels & 15, levels >> 4], -1).reshape(*levels.shape[:2], -1)
        back = (levels.astype(np.float32) - (1 << (bits - 1))) * scales[..., None]
        np.testing.assert_array_equal(back.reshape(matrix.shape), matrix)


def test_five_bits_do_not_fit_into_four(tmp_path: Path) -> None:
    weights = open_gguf(tiny.write_gguf(tmp_path / "a.gguf", tiny.random_weights(), kind="Q5_0")).weights
    assert weights.block_scales("layers.0.q.weight", 0, 8, 4) is None
    assert weights.block_scales("layers.0.q.weight", 0, 8, 8) is not None


@pytest.mark.parametrize(("embedding", "head"), [("Q4_0", "Q8_0"), ("Q8_0", "Q4_0")])
def test_of_one_matrix_for_both_ends_the_more_precise_is_used(tmp_path: Path, embedding: str, head: str) -> None:
    weights = tiny.random_weights()
    both = {**weights, HEAD: weights[EMBEDDING]}
    kinds = {"token_embd.weight": embedding, "output.weight": head}
    checkpoint = open_gguf(tiny.write_gguf(tmp_path / "a.gguf", both, tiny.untied(), kinds=kinds))
    assert checkpoint.shape.is_tied
    np.testing.assert_array_equal(
        whole(checkpoint.weights, EMBEDDING), tiny.dequantised({EMBEDDING: weights[EMBEDDING]}, "Q8_0")[EMBEDDING]
    )


@pytest.mark.parametrize("precision", ["int8", "int8-blocks", "int4", "float32"])
def test_a_head_of_its_own_is_kept(tmp_path: Path, precision: Precision) -> None:
    weights = tiny.random_weights(tiny.untied())
    pack = add_pack(tiny.write_gguf(tmp_path / "a.gguf", weights, tiny.untied()), "toy", precision=precision)
    expected = forward(weights, tiny.untied(), IDS)
    assert not pack.shape.is_tied
    assert float(np.corrcoef(logits(pack).ravel(), expected.ravel())[0, 1]) > (0.9 if precision == "int4" else 0.998)


def test_heads_may_be_wider_than_the_model(tmp_path: Path) -> None:
    shape = replace(tiny.SHAPE, head_size=32)
    weights = tiny.random_weights(shape)
    path = tiny.write_gguf(tmp_path / "a.gguf", weights, shape, "llama")
    assert_computes(add_pack(path, "toy", precision="float32"), weights, shape)


def test_scaled_positions_are_read(tmp_path: Path) -> None:
    weights, factors = tiny.random_weights(), np.linspace(1, 4, tiny.SHAPE.head_dim // 2, dtype=np.float32)
    path = tiny.write_gguf(tmp_path / "a.gguf", weights, extra={"rope_freqs.weight": factors}, architecture="llama")
    shape = replace(tiny.SHAPE, rope_factors=tuple(factors.tolist()))
    pack = add_pack(path, "toy", precision="float32")
    assert load_pack("toy").shape == pack.shape
    assert_computes(pack, weights, shape)
    linear = {"qwen2.rope.scaling.type": "linear", "qwen2.rope.scaling.factor": 2.0}
    pack = add_pack(tiny.write_gguf(tmp_path / "b.gguf", weights, metadata=linear), "toy", precision="float32")
    assert_computes(pack, weights, replace(tiny.SHAPE, rope_factors=(2.0,) * (tiny.SHAPE.head_dim // 2)))


@pytest.mark.parametrize(("kind", "atol"), [("F32", 2e-4), ("F16", 0.05), ("BF16", 0.3)])
@pytest.mark.parametrize("is_tied", [False, True])
def test_a_folder_of_safetensors_computes_what_its_weights_do(
    tmp_path: Path, kind: str, atol: float, is_tied: bool
) -> None:
    shape = replace(tiny.SHAPE, is_tied=is_tied)
    weights = tiny.random_weights(shape)
    folder = tiny.write_safetensors(tmp_path / "hf", weights, shape, kind)
    assert_computes(add_pack(folder, "toy", precision="float32"), weights, shape, atol)


def test_llama_3_stretches_its_long_waves_alone(tmp_path: Path) -> None:
    scaling = {
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    }
    folder = tiny.write_safetensors(tmp_path / "hf", tiny.random_weights(), rope_scaling=scaling)
    factors = add_pack(folder, "toy", precision="float32").shape.rope_factors
    assert factors[0] == 1.0
    assert factors == tuple(sorted(factors))
    assert 1.0 < factors[-1] <= 8.0


def test_the_vocabulary_tells_family_roles_and_stops(tmp_path: Path) -> None:
    pack = add_pack(tiny.write_gguf(tmp_path / "a.gguf", tiny.random_weights()), "toy")
    tokens = tiny.vocabulary()[0]
    control = pack.control
    assert (pack.family, pack.roles) == ("qwen2.5-coder", ("generator",))
    frame = (control.prefix, control.suffix, control.middle, control.file)
    assert [tokens[i or 0] for i in frame] == ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file_sep|>"]
    assert (control.decide, control.cc) == (None, None)
    assert {tokens[i] for i in control.stop_ids} == set(tiny.CONTROL)
    with pytest.raises(PackError, match="no tokens to decide"):
        _ = pack.tokens


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"architecture": "gemma"}, "architecture 'gemma'"),
        ({"metadata": {"qwen2.expert_count": 8}}, "expert_count"),
        ({"metadata": {"qwen2.logit_scale": 8.0}}, "logit_scale"),
        ({"metadata": {"qwen2.rope.scaling.type": "yarn"}}, "yarn"),
        ({"metadata": {"qwen2.rope.dimension_count": 8}}, "a part of a head"),
        ({"extra": {"blk.0.attn_q_norm.weight": np.ones(16, np.float32)}}, "blk.0.attn_q_norm.weight"),
    ],
)
def test_what_is_not_known_is_refused_by_its_name(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    path = tiny.write_gguf(tmp_path / "a.gguf", tiny.random_weights(), **changes)
    with pytest.raises(PackError, match=said) as raised:
        add_pack(path, "toy")
    assert raised.value.hint
    assert not (packs_folder() / "toy").exists()


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"model_type": "gpt_neox"}, "gpt_neox"),
        ({"hidden_act": "gelu"}, "gelu"),
        ({"quantization_config": {"bits": 4}}, "quantised safetensors"),
        ({"rope_scaling": {"type": "yarn", "factor": 4}}, "yarn"),
        ({"num_hidden_layers": 3}, "layers.2"),
        ({"hidden_size": "wide"}, "damaged"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(tmp_path: Path, config: dict[str, Any], said: str) -> None:
    folder = tiny.write_safetensors(tmp_path / "hf", tiny.random_weights(), **config)
    with pytest.raises(PackError, match=said):
        add_pack(folder, "toy")


def test_a_damaged_file_is_one_clear_error_wherever_it_ends(tmp_path: Path) -> None:
    data = tiny.write_gguf(tmp_path / "a.gguf", tiny.random_weights(), kind="Q8_0").read_bytes()
    broken = tmp_path / "broken.gguf"
    for keep in [0, 3, 4, 8, 23, 24, 60, *range(100, len(data) - 1, len(data) // 60), len(data) - 1]:
        broken.write_bytes(data[:keep])
        with pytest.raises(PackError):
            open_gguf(broken)
    assert not packs_folder().exists() or not list(packs_folder().iterdir())


def test_changed_bytes_in_the_tables_never_crash(tmp_path: Path) -> None:
    data = bytearray(tiny.write_gguf(tmp_path / "a.gguf", tiny.random_weights(), kind="Q4_0").read_bytes())
    random = np.random.default_rng(3)
    broken = tmp_path / "broken.gguf"
    refused = 0
    for _ in range(200):
        changed = bytearray(data)
        for at in random.integers(0, 9000, 3).tolist():
            changed[at] = int(random.integers(256))
        broken.write_bytes(changed)
        try:
            open_gguf(broken)
        except PackError:
            refused += 1
    assert refused > 20


@pytest.mark.parametrize("keep", [0, 7, 8, 40, 500, 5000])
def test_a_damaged_safetensors_file_is_told(tmp_path: Path, keep: int) -> None:
    folder = tiny.write_safetensors(tmp_path / "hf", tiny.random_weights())
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(PackError):
        add_pack(folder, "toy")


@pytest.mark.parametrize("name", ["default", "../toy", "", "a/b", ".hidden"])
def test_a_pack_gets_a_name_of_its_own(tmp_path: Path, name: str) -> None:
    path = tiny.write_gguf(tmp_path / "a.gguf", tiny.random_weights())
    with pytest.raises(PackError, match="cannot name a pack"):
        add_pack(path, name)


def test_without_room_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tiny.write_gguf(tmp_path / "a.gguf", tiny.random_weights())

    def full(*_: object) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("repocomp.model.graph.write.ExternalData.add", full)
    with pytest.raises(PackError, match="No space left") as raised:
        add_pack(path, "toy")
    assert raised.value.hint
    assert list(packs_folder().iterdir()) == []


@pytest.mark.parametrize("precision", ["int8", "int8-blocks", "int4"])
def test_no_more_than_a_part_of_a_matrix_is_in_memory_as_floats(tmp_path: Path, precision: Precision) -> None:
    class Counting(ArrayWeights):
        most = 0

        def rows(self, name: str, start: int, stop: int) -> Floats:
            self.most = max(self.most, stop - start)
            return super().rows(name, start, stop)

    shape = replace(tiny.SHAPE, vocab_size=10_000, n_layers=1)
    weights = Counting(tiny.random_weights(shape))
    with ExternalData(tmp_path / "model.data") as data:
        build(weights, shape, precision, data)
    assert 0 < weights.most <= 4096


def test_a_pack_can_be_added_as_it_is(tmp_path: Path) -> None:
    first = add_pack(tiny.write_gguf(tmp_path / "a.gguf", tiny.random_weights()), "first")
    second = add_pack(first.folder, "second")
    assert second.digest == first.digest
    np.testing.assert_array_equal(logits(load_pack("second")), logits(first))
