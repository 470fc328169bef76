"""What happens where a server is to write and does not: it fails, or the file is one that must not be sent.

The pack that decides then writes, and the completion says so. What was passed on already cannot be taken back: where a
server fails in the middle of a stream there is an error instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from repocomp.complete.clock import Clock
from repocomp.complete.pipeline import Emit, complete
from repocomp.errors import GeneratorError
from repocomp.generate.backends import is_pack
from repocomp.index.walk import rule_against
from repocomp.request import Completion, CompletionRequest
from repocomp.service.warm import Opened


def why_kept(generator: str, request: CompletionRequest, folder: Path) -> str | None:
    """Why the file of `request` is not sent to the `generator`; None where it may be, or where that is a pack.

    `folder` is the file's own, for one outside of every repository.
    """
    if is_pack(generator):
        return None
    root = request.root or folder
    rule = rule_against(root, request.document.path)
    return (
        None if rule is None else f"{request.document.path} is left out of the index ({rule}) and not sent to a server"
    )


@dataclass(slots=True)
class _Passed:
    """Passes text on, and remembers that it did."""

    emit: Emit
    is_any: bool = False

    def __call__(self, text: str) -> None:
        self.is_any = True
        self.emit(text)


def answer(
    request: CompletionRequest, opened: Opened, stand_in: Callable[[], Opened], emit: Emit | None, clock: Clock
) -> tuple[Completion, object]:
    """The answer by the parts that are `opened`, else by those of the `stand_in`; and the state of those it came from.

    Raises GeneratorError where a server failed after part of its answer was passed on.
    """
    passed = None if emit is None else _Passed(emit)
    try:
        return complete(request, opened.parts, passed, clock), opened.state
    except GeneratorError as error:
        if passed is not None and passed.is_any:
            raise
        other = stand_in()
        return noted(complete(request, other.parts, emit, clock), error.message), other.state


def noted(completion: Completion, why: str) -> Completion:
    """`completion`, with the warning that a pack wrote it, and `why`."""
    note = f"{why}: the pack {completion.models['generator']!r} wrote this"
    return replace(completion, warnings=(note, *completion.warnings))
