"""From trained weights to a pack: build the graph, write the folder, compare it with the weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from repocomp.errors import TrainError
from repocomp.generate.local.decode import prefill
from repocomp.generate.local.kv_cache import KvCache
from repocomp.model.graph.decoder import Precision, build
from repocomp.model.graph.reference import agreement, divergence, forward
from repocomp.model.graph.weights import ArrayWeights
from repocomp.model.library import write_pack
from repocomp.model.opening import open_session
from repocomp.model.pack import CUDA_MODEL, MODEL, TOKENIZER, Pack
from repocomp.model.shape import ModelShape
from repocomp.model.tokenizer import Tokenizer
from repocomp.named_files import read_regular

Floats = npt.NDArray[np.float32]
Weights = Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class Report:
    """How an exported model compares with its float32 weights on `tokens` positions.

    `kl` is the mean Kullback-Leibler divergence from the weights' distribution to the model's, in nats;
    `top1` the share of positions where both prefer the same token. `split_top1` and `split_gap` compare the
    model with itself, whole prompt against one token at a time: share of equal first choices, and largest
    difference of a logit.
    """

    tokens: int
    kl: float
    top1: float
    split_top1: float
    split_gap: float


def export_pack(
    weights: Weights,
    shape: ModelShape,
    tokenizer_json: Path,
    out: Path,
    *,
    name: str,
    version: str,
    precision: Precision = "int8",
    with_cuda: bool = False,
    **metadata: Any,  # noqa: ANN401  (the other fields of Pack)
) -> Pack:
    """Write a pack to the folder `out`; `metadata` are other fields of `Pack`: thresholds, quality, licence.

    Raises TrainError where weights, vocabulary and shape do not fit each other.
    """
    pack = Pack(name=name, version=version, folder=out, shape=shape, precision=precision, **metadata)
    vocabulary = Tokenizer.read(tokenizer_json, pack.tokens.all)
    if vocabulary.vocab_size != shape.vocab_size:
        raise TrainError(f"{tokenizer_json} has {vocabulary.vocab_size} tokens, the model {shape.vocab_size}")
    files = {MODEL: _graph(weights, shape, precision), TOKENIZER: read_regular(tokenizer_json)}
    if with_cuda:
        files[CUDA_MODEL] = _graph(weights, shape, "float16")
    return write_pack(pack, files)


def check(weights: Weights, pack: Pack, ids: Sequence[int]) -> Report:
    """Run `pack` over `ids`, whole and one token at a time, against the weights it was made from."""
    session = open_session(pack)
    whole = prefill(session, KvCache.of(session), ids, keep=len(ids))
    cache = KvCache.of(session)
    single = np.concatenate([prefill(session, cache, [token]) for token in ids])
    expected = forward(weights, pack.shape, np.asarray(ids, np.int64))
    return Report(
        tokens=len(ids),
        kl=divergence(expected, whole),
        top1=agreement(expected, whole),
        split_top1=agreement(whole, single),
        split_gap=float(np.abs(whole - single).max()),
    )


def _graph(weights: Weights, shape: ModelShape, precision: Precision) -> bytes:
    try:
        return build(ArrayWeights(weights), shape, precision)
    except ValueError as error:
        raise TrainError(f"the weights cannot be exported: {error}") from error
