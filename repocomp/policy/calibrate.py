"""From the model's log-odds to a probability one can believe, and from probabilities to the threshold to decide by."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from repocomp.model.pack import Calibration
from repocomp.stats.regression import isotonic, platt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

NO_LOSS = 0.2
"""Points of edit similarity that count as none."""


def apply(calibration: Calibration, log_odds: Floats) -> Floats:
    """Probabilities [n] for log-odds [n] in nats."""
    return np.array([calibration.apply(float(x)) for x in log_odds], dtype=np.float64)


def log_odds_of(probabilities: Floats) -> Floats:
    """Log-odds [n] in nats of uncalibrated probabilities [n]."""
    clipped = np.clip(probabilities, 1e-12, 1 - 1e-12)
    return np.asarray(np.log(clipped / (1 - clipped)), dtype=np.float64)


def fit(log_odds: Floats, helped: Bools) -> Calibration:
    """Fit to log-odds [n] and whether retrieval helped [n]. With one class only the log-odds stay as they are."""
    fitted = platt(log_odds, helped)
    return Calibration() if fitted is None else Calibration(*fitted)


def best_threshold(probabilities: Floats, without: Floats, retrieved: Floats, worth: float) -> float:
    """The highest threshold that should cost no ES against always retrieving, nor skip what is worth its time.

    Chance makes some probabilities look better or worse than their neighbours, so the gain of retrieval is first made
    to rise with the probability. Then the lowest are skipped as long as they cost at most `NO_LOSS` together and
    retrieval is worth at most `worth` points of ES in each. One of the probabilities seen, or 0: skip nothing.
    """
    levels, place, counts = np.unique(probabilities, return_inverse=True, return_counts=True)
    gains = isotonic(np.bincount(place, retrieved - without) / counts, counts)
    lost = np.cumsum(gains * counts) / len(probabilities)
    skipped = np.flatnonzero((lost <= NO_LOSS / 100) & (gains <= worth / 100))
    return float(levels[skipped[-1]]) if len(skipped) else 0.0
