"""Cursors in code that stands in another file: asked as code, and answered as the file writes it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from repocomp.document import Document, Range, text_of
from repocomp.languages.embedded import Embedded
from repocomp.languages.formats import embedded, may_embed
from repocomp.request import Completion, CompletionRequest


@dataclass(frozen=True, slots=True)
class Embedding:
    """A request whose cursor stands in embedded code, and the `request` about that code alone."""

    outer: CompletionRequest
    request: CompletionRequest
    code: Embedded
    newline: str

    @classmethod
    def of(cls, request: CompletionRequest) -> Embedding | None:
        """None where the file is its own code, or none."""
        document, cursor = request.document, request.cursor
        if not may_embed(document.path, document.data):
            return None
        code = embedded(document.path, text_of(document.data), len(text_of(document.data[: cursor.offset])))
        if code is None:
            return None
        inner = Document(document.path, code.text.encode(), code.language, is_excerpt=not code.keeps_lines)
        position = inner.at_offset(len(code.text[: code.at].encode()))
        return cls(request, replace(request, document=inner, cursor=position), code, document.newline_at(cursor))

    def written(self, text: str) -> str:
        """An answer, or a piece of one, as the file holds it."""
        return self.code.written(text).replace("\n", self.newline)

    def answer(self, completion: Completion) -> Completion:
        """What was answered about the code, as an answer about the file."""
        return replace(
            completion,
            text=self.written(completion.text),
            range=Range(self.outer.cursor, self.outer.cursor),
            candidates=tuple(replace(each, text=self.written(each.text)) for each in completion.candidates),
            withheld=None if completion.withheld is None else self.written(completion.withheld),
        )
