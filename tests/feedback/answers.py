"""Answers without a model: a completion of any text at a mark in a file, recorded as `repocomp complete` does."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from repocomp.config import Settings
from repocomp.document import Document, Range
from repocomp.feedback.record import record
from repocomp.request import ArmUse, ChunkUse, Completion, CompletionRequest, Draw, Retrieval, Timings, Tokens

CURSOR = "<|>"


def answer(
    source: str, text: str, *, path: str = "app.py", root: Path | None = None, **changes: Any
) -> tuple[Completion, CompletionRequest]:
    """`text` as the answer at the mark in `source`; `changes` are fields of the completion."""
    left, right = source.split(CURSOR)
    document = Document(path, (left + right).encode())
    cursor = document.at_offset(len(left.encode()))
    digest = hashlib.blake2b(f"{path}\0{source}\0{text}".encode(), digest_size=8).hexdigest()
    values: dict[str, Any] = {
        "id": f"c_{digest}",
        "text": text,
        "range": Range(cursor, cursor),
        "candidates": (),
        "stop_reason": "line",
        "retrieval": used(),
        "models": {"policy": "fake", "generator": "fake", "device": "cpu"},
        "tokens": Tokens(40, 0, 5),
        "timings_ms": Timings(total=20.0, prefill=10.0, decode=8.0),
        "features": {"language": "python", "place": "call"},
        "reason": None if text else "the model sees nothing to add here",
    }
    return Completion(**(values | changes)), CompletionRequest(document, cursor, root)


def used(arm: str = "bm25", probability: float = 0.6) -> Retrieval:
    """Retrieval that kept one chunk and dropped another."""
    return Retrieval(
        decision="used",
        rule="threshold",
        reason="cross-file context is expected to help",
        probability=probability,
        threshold=0.2,
        arms=(ArmUse(arm, 2, 0.5),),
        chunks=(ChunkUse("lib/b.py", 1, 20, 0.016, arm, 96),),
        draws=(
            Draw(arm, 1, "lib/b.py", 1, 20, 7.5, 0.016, True, "number 1 of 2"),
            Draw(arm, 2, "lib/c.py", 5, 24, 3.25, 0.015, False, "no room: number 2 of 2"),
        ),
        budget_tokens=300,
    )


def skipped(probability: float = 0.1) -> Retrieval:
    """Retrieval that the policy saw no use in."""
    return Retrieval("skipped", "threshold", "the policy expects no help", probability, 0.2)


def show(root: Path, source: str, text: str, *, path: str = "app.py", **changes: Any) -> str:
    """Answer and record; returns the identifier."""
    completion, request = answer(source, text, path=path, root=root, **changes)
    assert record(completion, request, Settings(), root) is None
    return completion.id
