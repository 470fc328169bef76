"""One request of a client, run inside the daemon as the command line it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from repocomp.cli import app
from repocomp.config import Settings
from repocomp.feedback.sweep import MOMENTS_S, sweep
from repocomp.request import Completion, CompletionRequest
from repocomp.serve.client import launch
from repocomp.serve.deferred import Chores
from repocomp.serve.server import Call, Message
from repocomp.serve.stand_in import Output, stand_in
from repocomp.serve.upgrade import Installed
from repocomp.service.warm import Warm

_QUIET_S = 900.0


class Declined(BaseException):
    """The client should do this one itself. Not an Exception: nothing on the way may take it for a bug."""


@dataclass(slots=True)
class Guest:
    """What completes the request of one call (a `cli.verbs.complete.Host`).

    `recorded` is the work tree whose feedback the answer is noted down in, `may_learn` whether it may teach unasked.
    """

    call: Call
    warm: Warm
    later: list[Callable[[], None]] = field(default_factory=list)
    recorded: Path | None = None
    may_learn: bool = False

    def complete(
        self, request: CompletionRequest, settings: Settings, emit: Callable[[str], None] | None
    ) -> Completion:
        """Answer from what is warm. Time spent waiting for other requests counts towards the deadline."""
        if settings.daemon == "never":
            raise Declined("its settings say that no daemon is to answer")
        self.recorded = request.root if settings.record != "off" else None
        self.may_learn = settings.learn == "auto"
        if request.deadline_ms is not None:
            waited_ms = (time.monotonic() - self.call.received) * 1000
            request = replace(request, deadline_ms=max(0.0, request.deadline_ms - waited_ms))
        return self.warm.complete(request, settings, self.call.cancelled.is_set, emit)

    def after_reply(self, action: Callable[[], None]) -> None:
        """Do `action` once the reply is on its way."""
        self.later.append(action)


class Hosted:
    """Answers calls, one after the other."""

    def __init__(self, warm: Warm, chores: Chores) -> None:
        self._warm, self._chores, self._installed = warm, chores, Installed()

    def answer(self, call: Call) -> bool:
        """Run the call's command and send what it printed; False once the daemon should make room for a new one."""
        if self._installed.is_changed():
            call.send({"declined": "repocomp was upgraded"}, last=True)
            return False
        try:
            self._run(call)
        except (Declined, OSError, KeyError, TypeError, ValueError) as reason:
            call.send({"declined": str(reason)}, last=True)
        return self._warm.trim()

    def _run(self, call: Call) -> None:
        arguments = call.message["arguments"]
        if arguments[:1] != ["complete"]:
            raise Declined("a daemon completes, and does nothing else")
        streaming = "--stream" in arguments

        def flushed(output: Output) -> None:
            if streaming and output.tell():
                call.send({"stdout": output.take()})

        with stand_in(call.message, flushed) as (output, errors):
            guest = Guest(call, self._warm)
            code = app.run(arguments, guest)
            call.send({"exit_code": code, "stdout": output.take(), "stderr": errors()}, last=True)
            for action in guest.later:
                # The reply is out; what is noted down beside it must not end the daemon.
                with suppress(Exception):
                    action()
        if guest.recorded is not None:
            self._look_later(guest.recorded, {**call.message, "stdin": ""})
            if guest.may_learn:
                self._learn_later(guest.recorded, {**call.message, "stdin": ""})

    def _look_later(self, root: Path, message: Message) -> None:
        """See what of the answer stands in the saved file half a minute later, and up to ten minutes later."""

        def look() -> None:
            with stand_in(message, lambda output: None):
                sweep(root)

        for seconds in MOMENTS_S:
            self._chores.later(seconds, root, look)

    def _learn_later(self, root: Path, message: Message) -> None:
        """Once nobody has asked for anything there for a quarter of an hour, let another process learn from it."""

        def learn() -> None:
            from repocomp.learn.unasked import COMMAND, claim

            with stand_in(message, lambda output: None):
                if claim(root):
                    launch(COMMAND, str(root))

        self._chores.rather(_QUIET_S, ("learn", root), learn)
