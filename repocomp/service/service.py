"""The one way in: from a buffer and a position to a completion, and what is remembered of it.

Command line, daemon and every other front end ask this and nothing else. Settings, repository, shown path, reuse of the
previous answer and recording happen here, once. For one thread.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from repocomp.complete.clock import Clock
from repocomp.complete.open_buffers import BufferRetriever
from repocomp.complete.pipeline import Emit
from repocomp.config import Settings, load_settings
from repocomp.document import Document
from repocomp.errors import DocumentError, RepocompError
from repocomp.generate.access import Access
from repocomp.generate.backends import is_pack
from repocomp.lru import LruCache
from repocomp.request import Completion, CompletionOptions, CompletionRequest
from repocomp.service.question import Question
from repocomp.service.reuse import PreviousAnswer
from repocomp.service.roots import root_of
from repocomp.service.stand_in import answer, noted, why_kept
from repocomp.service.warm import Opened, Warm
from repocomp.tree import real

_PREVIOUS_ANSWERS = 64


@dataclass(frozen=True, slots=True)
class Prepared:
    """A question with everything that its answer depends on but the models: ready to be answered.

    `folder` stands for the repository where the file lies in none, `access` is that to a server where one is to write,
    `buffers` are other files that are open.
    """

    request: CompletionRequest
    settings: Settings
    folder: Path
    access: Access = Access()
    buffers: Mapping[str, str] = field(default_factory=dict)


class CompletionService:
    """Answers questions, and keeps ready what the next one may need.

    `memory_bytes` is how much the process may hold beside its models (None: it answers once and ends).
    """

    def __init__(self, memory_bytes: int | None = None) -> None:
        self._memory_bytes = memory_bytes
        self._warm = Warm(memory_bytes)
        self._previous: LruCache[tuple[Path | None, str], PreviousAnswer] = LruCache(_PREVIOUS_ANSWERS)

    def prepare(self, question: Question) -> Prepared:
        """Find the repository and the settings in force, and check the buffer. Raises RepocompError and OSError."""
        path = question.path
        root = _root_of(path)
        settings = load_settings(root, question.flags, question.environment)
        document = Document.from_bytes(str(path), question.data)
        position = question.place.position(document)
        document = replace(document, path=_shown_path(path, root))
        request = CompletionRequest(document, position, root, _options(settings, is_awaited=question.is_awaited))
        access = Access() if is_pack(settings.generator) else Access.of(settings, question.environment)
        buffers = {_shown_path(other, root): text for other, text in question.buffers.items()}
        return Prepared(request, settings, real(path).parent, access, buffers)

    def answer(
        self,
        prepared: Prepared,
        emit: Emit | None = None,
        is_cancelled: Callable[[], bool] | None = None,
        waited_ms: float = 0.0,
    ) -> Completion:
        """Answer one question; what it has `waited_ms` for its turn counts towards the deadline. Raises RepocompError.

        `emit` is given the text piece by piece. Once `is_cancelled`, work ends within one run of a model, and what is
        returned then is nobody's.
        """
        try:
            return self._answer(prepared, emit, is_cancelled, waited_ms)
        except RepocompError:
            # What failed is opened anew the next time: the user may have fixed it.
            self._warm.close_indexes()
            raise

    def rehearse(self, prepared: Prepared) -> dict[str, Any]:
        """What `answer` would send to a server: `request`, or None and the `reason`. Nothing is sent."""
        from repocomp.service.rehearse import rehearse

        kept = why_kept(prepared.settings.generator, prepared.request, prepared.folder)
        if kept is not None:
            return {"request": None, "reason": kept}
        return rehearse(prepared.request, self._open(prepared).parts)

    def record(self, prepared: Prepared, completion: Completion, *, shown: bool = True) -> str | None:
        """Remember the answer for feedback, once it is out: None, or why it was not recorded. Raises nothing.

        `shown` is False for one that was made ahead: whoever shows it says so then.
        """
        if prepared.settings.record == "off":
            return None
        from repocomp.feedback.record import record

        return record(completion, prepared.request, prepared.settings, prepared.folder, shown=shown)

    def preload(self, pack_name: str) -> None:
        """Have a pack ready before it is asked for. Raises PackError."""
        self._warm.pack(pack_name)

    def reset(self) -> None:
        """Let go of everything: after a bug nothing that is held can be trusted."""
        self._warm = Warm(self._memory_bytes)
        self._previous.clear()

    def trim(self) -> bool:
        """Give memory back when there is too much of it; whether the process may go on."""
        if self._memory_bytes is None or resident_bytes() <= self._cap():
            return True
        self._previous.clear()
        self._warm.shrink()
        return resident_bytes() <= self._cap()

    def _cap(self) -> int:
        return (self._memory_bytes or 0) + self._warm.model_bytes()

    def describe(self) -> dict[str, Any]:
        """What is held, for people."""
        return {
            "memory_bytes": resident_bytes(),
            "memory_cap_bytes": self._cap(),
            **self._warm.describe(),
        }

    def _answer(
        self, prepared: Prepared, emit: Emit | None, is_cancelled: Callable[[], bool] | None, waited_ms: float
    ) -> Completion:
        request, deadline_ms = prepared.request, prepared.request.options.deadline_ms
        left_ms = None if deadline_ms is None else max(0.0, deadline_ms - waited_ms)
        clock = Clock.starting(left_ms, is_cancelled)
        kept = why_kept(prepared.settings.generator, request, prepared.folder)
        opened = self._stand_in(prepared) if kept is not None else self._open(prepared)
        digest = opened.parts.generator.digest
        place = (request.root, request.document.path)
        previous = self._previous.get(place)
        rest = previous.rest(request, opened.state, digest) if previous is not None else None
        if rest is not None:
            if emit is not None:
                emit(rest.text)
            return rest
        completion, state = answer(request, opened, lambda: self._stand_in(prepared), emit, clock)
        completion = completion if kept is None else noted(completion, kept)
        self._previous.put(place, PreviousAnswer(request, completion, state))
        return completion

    def _open(self, prepared: Prepared) -> Opened:
        opened = self._warm.open(prepared.request.root, prepared.settings, prepared.access)
        return _with_buffers(opened, prepared.buffers)

    def _stand_in(self, prepared: Prepared) -> Opened:
        """The parts where the pack that decides also writes."""
        return self._open(replace(prepared, settings=replace(prepared.settings, generator=prepared.settings.policy)))


def _with_buffers(opened: Opened, buffers: Mapping[str, str]) -> Opened:
    parts = opened.parts
    if parts.retriever is None or not buffers:
        return opened
    return replace(opened, parts=replace(parts, retriever=BufferRetriever(parts.retriever, buffers)))


def resident_bytes() -> int:
    """Memory this process holds, where the system tells for a few microseconds; else 0."""
    if sys.platform != "linux":
        return 0
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _options(settings: Settings, *, is_awaited: bool) -> CompletionOptions:
    least = settings.min_confidence
    return CompletionOptions(
        retrieve=settings.retrieve,
        select=settings.select,
        threshold=settings.threshold,
        mode=settings.mode,
        max_new_tokens=settings.max_new_tokens,
        deadline_ms=settings.deadline_ms,
        arms=settings.arm_names,
        min_confidence=0.0 if least is None and is_awaited else least,
        candidates=settings.candidates,
    )


def _root_of(path: Path) -> Path | None:
    """The work tree of a file. Raises DocumentError for a name that no file can have, OSError for one too long."""
    try:
        return root_of(path)
    except ValueError as error:
        name = str(path).encode(errors="backslashreplace").decode()
        raise DocumentError(f"{name}: no file can have this name", "use a name of characters alone") from error


def _shown_path(path: Path, root: Path | None) -> str:
    """The path as index and model know it: relative to the root, "/" separated."""
    absolute = real(path)
    inside = root is not None and absolute.is_relative_to(root)
    return absolute.relative_to(root).as_posix() if inside and root is not None else path.name
