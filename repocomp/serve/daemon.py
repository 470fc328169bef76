"""The daemon's own part: from the message of one call to a question, and from the completion to the last reply.

What it answers is what the command line would answer by itself. What follows an answer (recording, looking at the saved
file, learning) is done once the reply is on its way.
"""

from __future__ import annotations

import os
from pathlib import Path

from repocomp.document import PositionEncoding
from repocomp.errors import RepocompError
from repocomp.serve import protocol
from repocomp.serve.call import Call, Message
from repocomp.serve.deferred import DeferredJobs
from repocomp.serve.follow_up import FollowUp
from repocomp.serve.upgrade import UpgradeCheck
from repocomp.service.question import Place, Question
from repocomp.service.service import CompletionService, Prepared


class Daemon:
    """Answers calls, one after the other."""

    def __init__(self, service: CompletionService, jobs: DeferredJobs) -> None:
        self._service, self._follow_up, self._upgrade = service, FollowUp(service, jobs), UpgradeCheck()
        self.is_outdated = False
        """Whether its code is no longer what is installed."""

    def answer(self, call: Call) -> bool:
        """Answer a call; False once the daemon should make room for a new one."""
        if self._upgrade.is_changed():
            self.is_outdated = True
            call.decline("repocomp was upgraded")
            return False
        try:
            prepared = self._prepare(call.message)
            if prepared.settings.daemon == "never":
                call.decline("its settings say that no daemon is to answer")
            else:
                self._complete(call, prepared)
        except RepocompError as error:
            call.decline(error.message)
        except (KeyError, TypeError, ValueError) as error:
            call.decline(f"not a request: {type(error).__name__}: {error}")
        except OSError as error:
            call.decline(f"{error.strerror}: {error.filename}")
        except Exception as error:  # one request's bug is not the next one's
            self._service.reset()
            call.decline(f"a bug: {type(error).__name__}")
        return self._service.trim()

    def _prepare(self, message: Message) -> Prepared:
        """The question in a message. Raises RepocompError, and KeyError, TypeError or ValueError for anything else."""
        if message["directories"] != protocol.directories(os.environ):
            raise ValueError("it has other directories than this daemon")
        encoding = PositionEncoding(message["encoding"])
        offset = None if message["offset"] is None else int(message["offset"])
        question = Question(
            path=Path(message["path"]),
            data=protocol.to_bytes(_text(message["data"])),
            place=Place(int(message["line"]), int(message["column"]), offset, encoding),
            flags=dict(message["flags"]),
            environment=dict(message["environment"]),
            is_awaited=bool(message.get("awaited")),
        )
        return self._service.prepare(question)

    def _complete(self, call: Call, prepared: Prepared) -> None:
        emit = (lambda text: call.send({"text": text})) if call.message["stream"] else None
        completion = self._service.answer(prepared, emit, call.cancelled.is_set, call.waited_ms)
        if call.cancelled.is_set():
            return
        call.send({"completion": completion.to_json()}, last=True)
        self._follow_up.remember(prepared, completion, shown=not call.message.get("prefetch", False))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} is no text")
    return value
