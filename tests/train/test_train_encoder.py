"""The encoder's training: questions that the repository can answer, losses that fall, a graph that says the same."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

import torch

from repocomp.model.encoder import Encoder
from repocomp.model.library import load_pack
from repocomp.model.runtime import onnxruntime
from repocomp.model.tokenizer import Tokenizer
from repocomp.progress import Progress  # noqa: E402
from repocomp.terms import words
from repocomp.train import stages
from repocomp.train.encoder.graph import build_encoder
from repocomp.train.encoder.questions import Lesson, lesson_of
from repocomp.train.encoder.training import Flat, Network, Settings, found, losses, overlap, train, weigh_by_rarity
from tests.train.repositories import modules

SMALL = Settings(d_model=16, d_hidden=16, questions=24, chunks=40, rate=0.05, slow_rate=0.03, kept=0.9)
FILES = sorted({**modules("alpha", 6), **modules("beta", 6), **modules("gamma", 6)}.items())


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.load(load_pack("default"))


@pytest.fixture(scope="module")
def lesson(tokenizer: Tokenizer) -> Lesson:
    made = lesson_of(FILES, tokenizer, np.random.default_rng(0))
    assert made is not None
    return made


def test_answers_stand_in_other_files_and_hold_a_name_out_of_sight(lesson: Lesson, tokenizer: Tokenizer) -> None:
    assert len(lesson.questions) > 50
    for one in lesson.questions:
        assert one.shares.sum() == pytest.approx(1, abs=1e-5)
        assert (np.diff(one.shares) <= 1e-7).all()
        assert (lesson.files[one.answers] != one.file).all()
        shown = set(words(tokenizer.decode(one.ids[::-1])))
        assert set(words(tokenizer.decode(lesson.chunks[int(one.answers[0])]))) - shown


def test_a_repository_too_small_to_ask_about_gives_nothing(tokenizer: Tokenizer) -> None:
    assert lesson_of([("a.py", "x = 1\n" * 30)], tokenizer, np.random.default_rng(0)) is None


def loss(now: Progress) -> float:
    return float(now.label.split(" ")[1])


def test_training_finds_answers_that_chance_does_not(lesson: Lesson, tokenizer: Tokenizer) -> None:
    network = Network(tokenizer.vocab_size, SMALL)
    weigh_by_rarity(network, [lesson])
    before = found(network, [lesson])
    steps = iter(range(41))
    told: list[Progress] = []
    count = train(network, [lesson], SMALL, lambda: next(steps) / 40, told.append)
    after = found(network, [lesson])
    assert count == 40 == len(told)
    assert loss(told[-1]) < loss(told[0])
    assert after[0] > before[0] + 0.1


def test_own_chunks_are_no_alternatives(tokenizer: Tokenizer) -> None:
    network = Network(tokenizer.vocab_size, SMALL)
    asked, chunks = Flat.of([[9, 10]]), Flat.of([[9, 10], [11, 12]])
    truth = torch.tensor([[0.0, 1.0]])
    dense, sparse, _ = losses(network, asked, chunks, truth, torch.tensor([[True, False]]))
    assert dense.item() == pytest.approx(0, abs=1e-6)
    assert sparse.item() == pytest.approx(0, abs=1e-6)


def test_sparse_products_count_shared_tokens_once_by_the_log_of_their_sum() -> None:
    asked, chunks = Flat.of([[5, 6]]), Flat.of([[6, 6, 7], [8]])
    product = overlap(asked, torch.tensor([1.0, 2.0]), chunks, torch.tensor([1.0, 3.0, 9.0, 9.0]))
    assert product.tolist() == [pytest.approx([np.log(3) * np.log(5), 0])]


def test_the_graph_says_what_the_network_says(tokenizer: Tokenizer, tmp_path: Path) -> None:
    ort = onnxruntime()

    network = Network(tokenizer.vocab_size, SMALL)
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for weights in network.parameters():
            weights.add_(torch.from_numpy(rng.standard_normal(weights.shape).astype(np.float32)) * 0.3)
    graph = build_encoder(network.arrays(), pad=7).SerializeToString()
    session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
    sequences = [rng.integers(8, tokenizer.vocab_size, size).tolist() for size in (1, 5, 90)]
    padded = np.full((3, 90), 7)
    for row, ids in enumerate(sequences):
        padded[row, : len(ids)] = ids
    for asked in (False, True):
        dense, weights = session.run(None, {"ids": padded, "asked": np.array([int(asked)])})
        with torch.no_grad():
            true_dense, true_weights = network(Flat.of(sequences), asked)
        assert (dense * true_dense.numpy()).sum(axis=1) == pytest.approx(1, abs=0.01)
        flat = np.concatenate([weights[row, : len(ids)] for row, ids in enumerate(sequences)])
        assert flat == pytest.approx(true_weights.numpy(), abs=0.05)
        assert not weights[padded == 7].any()


def test_the_stage_writes_a_pack_that_has_an_encoder(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    facts = [{"repository": f"acme/{split}", "split": split} for split in ("train", "validation")]
    (corpus / "manifest.json").write_text(json.dumps(facts))
    for fact in facts:
        rows = [json.dumps({"path": path, "text": text}) for path, text in FILES]
        (corpus / f"acme+{fact['split']}.jsonl").write_text("\n".join(rows) + "\n")
    ticks = iter(range(100))
    said = stages.train_encoder(
        corpus, "default", tmp_path / "out", seconds=2, show=lambda *now: None, clock=lambda: float(next(ticks))
    )
    assert said["steps"] == 1
    assert said["bytes"] < 1_500_000
    encoder = Encoder.open(load_pack(tmp_path / "out"))
    assert encoder is not None
    assert encoder.encode_chunks(["def f(): pass"]).dense.shape == (1, 128)
