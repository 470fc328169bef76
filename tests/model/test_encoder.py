"""The encoder that ships: vectors of length one, weights that are not negative, the same however texts are batched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from repocomp.errors import PackError
from repocomp.model.encoder import Encoder, shipped_encoder
from repocomp.model.library import load_pack
from repocomp.model.pack import ENCODER

TEXTS = ["def area(width, height):\n    return width * height", "x", "class Shape:\n    pass\n" * 30, ""]


@pytest.fixture
def encoder() -> Encoder:
    opened = shipped_encoder()
    assert opened is not None
    return opened


def test_vectors_have_length_one_and_weights_belong_to_tokens(encoder: Encoder) -> None:
    encoded = encoder.encode_chunks(TEXTS)
    assert encoded.dense.shape == (4, encoder.size)
    assert np.linalg.norm(encoded.dense, axis=1) == pytest.approx([1, 1, 1, 0], abs=1e-5)
    assert (encoded.weights > 0).all()
    assert set(encoded.owners.tolist()) <= {0, 1, 2}
    pairs = list(zip(encoded.owners.tolist(), encoded.tokens.tolist(), strict=True))
    assert pairs == sorted(set(pairs))


def test_a_text_is_read_the_same_alone_and_among_others(encoder: Encoder) -> None:
    together = encoder.encode_chunks(TEXTS)
    for at, text in enumerate(TEXTS):
        alone = encoder.encode_chunks([text])
        own = together.owners == at
        assert alone.dense[0] == pytest.approx(together.dense[at], abs=1e-5)
        assert alone.tokens.tolist() == together.tokens[own].tolist()
        assert alone.weights == pytest.approx(together.weights[own], abs=1e-4)


def test_a_question_is_read_from_its_end(encoder: Encoder) -> None:
    far = "\n".join(f"line_{number} = {number}" for number in range(300))
    near = "shape = Shape("
    long, short = encoder.encode_question(f"{far}\n{near}"), encoder.encode_question(f"other\n{far}\n{near}")
    assert long.dense == pytest.approx(short.dense, abs=1e-6)


def test_no_text_at_all_is_no_error(encoder: Encoder) -> None:
    assert encoder.encode_chunks([]).dense.shape == (0, encoder.size)
    assert not len(encoder.encode_question("").tokens)


def test_a_pack_without_an_encoder_has_none() -> None:
    pack = load_pack("default")
    digests = {name: digest for name, digest in pack.digests.items() if name != ENCODER}
    assert Encoder.open(replace(pack, digests=digests)) is None


def test_a_file_that_is_no_graph_is_an_error_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / ENCODER).write_bytes(b"nonsense")
    with pytest.raises(PackError) as caught:
        Encoder.open(replace(load_pack("default"), folder=tmp_path))
    assert caught.value.hint == "run: repocomp doctor"
