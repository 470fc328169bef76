"""What follows an answer that is on its way: recording it, looking at its file later, learning when all is quiet."""

from __future__ import annotations

from pathlib import Path

from repocomp.feedback.sweep import MOMENTS_S, sweep
from repocomp.request import Completion
from repocomp.serve.client import launch
from repocomp.serve.deferred import DeferredJobs
from repocomp.service.service import CompletionService, Prepared

_QUIET_S = 900.0


class FollowUp:
    """For the thread that owns the service; what is due later is left to `jobs`."""

    def __init__(self, service: CompletionService, jobs: DeferredJobs) -> None:
        self._service, self._jobs = service, jobs

    def remember(self, prepared: Prepared, completion: Completion, *, shown: bool) -> None:
        """Record an answer, and measure and learn from it when the time has come. Raises nothing."""
        self._service.record(prepared, completion, shown=shown)
        root = prepared.request.root
        if root is None or prepared.settings.record == "off":
            return
        for seconds in MOMENTS_S:
            self._jobs.later(seconds, root, lambda: sweep(root))
        if prepared.settings.learn == "auto":
            self._jobs.rather(_QUIET_S, ("learn", root), lambda: _learn(root))


def _learn(root: Path) -> None:
    """Start learning in a process of its own, where it is due."""
    from repocomp.learn.background import COMMAND, claim

    if claim(root):
        launch(COMMAND, str(root))
