"""Calibration and thresholds of the policy, from labels on repositories that were not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from repocomp.errors import TrainError
from repocomp.model.pack import MODES, Calibration
from repocomp.policy.calibrate import apply, best_threshold, fit, log_odds_of
from repocomp.stats.classification import expected_calibration_error, roc_auc
from repocomp.train.lm.label import Example

READ_WORTH, COPIED_WORTH = 2.0, 0.5
"""Points of ES that are worth the time of a retrieval: what is read doubles that of an answer, what is only copied from
makes it a third longer."""
_LEAST = 30


@dataclass(frozen=True, slots=True)
class ModeFit:
    """What was fitted for one mode, and how good it is on the examples it was fitted on."""

    calibration: Calibration
    threshold: float
    examples: int
    roc_auc: float | None
    calibration_error: float
    retrieval_rate: float


def calibrate(examples: Sequence[Example], worth: float = READ_WORTH) -> dict[str, ModeFit]:
    """Fit each mode on labelled `examples`, a retrieval being `worth` so many points of ES.

    Raises TrainError when there are too few.
    """
    fits = {}
    for mode in MODES:
        some = [example for example in examples if example.mode == mode]
        if len(some) < _LEAST:
            raise TrainError(f"{len(some)} labelled examples of mode {mode!r}; {_LEAST} are needed", "label more")
        log_odds = log_odds_of(np.array([example.probability for example in some]))
        helped = np.array([example.helped for example in some])
        without, retrieved = (np.array([getattr(e, side) for e in some]) for side in ("without", "retrieved"))
        calibration = fit(log_odds, helped)
        probabilities = apply(calibration, log_odds)
        threshold = best_threshold(probabilities, without, retrieved, worth)
        fits[mode] = ModeFit(
            calibration=calibration,
            threshold=round(threshold, 4),
            examples=len(some),
            roc_auc=roc_auc(probabilities, helped),
            calibration_error=round(expected_calibration_error(probabilities, helped), 4),
            retrieval_rate=round(float((probabilities > threshold).mean()), 4),
        )
    return fits
