"""Features of an answer; a classifier that cannot have seen its own file."""

from __future__ import annotations

import numpy as np

from repocomp.evaluate.selectors import features, scores


def test_features_are_thirteen_and_finite() -> None:
    for logprobs in ([], [-0.1], [-0.1, -3.0, -0.5]):
        row = features(logprobs)
        assert len(row) == 13
        assert np.isfinite(row).all()


def test_the_classifier_learns_from_other_files_only() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 13))
    helped = rows[:, 3] > 0
    files = [f"{n % 20}.py" for n in range(200)]
    found = scores(np.zeros(200), np.zeros(200), rows.tolist(), helped, files)["classifier"]
    assert np.mean((found > 0) == helped) > 0.9
    # One file alone leaves nothing to learn from.
    assert not scores(np.zeros(200), np.zeros(200), rows.tolist(), helped, ["a.py"] * 200)["classifier"].any()
