"""Keeping the indexes of the workspace current, behind everything else: a thread for each work tree, asleep until told.

The first index of a folder that git knows is made without being asked for; elsewhere only one that is there is kept.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from pathlib import Path

from repocomp.errors import RepocompError
from repocomp.serve.lsp.editor import Editor

_QUIET_S = 0.2
"""How long nothing more must change before a change is looked at."""

Told = queue.SimpleQueue[Path | None]


class Stopped(Exception):
    """The server ends while an index is made: what is written of it by then can be used."""


class IndexKeeper:
    """Told of folders and changed files by one thread."""

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._news: queue.SimpleQueue[tuple[bool, Path] | None] = queue.SimpleQueue()
        self._trees: dict[Path, Told] = {}
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begin to listen; nothing is imported or read before."""
        threading.Thread(target=self._listen, name="indexing", daemon=True).start()

    def keep(self, folder: Path) -> None:
        """Keep the index of a folder of the workspace from now on."""
        self._news.put((True, folder))

    def changed(self, path: Path) -> None:
        """A file came, changed or went."""
        self._news.put((False, path))

    def stop(self) -> None:
        """End, an index in the making too."""
        self._stopping.set()
        self._news.put(None)

    def _listen(self) -> None:
        from repocomp.service.roots import root_of
        from repocomp.store.paths import index_path

        while (news := self._news.get()) is not None:
            is_folder, path = news
            root = None
            with suppress(RepocompError, OSError):
                root = root_of(path / "file" if is_folder else path)
            if root in self._trees:
                self._trees[root].put(path)
            elif root is not None and (is_folder or index_path(root).exists()):
                self._trees[root] = queue.SimpleQueue()
                threading.Thread(target=self._watch, args=(root,), name=f"index {root.name}", daemon=True).start()
        for told in list(self._trees.values()):
            told.put(None)

    def _watch(self, root: Path) -> None:
        from repocomp.index.vectors import build_vectors, has_vectors
        from repocomp.index.watch import watch
        from repocomp.model.encoder import shipped_encoder

        shown = self._editor.indexing(root)
        try:
            told = _told(self._trees[root], at_rest=shown.end)
            for _ in watch(root, told, progress=self._unless_stopping(shown.on_progress)):
                if has_vectors(root) and (encoder := shipped_encoder()) is not None:
                    shown.end()
                    build_vectors(root, encoder, self._unless_stopping(shown.on_progress))
        except Stopped:
            pass
        except RepocompError as error:
            self._editor.warn(error.message, error.hint)
        except Exception as error:  # completions go on without it
            self._editor.warn(f"the index is not kept: {type(error).__name__}: {error}")
        finally:
            shown.end()
            self._trees.pop(root, None)

    def _unless_stopping(self, show: Callable[..., None]) -> Callable[..., None]:
        def on_progress(*told: object) -> None:
            if self._stopping.is_set():
                raise Stopped
            show(*told)

        return on_progress


def _told(told: Told, at_rest: Callable[[], None]) -> Iterator[Collection[Path]]:
    """What changed, once nothing more does for a moment; ends with None.

    Whoever asks has dealt with all that was told before, whether or not it changed anything: it is then `at_rest`.
    """
    at_rest()
    while (path := told.get()) is not None:
        paths: set[Path] = {path}
        with suppress(queue.Empty):
            while (more := told.get(timeout=_QUIET_S)) is not None:
                paths.add(more)
            return
        yield paths
        at_rest()
