"""The requests that need the model: each is put in line with the document as it is now, and the newest wins.

A newer request of the same kind, or an edit of its document, ends an older one at once: whoever waits hears so while
the model stops within one of its runs.
"""

from __future__ import annotations

import os
import queue
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from repocomp.serve import protocol
from repocomp.serve.lsp import items, wire
from repocomp.serve.lsp.asked import Asked, Word
from repocomp.serve.lsp.session import Session
from repocomp.serve.lsp.wire import Wire

if TYPE_CHECKING:
    from repocomp.serve.lsp.worker import Job

Params = Mapping[str, Any]
Spell = Callable[[str, str], Mapping[str, Any]]


class Requests:
    """What is asked, for the reading thread; `jobs` is the line of the working one.

    Methods raise KeyError, TypeError, ValueError or IndexError for parameters that are none of theirs.
    """

    def __init__(self, wire: Wire, session: Session, jobs: queue.SimpleQueue[Job | None]) -> None:
        self._wire, self._session, self._jobs = wire, session, jobs
        self._pending: dict[object, Asked] = {}
        self._environment = protocol.settings(os.environ)

    def __len__(self) -> int:
        return len(self._pending)

    def inline(self, request_id: object, params: Params) -> None:
        """`textDocument/inlineCompletion`; what is selected in the editor's menu counts as written."""

        def spell(identity: str, text: str) -> dict[str, Any]:
            return items.inline_items(identity, text, start, end, chosen)

        start = end = dict(params["position"])
        context = params.get("context")
        selected, chosen = context.get("selectedCompletionInfo") if isinstance(context, dict) else None, ""
        if selected is not None:
            start, end, chosen = dict(selected["range"]["start"]), dict(selected["range"]["end"]), selected["text"]
        self._ask("inline", request_id, params, spell, selected)

    def menu(self, request_id: object, params: Params) -> None:
        """`textDocument/completion`."""

        def spell(identity: str, text: str) -> dict[str, Any]:
            return items.menu_items(identity, text, start, position, word)

        position, start, word = dict(params["position"]), dict(params["position"]), ""
        document = self._session.documents.get(params["textDocument"]["uri"])
        if document is not None:
            line, before = document.text.place(position)
            word = items.word_before(before)
            start = document.text.position(line, len(before) - len(word))
        self._ask("menu", request_id, params, spell)

    def command(self, request_id: object, params: Params) -> None:
        """`workspace/executeCommand`: what became of a completion."""
        name, arguments = params["command"], params["arguments"]
        if name not in items.COMMANDS:
            raise ValueError(f"there is no command {name!r}")
        completion, text = arguments[0], arguments[1] if len(arguments) > 1 else None
        if not isinstance(completion, str) or not isinstance(text, str | None):
            raise TypeError("arguments are the name of a completion, and a text")
        if items.COMMANDS[name] == "partially_accepted" and text is None:
            raise ValueError("the second argument is the part that was accepted")
        self._jobs.put(Word(request_id, name, completion, text, self._wire))

    def cancel(self, params: Params) -> None:
        """`$/cancelRequest`."""
        asked = self._pending.get(params["id"])
        if asked is not None:
            asked.refuse(wire.REQUEST_CANCELLED, "cancelled")

    def end_older(self, is_older: Callable[[Asked], bool]) -> None:
        """End the requests that an edit or a newer one has made pointless."""
        for asked in [asked for asked in list(self._pending.values()) if is_older(asked)]:
            asked.refuse(wire.CONTENT_MODIFIED, "a newer request or an edit came")

    def end_all(self) -> None:
        """End every request: the server does."""
        for asked in list(self._pending.values()):
            asked.refuse(wire.REQUEST_CANCELLED, "the server was shut down")

    def _ask(self, kind: str, request_id: object, params: Params, spell: Spell, selected: Params | None = None) -> None:
        from repocomp.service.question import Place, Question

        uri = params["textDocument"]["uri"]
        document = self._session.documents.get(uri)
        self.end_older(lambda asked: asked.kind == kind)
        if document is None:
            self._wire.reply(request_id, spell("", ""))
            return
        before, text = document.text.until(params["position"]), str(document.text)
        if selected is not None:
            rest = text[len(document.text.until(selected["range"]["end"])) :]
            before = document.text.until(selected["range"]["start"]) + selected["text"]
            text = before + rest
        question = Question(
            path=document.path,
            data=text.encode(errors="surrogatepass"),
            place=Place(offset=len(before.encode(errors="surrogatepass"))),
            flags=self._session.settings,
            environment=self._environment,
            buffers={other.path: str(other.text) for other in self._session.documents.changed(document)},
        )
        asked = Asked(request_id, kind, uri, question, spell, self._session.is_seen(kind), self._wire, self._answered)
        self._pending[request_id] = asked
        self._jobs.put(asked)

    def _answered(self, asked: Asked) -> None:
        """From either thread; an identifier that was used twice belongs to the later request."""
        if self._pending.get(asked.id) is asked:
            self._pending.pop(asked.id, None)
