"""What is said beside an answer, on a terminal and elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from repocomp.cli.envelope import notes_on

RETRIEVAL = {"decision": "skipped", "probability": None, "reason": "retrieval is off"}
SAID = "retrieval skipped: retrieval is off; 7 ms"


def completion(text: str, *warnings: str) -> dict[str, Any]:
    reason = None if text else "the model sees nothing to add here"
    timings = {"total": 7.0}
    told = {"text": text, "warnings": warnings, "reason": reason, "retrieval": RETRIEVAL, "timings_ms": timings}
    return {**told, "confidence": None, "min_confidence": 0.0}


@pytest.mark.parametrize(
    ("text", "warnings", "is_terminal", "notes"),
    [
        ("a, b):", ["no index"], True, ["\nrepocomp: no index", SAID]),
        ("a, b):", [], True, ["\n" + SAID]),
        ("a, b):\n", ["no index"], True, ["repocomp: no index", SAID]),
        (
            "",
            ["no index"],
            True,
            ["repocomp: no index", "repocomp: nothing to offer: the model sees nothing to add here"],
        ),
        ("a, b):", ["no index"], False, ["repocomp: no index"]),
        ("a, b):", [], False, []),
        ("", [], False, ["repocomp: nothing to offer: the model sees nothing to add here"]),
    ],
)
def test_notes_begin_a_line_of_their_own_on_a_terminal_and_nowhere_else(
    text: str, warnings: list[str], is_terminal: bool, notes: list[str]
) -> None:
    assert notes_on(completion(text, *warnings), is_terminal=is_terminal, is_shared=is_terminal) == notes


def test_how_it_came_about_is_told_elsewhere_too_on_request() -> None:
    def told(text: str, *warnings: str, is_verbose: bool = True) -> list[str]:
        return notes_on(completion(text, *warnings), is_terminal=False, is_shared=False, is_verbose=is_verbose)

    assert told("a") == [SAID]
    assert told("a", "no index") == ["repocomp: no index", SAID]
    assert told("") == told("", is_verbose=False)


def test_where_the_text_goes_elsewhere_notes_begin_at_once() -> None:
    """With standard output in a pipe or a file, the notes have the terminal to themselves."""
    assert notes_on(completion("a, b):"), is_terminal=True, is_shared=False) == [SAID]


def test_silence_says_how_sure_it_is_and_how_to_see_the_answer() -> None:
    quiet = {**completion(""), "reason": "quiet", "confidence": 0.23, "min_confidence": 0.41}
    said = ["repocomp: quiet: 23 % sure, less than 41 %; --min-confidence 0 shows it"]
    for is_terminal in (True, False):
        assert notes_on(quiet, is_terminal=is_terminal, is_shared=is_terminal) == said
