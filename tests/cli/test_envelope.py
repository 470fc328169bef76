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
    return {"text": text, "warnings": warnings, "reason": reason, "retrieval": RETRIEVAL, "timings_ms": timings}


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
    assert notes_on(completion(text, *warnings), is_terminal=is_terminal, is_shared=True) == notes


def test_how_it_came_about_is_told_elsewhere_too_on_request() -> None:
    assert notes_on(completion("a"), is_terminal=False, is_shared=False, is_verbose=True) == [SAID]
    assert notes_on(completion("a", "no index"), is_terminal=False, is_shared=False, is_verbose=True) == [
        "repocomp: no index",
        SAID,
    ]
    assert notes_on(completion(""), is_terminal=False, is_shared=False, is_verbose=True) == notes_on(
        completion(""), is_terminal=False, is_shared=False
    )
