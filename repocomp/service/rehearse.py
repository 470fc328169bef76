"""A dry run: the pipeline as ever, up to what would be sent to a server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from repocomp.complete.parts import Parts
from repocomp.complete.pipeline import complete
from repocomp.generate.http.generator import HttpGenerator
from repocomp.generate.http.rehearsal import Rehearsal
from repocomp.request import CompletionRequest


def rehearse(request: CompletionRequest, parts: Parts) -> dict[str, Any]:
    """What would be sent: `request`, or None and the `reason`."""
    generator = parts.generator
    if not isinstance(generator, HttpGenerator):
        return {"request": None, "reason": f"the pack {generator.name!r} writes on this machine"}
    rehearsal = Rehearsal.of_generator(generator)
    # Where a pack drafts first, the server may not be asked at all: this is what it would be asked.
    completion = complete(request, replace(parts, generator=rehearsal, pair=None))
    if not rehearsal.requests:
        return {"request": None, "reason": completion.reason}
    return {"request": rehearsal.requests[0].to_json(), "reason": None}
