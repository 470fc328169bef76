"""A small encoder of code: from text to one vector, and to a weight for each of its tokens, in one run.

It reads a chunk from its start, and a question, the lines before a cursor, backwards from the cursor, so that a place
in the sequence means nearness. The graph has two inputs, `ids` int64 [n, T] (padded at the end) and `asked` int64 [1]
(0 for chunks, 1 for questions), and two outputs, `dense` float32 [n, d] of length one and `weights` float32 [n, T], not
negative, 0 for padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from repocomp.errors import PackError
from repocomp.model.device import CPU
from repocomp.model.integrity import digest_of
from repocomp.model.library import load_pack
from repocomp.model.pack import ENCODER, TOKENIZER, Pack
from repocomp.model.runtime import fault, onnxruntime
from repocomp.model.tokenizer import Tokenizer

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

ASKED_LINES = 20
"""Lines before the cursor that a question shows, the cursor's own included."""
CHUNK_TOKENS, ASKED_TOKENS = 256, 192
"""What is read of a chunk and of a question; the rest is left out."""
_BATCH_TOKENS = 8192
_LEAST_WEIGHT = 0.02


@dataclass(frozen=True, slots=True)
class Encoded:
    """Texts as vectors: `dense` [n, d], and the sparse ones as `weights` [m] of `tokens` [m] of the text `owners` [m].

    Sorted by owner and token, each pair once; a weight is log(1 + sum) of the token's own.
    """

    dense: Floats
    owners: Ints
    tokens: Ints
    weights: Floats


class Encoder:
    """The encoder of a pack. `digest` is that of its file and vocabulary: other vectors have another."""

    def __init__(self, session: Any, tokenizer: Tokenizer, pack: Pack) -> None:  # noqa: ANN401  (no types there)
        self._session = session
        self._tokenizer = tokenizer
        self._pad = pack.tokens.pad
        self.digest = encoder_digest(pack) or ""
        self.size = int(session.get_outputs()[0].shape[1])

    @classmethod
    def open(cls, pack: Pack) -> Encoder | None:
        """The encoder of `pack`, None where it has none. Raises PackError where it cannot be run."""
        if encoder_digest(pack) is None:
            return None
        ort = onnxruntime()
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 4
        try:
            session = ort.InferenceSession(str(pack.folder / ENCODER), options, providers=[CPU], enable_fallback=0)
        # The exceptions of ONNX Runtime have no common base but this one.
        except Exception as error:
            message = f"cannot run the encoder of pack {pack.name!r}: {fault(error)}"
            raise PackError(message, "run: repocomp doctor") from error
        return cls(session, Tokenizer.load(pack), pack)

    def encode_chunks(self, texts: Sequence[str]) -> Encoded:
        """Chunks, in any number; those of like length are run together."""
        ids = [own[:CHUNK_TOKENS] for own in self._tokenizer.encode_batch(texts)]
        return self.encode(ids, asked=False)

    def encode_question(self, text: str) -> Encoded:
        """The lines before a cursor, as the one row."""
        ids = self._tokenizer.encode(text)[: -ASKED_TOKENS - 1 : -1]
        return self.encode([ids], asked=True)

    def encode(self, ids: Sequence[Sequence[int]], *, asked: bool) -> Encoded:
        """Sequences of ids, as the graph reads them: questions backwards."""
        dense = np.zeros((len(ids), self.size), dtype=np.float32)
        keys: list[Ints] = []
        weights: list[Floats] = []
        by_length = sorted((at for at, own in enumerate(ids) if own), key=lambda at: len(ids[at]))
        for rows in _batches(by_length, ids):
            padded = np.full((len(rows), len(ids[rows[-1]])), self._pad, dtype=np.int64)
            for row, at in enumerate(rows):
                padded[row, : len(ids[at])] = ids[at]
            dense[rows], own = self._session.run(None, {"ids": padded, "asked": np.array([int(asked)])})
            kept = own > 0
            keys.append((np.array(rows)[:, None] << 32 | padded)[kept])
            weights.append(own[kept])
        return _grouped(dense, keys, weights)


def encoder_digest(pack: Pack) -> str | None:
    """What tells the vectors of this pack's encoder from those of any other; None where it has none."""
    if ENCODER not in pack.digests:
        return None
    return digest_of(f"{pack.digests[ENCODER]} {pack.digests[TOKENIZER]}".encode())


@cache
def shipped_encoder() -> Encoder | None:
    """The encoder of the built-in pack, opened once a process; None where it has none."""
    return Encoder.open(load_pack("default"))


def _batches(rows: Sequence[int], ids: Sequence[Sequence[int]]) -> list[list[int]]:
    """Rows, by length, in runs that hold at most `_BATCH_TOKENS` when padded."""
    batches: list[list[int]] = []
    for row in rows:
        if not batches or (len(batches[-1]) + 1) * len(ids[row]) > _BATCH_TOKENS:
            batches.append([])
        batches[-1].append(row)
    return batches


def _grouped(dense: Floats, keys: Sequence[Ints], weights: Sequence[Floats]) -> Encoded:
    """Add up the weights of a token that comes again, and leave out those that say nothing."""
    if not keys:
        none = np.zeros(0, dtype=np.int64)
        return Encoded(dense, none, none, np.zeros(0, dtype=np.float32))
    unique, inverse = np.unique(np.concatenate(keys), return_inverse=True)
    total = np.log1p(np.bincount(inverse, np.concatenate(weights))).astype(np.float32)
    kept = total >= _LEAST_WEIGHT
    return Encoded(dense, unique[kept] >> 32, unique[kept] & 0xFFFFFFFF, total[kept])
