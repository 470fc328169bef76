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


def told(completion: Mapping[str, Any], *, is_explained: bool) -> dict[str, Any]:
    """The `data` of `--json`; what was withheld, and why an answer is sure, only where it `is_explained`."""
    hidden = () if is_explained else ("withheld", "figures")
    return {key: value for key, value in completion.items() if key not in hidden}


def notes_on(completion: Mapping[str, Any], *, is_terminal: bool, is_shared: bool) -> list[str]:
    """What a person is told beside the text, a line each; `completion` is the `data` of `--json`.

    Where both go to a terminal they share a screen (`is_shared`), so that the first note begins a line of its own.
    """
    notes = [f"repocomp: {warning}" for warning in completion["warnings"]]
    if completion["reason"] == "quiet":
        sure, least = (f"{100 * completion[name]:.0f} %" for name in ("confidence", "min_confidence"))
        notes.append(f"repocomp: quiet: {sure} sure, less than {least}; --min-confidence 0 shows it")
    elif completion["reason"]:
        notes.append(f"repocomp: nothing to offer: {completion['reason']}")
    elif is_terminal:
        retrieval, ms = completion["retrieval"], completion["timings_ms"]["total"]
        probability = retrieval["probability"]
        shown = "" if probability is None else f" (p = {probability:.2f})"
        sure = "" if completion["confidence"] is None else f"{100 * completion['confidence']:.0f} % sure; "
        notes.append(f"{sure}retrieval {retrieval['decision']}{shown}: {retrieval['reason']}; {ms:.0f} ms")
    if notes and is_terminal and is_shared and completion["text"] and not completion["text"].endswith("\n"):
        notes[0] = "\n" + notes[0]
    return notes
