"""Reuse of the previous answer: while somebody types what was offered, the rest of it stays the answer.

The rest is given only where nothing else has changed: the file is the one of the previous answer with a beginning of it
typed at its cursor, and everything else of the request is equal. The model is not asked, so its fresh answer might
differ; a rest says whose rest it is (`Completion.continues`). An answer that was cut off by length or time has no rest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from repocomp.complete.pipeline import identity
from repocomp.document import Range
from repocomp.request import Candidate, Completion, CompletionRequest, Timings, Tokens


@dataclass(frozen=True, slots=True)
class PreviousAnswer:
    """A request with its answer, and `state`: whatever else the answer came from (packs, index)."""

    request: CompletionRequest
    completion: Completion
    state: object

    def rest(self, request: CompletionRequest, state: object, pack_digest: str) -> Completion | None:
        """The answer to `request` where it types on the previous answer, else None."""
        if state != self.state or self.completion.stop_reason in ("length", "deadline", "cancelled"):
            return None
        if _question(request) != _question(self.request):
            return None
        text = self._untyped(request)
        return None if text is None else self._completion(request, text, pack_digest)

    def _untyped(self, request: CompletionRequest) -> str | None:
        """What of the answer is left to type: something visible, after at least one byte."""
        start, offered = self.request.cursor.offset, self.completion.text.encode()
        typed = request.cursor.offset - start
        before, now = self.request.document.data, request.document.data
        if not 0 < typed < len(offered) or len(now) != len(before) + typed:
            return None
        if now[:start] != before[:start] or now[start + typed :] != before[start:]:
            return None
        if now[start : start + typed] != offered[:typed]:
            return None
        text = offered[typed:].decode()
        return text if text.strip() else None

    def _completion(self, request: CompletionRequest, text: str, pack_digest: str) -> Completion:
        offered = self.completion
        prompt = offered.tokens.prompt
        return replace(
            offered,
            id=identity(request, pack_digest, offered.retrieval, text),
            text=text,
            range=Range(request.cursor, request.cursor),
            candidates=(Candidate(text, offered.candidates[0].logprob, confidence=offered.confidence),),
            tokens=Tokens(prompt, prompt, 0),
            timings_ms=Timings(),
            continues=offered.id,
        )


def _question(request: CompletionRequest) -> tuple[object, ...]:
    """Everything of a request but what typing moves. A deadline bounds the work, not the answer."""
    return request.document.path, request.root, replace(request.options, deadline_ms=None)
