"""What a person would keep, and what silence is worth."""

from __future__ import annotations

import pytest

from repocomp.evaluate.silence import Judged, Silence, is_kept


@pytest.mark.parametrize(
    ("text", "truth", "kept"),
    [
        ("return alpha", "return alpha", True),
        ("return alpha", "return alpha\nx = 1", True),  # the first of two lines
        ("alpha.beta", "alpha.betas", True),
        ("beta.alpha", "alpha.beta", False),  # another first word
        ("alpha", "alpha.compute(everything, of, it)", False),  # less than half
        ("'x'", '"x"', True),  # quotes count alike
        ("", "alpha", False),
        ("", "", False),
    ],
)
def test_what_is_kept(text: str, truth: str, kept: bool) -> None:
    assert is_kept(text, truth) is kept


def test_levels_count_what_is_shown() -> None:
    judged = [
        Judged(0.9, 1.0, True, True),
        Judged(0.6, 0.8, True, True),
        Judged(0.4, 0.1, False, True),
        Judged(None, 0.0, False, False),
    ]
    silence = Silence.of(judged, 0.5)
    assert silence is not None
    assert (silence.shipped.coverage, silence.shipped.wrong, silence.shipped.kept) == (50.0, 0.0, 100.0)
    assert (silence.everything.coverage, silence.everything.wrong) == (75.0, 33.33)
    assert silence.roc_auc == 1.0
    assert [level.coverage for level in silence.levels] == sorted(
        (level.coverage for level in silence.levels), reverse=True
    )


def test_without_any_confidence_there_is_nothing_to_say() -> None:
    assert Silence.of([Judged(None, 0.4, False, True)], 0.5) is None
