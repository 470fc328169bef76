"""What tuning teaches: to decide where it matters, to fill in everywhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import numpy as np
import torch

from repocomp.errors import TrainError
from repocomp.model.families import FimTokens
from repocomp.model.shape import ModelShape
from repocomp.train.lm.checkpoint import load_weights, save_model
from repocomp.train.lm.label import Example
from repocomp.train.lm.network import LanguageModel
from repocomp.train.lm.tune import TuneSettings, context_of, stake, tune
from repocomp.train.stages import carry_tuning

SHAPE = ModelShape(vocab_size=64, d_model=32, n_layers=1, n_heads=2, n_kv_heads=1, d_ff=64, max_context=64)
TOKENS = FimTokens()
MARK, OTHER = 40, 41


def saved(path: Path, seed: int, **size: Any) -> Path:
    torch.manual_seed(seed)
    save_model(LanguageModel(replace(SHAPE, **size)), path)
    return path


def example(mark: int, without: float, retrieved: float) -> Example:
    shared = [TOKENS.suffix, TOKENS.prefix, mark, TOKENS.decide]
    return Example("a/b", "c.py", "line", "line", shared, [50, 51], [52, 53], 0.5, without, retrieved)


def test_large_differences_are_worth_more() -> None:
    assert stake(example(MARK, 0.2, 0.9)) == pytest.approx(0.7)
    assert stake(example(MARK, 0.9, 0.2)) == pytest.approx(0.7)
    assert stake(example(MARK, 0.5, 0.5)) == 0.1


def test_a_share_is_read_with_the_context_of_another_place() -> None:
    helped, harmed = example(MARK, 0.0, 1.0), example(OTHER, 1.0, 0.0)
    other = replace(helped, snippets=[60])
    rng = np.random.default_rng(0)
    for share, of_others in ((0.0, 0), (0.5, 0.5), (1.0, 1.0)):
        settings = TuneSettings(wrong_share=share, useless_share=0.0)
        read = [context_of(helped, [other], settings, rng) for _ in range(400)]
        assert read.count([60]) == pytest.approx(400 * of_others, abs=50)
        assert read.count([60]) + read.count([50, 51]) == 400
    nothing = TuneSettings(wrong_share=0.0, useless_share=0.0)
    assert context_of(harmed, [other], nothing, rng) == []
    assert context_of(harmed, [other], replace(nothing, useless_share=1.0), rng) == [50, 51]


def test_the_decision_follows_the_large_differences() -> None:
    torch.manual_seed(0)
    model = LanguageModel(SHAPE)
    # One place where retrieval once helped a lot and often did a little harm; one where it is the other way round.
    examples = [example(MARK, 0.0, 1.0), *[example(MARK, 0.52, 0.5)] * 4]
    examples += [example(OTHER, 1.0, 0.0), *[example(OTHER, 0.5, 0.52)] * 4]
    tune(model, examples, TOKENS, TuneSettings(epochs=60, batch=10, rate=1e-2))
    said = []
    for mark in (MARK, OTHER):
        with torch.no_grad():
            logits = model.head(model.hidden(torch.tensor([example(mark, 0, 0).shared])))[0, -1]
        said.append(float(logits[TOKENS.cc] - logits[TOKENS.middle]))
    assert said[0] > 0.2 > -0.2 > said[1]


@pytest.mark.parametrize(("retrieved", "helped"), [(0.6, True), (0.5, False), (0.4, False)])
def test_the_label_is_the_sign_of_the_difference(retrieved: float, helped: bool) -> None:
    assert example(MARK, 0.5, retrieved).helped is helped


def test_what_tuning_changed_is_carried_over_to_a_newer_base(tmp_path: Path) -> None:
    base, tuned, newer = (saved(tmp_path / f"{seed}.pt", seed) for seed in (1, 2, 3))
    out = tmp_path / "out.pt"
    carry_tuning(base, tuned, newer, out)
    (before, _), (after, _), (fresh, _), (found, _) = (load_weights(one) for one in (base, tuned, newer, out))
    assert found.keys() == fresh.keys()
    for name, values in found.items():
        assert np.allclose(values, fresh[name] + (after[name] - before[name]), atol=1e-6)
    carry_tuning(base, tuned, base, out)
    assert all(np.allclose(values, after[name], atol=1e-6) for name, values in load_weights(out)[0].items())


def test_models_of_other_shapes_are_not_mixed(tmp_path: Path) -> None:
    base, wider = saved(tmp_path / "base.pt", 1), saved(tmp_path / "wider.pt", 1, d_ff=128)
    for others in ((wider, base), (base, wider)):
        with pytest.raises(TrainError, match=r"wider\.pt: is a model of another shape"):
            carry_tuning(base, *others, tmp_path / "out.pt")
    assert not (tmp_path / "out.pt").exists()
