"""The thread that completes: it owns the service, and everything heavy is imported here, behind the first reply."""

from __future__ import annotations

import queue
from contextlib import suppress
from pathlib import Path

from repocomp.config import load_settings
from repocomp.errors import RepocompError
from repocomp.feedback.ledger import say
from repocomp.lru import LruCache
from repocomp.serve.deferred import DeferredJobs
from repocomp.serve.follow_up import FollowUp
from repocomp.serve.lsp.asked import Asked, Word
from repocomp.serve.lsp.editor import Editor
from repocomp.serve.lsp.items import COMMANDS
from repocomp.serve.lsp.wire import REQUEST_FAILED
from repocomp.service.service import CompletionService

MEMORY_BYTES = 512_000_000
"""Beside the models, as the daemon's."""
_REMEMBERED = 512

Job = Asked | Word


class Worker:
    """Answers one request after the other. For one thread."""

    def __init__(self, editor: Editor, folder: Path) -> None:
        """`folder` stands for the repository where a completion is unknown here."""
        self._editor, self._folder = editor, folder
        self._jobs = DeferredJobs()
        self._service = CompletionService(MEMORY_BYTES)
        self._follow_up = FollowUp(self._service, self._jobs)
        self._given: LruCache[str, tuple[Path, str]] = LruCache(_REMEMBERED)

    def run(self, jobs: queue.SimpleQueue[Job | None]) -> None:
        """Answer until None comes; a model is ready before the first request, if there is one."""
        with suppress(RepocompError):
            self._service.preload(load_settings(None, {}).generator)
        while (job := self._jobs.next_of(jobs)) is not None:
            try:
                self._complete(job) if isinstance(job, Asked) else self._say(job)
            except RepocompError as error:
                self._editor.warn(error.message, error.hint)
                _give_up(job, error.message)
            except OSError as error:
                self._editor.warn(f"{error.filename}: {error.strerror}")
                _give_up(job, str(error.strerror))
            except Exception as error:  # one request's bug is not the next one's
                self._service.reset()
                self._editor.warn(f"a bug: {type(error).__name__}: {error}")
                _give_up(job, "a bug")
            if not self._service.trim():
                self._service.reset()

    def _complete(self, asked: Asked) -> None:
        if asked.cancelled.is_set():
            return
        prepared = self._service.prepare(asked.question)
        completion = self._service.answer(prepared, None, asked.cancelled.is_set, asked.waited_ms)
        if asked.cancelled.is_set() or not asked.answer(completion.id, completion.text):
            return
        self._given.put(completion.id, (prepared.request.root or prepared.folder, prepared.settings.record))
        self._follow_up.remember(prepared, completion, shown=asked.is_seen)

    def _say(self, word: Word) -> None:
        given = self._given.get(word.completion)
        if given is None:
            given = self._folder, load_settings(None, {}).record
        folder, record = given
        if record != "off":
            say(folder, word.completion, COMMANDS[word.command], word.text, keep_text=record == "text")
        word.wire.reply(word.id, None)


def _give_up(job: Job, message: str) -> None:
    """Answer what failed: an empty answer to a keystroke, since the person was told; an error to a command."""
    if isinstance(job, Asked):
        job.answer("", "")
    else:
        job.wire.refuse(job.id, REQUEST_FAILED, message)
