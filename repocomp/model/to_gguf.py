"""A pack's weights as a GGUF file, so that llama.cpp runs the very model that runs here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from repocomp.model.importing.gguf import LAYER_NAMES, THEIR_EMBEDDING, THEIR_FINAL_NORM
from repocomp.model.pack import TOKENIZER, Pack
from repocomp.model.shape import EMBEDDING, FINAL_NORM, ModelShape
from repocomp.model.weights import weights_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gguf import GGUFWriter

Floats = npt.NDArray[np.float32]


def write_gguf(pack: Pack, path: Path) -> None:
    """Write the weights of `pack` as 32-bit floats, and as much of its tokenizer as loading asks for.

    llama.cpp splits text into words by a rule of its own: ids are comparable, its tokenization of text is not.
    Raises PackError where the weights cannot be read back.
    """
    from gguf import GGUFWriter

    weights = weights_of(pack)
    writer = GGUFWriter(path, "llama")
    writer.add_name(pack.name)
    _add_sizes(writer, pack.shape)
    _add_vocabulary(writer, pack)
    for name, tensor in _tensors(weights, pack.shape):
        writer.add_tensor(name, np.ascontiguousarray(tensor, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_sizes(writer: GGUFWriter, shape: ModelShape) -> None:
    writer.add_vocab_size(shape.vocab_size)
    writer.add_context_length(shape.max_context)
    writer.add_embedding_length(shape.d_model)
    writer.add_block_count(shape.n_layers)
    writer.add_feed_forward_length(shape.d_ff)
    writer.add_head_count(shape.n_heads)
    writer.add_head_count_kv(shape.n_kv_heads)
    writer.add_layer_norm_rms_eps(shape.norm_eps)
    writer.add_rope_dimension_count(shape.head_dim)
    writer.add_rope_freq_base(shape.rope_theta)


def _add_vocabulary(writer: GGUFWriter, pack: Pack) -> None:
    """Byte-level BPE, as GPT-2's; special tokens are part of the vocabulary."""
    from gguf import TokenType

    model = json.loads((pack.folder / TOKENIZER).read_bytes())["model"]
    spelled = sorted(model["vocab"].items(), key=lambda item: item[1])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([text for text, _ in spelled])
    control = pack.tokens.all
    writer.add_token_types([TokenType.CONTROL if number in control else TokenType.NORMAL for _, number in spelled])
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]])
    writer.add_bos_token_id(pack.tokens.end)
    writer.add_eos_token_id(pack.tokens.end)
    writer.add_add_bos_token(False)


def _tensors(weights: Mapping[str, Floats], shape: ModelShape) -> Iterator[tuple[str, Floats]]:
    """The head is the embedding: llama.cpp ties them where no output matrix is given."""
    yield THEIR_EMBEDDING, weights[EMBEDDING]
    for layer in range(shape.n_layers):
        for ours, theirs in LAYER_NAMES.items():
            matrix = weights[f"layers.{layer}.{ours}.weight"]
            if ours in ("q", "k"):
                matrix = _interleaved(matrix, shape.n_heads if ours == "q" else shape.n_kv_heads)
            yield f"blk.{layer}.{theirs}.weight", matrix
    yield THEIR_FINAL_NORM, weights[FINAL_NORM]


def _interleaved(matrix: Floats, heads: int) -> Floats:
    """Rows of queries or keys so that rotary pairs are neighbours; here features i and i + head_dim / 2 are a pair."""
    halves = matrix.reshape(heads, 2, -1, matrix.shape[1])
    return halves.swapaxes(1, 2).reshape(matrix.shape)
