"""Recording an answer after it was given: one INSERT, which can never harm the answer.

Whoever calls `complete()` calls `record()` once the reply is written and flushed. A locked database, a full or
read-only disk, whatever goes wrong, costs the record and gives a sentence to warn with.
"""

from __future__ import annotations

import json
import time
from contextlib import closing
from dataclasses import asdict, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

from repocomp import __version__
from repocomp.config import Settings
from repocomp.document import text_of
from repocomp.errors import RepocompError
from repocomp.feedback.marks import READ_CHARS, mark
from repocomp.languages.table import language_of
from repocomp.request import Completion, CompletionRequest
from repocomp.secrets.redaction import REDACTED, redact
from repocomp.store.feedback.connect import explained, open_feedback
from repocomp.store.feedback.erase import prune
from repocomp.store.feedback.rows import Impression, add_impression, fact
from repocomp.store.identity import identify
from repocomp.store.paths import feedback_path, path_digest

_HURRIED_MS = 5_000
"""The process of an answer that was given waits no longer than this for a lock. Half a second was too short for one
impression of forty beside eight processes that write without a pause on two busy cores."""
_HURRIED_S = 2.0
"""Nor longer for git, which reads the whole history once a repository."""
_NEAR_BYTES = 4 * READ_CHARS


def record(
    completion: Completion, request: CompletionRequest, settings: Settings, folder: Path, *, shown: bool = True
) -> str | None:
    """Remember `completion`; returns None, or why it was not recorded. Raises nothing.

    `folder` stands for the repository where the request has no root. `shown` is False for an answer fetched ahead,
    which counts once `repocomp feedback shown` says so.
    """
    if settings.record == "off":
        return None
    try:
        _record(completion, request, settings, folder, shown)
    except RepocompError as error:
        return f"feedback was not recorded: {error.message}"
    except Exception as error:  # the answer stands, whatever happens here
        return f"feedback was not recorded: {type(error).__name__}: {error}"
    return None


def _record(completion: Completion, request: CompletionRequest, settings: Settings, folder: Path, shown: bool) -> None:
    root = request.root or folder
    identity = identify(root, _HURRIED_S)
    path = feedback_path(identity.name)
    now_ms = time.time_ns() // 1_000_000
    with closing(open_feedback(path, busy_ms=_HURRIED_MS, synced=False)) as connection, explained(path):
        salt = fact(connection, "salt") or b""
        keep_text = settings.record == "text"
        row = _row(completion, request, salt, keep_text=keep_text, shown=shown, now_ms=now_ms)
        add_impression(connection, _placed(row, root, identity.head))
        prune(connection, now_ms, settings.retention_days)


def _row(
    completion: Completion, request: CompletionRequest, salt: bytes, *, keep_text: bool, shown: bool, now_ms: int
) -> Impression:
    data, offset = request.document.data, request.cursor.offset
    left = text_of(data[max(0, offset - _NEAR_BYTES) : offset])[-READ_CHARS:]
    right = text_of(data[offset : offset + _NEAR_BYTES])[:READ_CHARS]
    # What was withheld was not shown; whether it was right is worth knowing.
    whole = (completion.withheld or completion.text).replace("\r\n", "\n")
    path = request.document.path
    before, text, after = (redact(part, path) for part in (left, whole, right))
    # A secret that reaches over the ends of the answer: nothing of it is kept.
    is_secret = redact(left + whole + right, path) != before + text + after
    text = REDACTED + "\n" * whole.count("\n") if is_secret else text
    marks = mark(text, before, after, salt)
    return Impression(
        id=completion.id,
        first_ms=now_ms,
        last_ms=now_ms,
        shows=1,
        shown=shown and bool(completion.text),
        tree="",
        base=None,
        path=redact(path),
        language=language_of(path),
        line=request.cursor.line,
        column=request.cursor.column,
        text=text if keep_text else None,
        digest=text_digest(text, salt),
        chars=marks.chars,
        decision=completion.retrieval.decision,
        probability=completion.retrieval.probability,
        total_ms=completion.timings_ms.total,
        marks=marks.to_json(),
        detail=json.dumps(_detail(completion, request, is_secret, shown), separators=(",", ":"), ensure_ascii=False),
    )


def _placed(row: Impression, root: Path, head: str | None) -> Impression:
    return replace(row, tree=path_digest(root), base=head)


def _detail(completion: Completion, request: CompletionRequest, is_secret: bool, shown: bool) -> dict[str, Any]:
    """What replays the decision, and what learning needs of it. Nothing in it is source text."""
    return {
        "version": __version__,
        "retrieval": completion.retrieval.to_json(),
        # No exploration yet: the rule decides, so what was done had to be done.
        "decision_propensity": 1.0,
        "features": completion.features,
        "stop_reason": completion.stop_reason,
        "reason": completion.reason,
        "confidence": completion.confidence,
        "score": completion.score,
        "min_confidence": completion.min_confidence,
        "drafts": [asdict(draft) for draft in completion.drafts],
        "logprobs": [candidate.logprob for candidate in completion.candidates],
        "filters": [asdict(item) for item in completion.filters],
        # A completion says where a server is, its record does not.
        "models": {**completion.models, "device": _kind_of(completion.models["device"])},
        "tokens": asdict(completion.tokens),
        "timings_ms": asdict(completion.timings_ms),
        "warnings": list(completion.warnings),
        "asked": asdict(request.options),
        "prefetched": not shown,
        "continues": completion.continues,
        "secret": is_secret,
    }


def _kind_of(device: str) -> str:
    return device if device in ("cpu", "cuda") else "server"


def text_digest(text: str, salt: bytes) -> str:
    """What is kept of a text where the text is not: tagged with its algorithm, salted for one database."""
    return "b2:" + blake2b(text.encode(errors="replace"), digest_size=10, key=salt).hexdigest()
