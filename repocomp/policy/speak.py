"""Whether to speak: an answer that is too unlikely to be kept is not shown to somebody who has not asked for it."""

from __future__ import annotations

from collections.abc import Mapping

from repocomp.model.confidence import Confidence

GENERIC = Confidence({"lowest": 1.0, "mean": 1.0}, 0.0, (0.0,), (0.5,), 0.0)


def confidence_of(fit: Confidence | None, figures: Mapping[str, float]) -> float | None:
    """The chance that a person keeps an answer with these `figures`; None where nothing is known of it.

    Without a `fit` for its generator the generic one tells, which reads the probabilities of the tokens alone.
    """
    return (fit or GENERIC).of(figures) if figures else None


def is_withheld(confidence: float | None, least: float) -> bool:
    """Whether an answer stays unsaid: it is known to be less sure than `least`."""
    return confidence is not None and confidence < least
