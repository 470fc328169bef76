"""A language server with the real wire whose answers come from a file: `python -m tests.editors.fake_server FOLDER`.

FOLDER/answer holds the text to offer, in JSON; FOLDER/said gets a line for each command, FOLDER/asked for each request,
FOLDER/began one once it is ready.
"""

from __future__ import annotations

import json
import queue
import sys
from pathlib import Path
from typing import Any

from repocomp.serve.lsp.asked import Asked
from repocomp.serve.lsp.server import LanguageServer
from repocomp.serve.lsp.session import Session
from repocomp.serve.lsp.wire import Wire


class Desk:
    """The worker that reads its answers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    def work(self, session: Session, jobs: queue.SimpleQueue[Any]) -> None:
        self._note("began", str(session.folder))
        while (job := jobs.get()) is not None:
            if isinstance(job, Asked):
                self._count += 1
                question = job.question
                self._note("asked", [question.data.decode(), question.place.offset])
                job.answer(f"c_{self._count}", json.loads((self._folder / "answer").read_text(encoding="utf-8")))
            else:
                self._note("said", [job.command.removeprefix("repocomp."), job.completion, job.text])
                job.wire.reply(job.id, None)

    def _note(self, name: str, value: object) -> None:
        with open(self._folder / name, "a", encoding="utf-8") as file:
            file.write(json.dumps(value) + "\n")


if __name__ == "__main__":
    sys.exit(LanguageServer(Wire(sys.stdin.buffer, sys.stdout.buffer), Desk(Path(sys.argv[1])).work).run())
