"""The JSON document that every verb prints with `--json`, and the parts of a completion that people and scripts read.

Nothing here imports anything: the fast path to the daemon prints with it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

VERSION = 1


def envelope(verb: str, exit_code: int, data: object, errors: Sequence[Mapping[str, object]] = ()) -> dict[str, object]:
    """The document around `data`; its status follows from errors and exit code."""
    return {
        "version": VERSION,
        "command": verb,
        "status": "error" if errors else "nothing" if exit_code else "ok",
        "exit_code": int(exit_code),
        "errors": list(errors),
        "data": data,
    }


def exit_code_of(completion: Mapping[str, Any], *, exit_zero: bool) -> int:
    """0 for an answer, 1 where there is nothing to offer."""
    return 0 if completion["text"] or exit_zero else 1


def notes_on(completion: Mapping[str, Any], *, is_terminal: bool, is_verbose: bool = False) -> list[str]:
    """What a person is told beside the text, a line each; `completion` is the `data` of `--json`.

    How it came about is told on a terminal, and elsewhere where it `is_verbose`.

    On a terminal the text and the notes share a screen, so that the first note begins a line of its own.
    """
    notes = [f"repocomp: {warning}" for warning in completion["warnings"]]
    if completion["reason"]:
        notes.append(f"repocomp: nothing to offer: {completion['reason']}")
    elif is_terminal or is_verbose:
        retrieval, ms = completion["retrieval"], completion["timings_ms"]["total"]
        probability = retrieval["probability"]
        shown = "" if probability is None else f" (p = {probability:.2f})"
        notes.append(f"retrieval {retrieval['decision']}{shown}: {retrieval['reason']}; {ms:.0f} ms")
    if notes and is_terminal and completion["text"] and not completion["text"].endswith("\n"):
        notes[0] = "\n" + notes[0]
    return notes
