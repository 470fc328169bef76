"""Weights read back from a pack's graph are the ones that were exported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from repocomp.errors import PackError
from repocomp.generate.local.decode import prefill
from repocomp.generate.local.kv_cache import KvCache
from repocomp.model.graph.decoder import Precision, build
from repocomp.model.graph.reference import forward
from repocomp.model.graph.weights import ArrayWeights
from repocomp.model.library import load_pack
from repocomp.model.opening import open_session
from repocomp.model.pack import MODEL, Pack
from repocomp.model.shape import ModelShape, weight_shapes
from repocomp.model.weights import weights_of

SHAPE = ModelShape(vocab_size=40, d_model=32, n_layers=2, n_heads=4, n_kv_heads=2, d_ff=64, max_context=16)


def test_the_weights_of_the_default_pack_compute_what_its_graph_does() -> None:
    pack = load_pack("default")
    session = open_session(pack)
    ids = np.random.default_rng(0).integers(8, 2000, 48)
    ours = prefill(session, KvCache.of(session), ids.tolist(), keep=len(ids))
    expected = forward(weights_of(pack), pack.shape, ids)
    # The graph rounds activations to eight bits, the reference rounds nothing.
    assert float((ours.argmax(-1) == expected.argmax(-1)).mean()) >= 0.9
    assert float(np.corrcoef(ours.ravel(), expected.ravel())[0, 1]) > 0.999


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 0.0), ("int8", 0.02)])
def test_what_was_exported_comes_back(tmp_path: Path, precision: Precision, tolerance: float) -> None:
    random = np.random.default_rng(1)
    weights = {name: random.normal(size=size).astype(np.float32) for name, size in weight_shapes(SHAPE).items()}
    (tmp_path / MODEL).write_bytes(build(ArrayWeights(weights), SHAPE, precision))
    back = weights_of(Pack(name="small", version="1", folder=tmp_path, shape=SHAPE, precision=precision))
    assert back.keys() == weights.keys()
    for name, weight in weights.items():
        np.testing.assert_allclose(back[name], weight, atol=tolerance)


@pytest.mark.parametrize("keep", [0, 1, 1000, 500_000])
def test_a_damaged_graph_is_told(tmp_path: Path, keep: int) -> None:
    pack = load_pack("default")
    (tmp_path / MODEL).write_bytes(pack.model_path.read_bytes()[:keep])
    with pytest.raises(PackError, match="cannot be read back"):
        weights_of(replace(pack, folder=tmp_path))
