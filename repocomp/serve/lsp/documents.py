"""The documents that the editor has open, by the URI it gave them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from repocomp.document import PositionEncoding
from repocomp.serve.lsp.text import Text

_DRIVE = re.compile(r"/[A-Za-z]:")


@dataclass(slots=True)
class OpenDocument:
    """A document as the editor has it now. `is_changed` since it was opened or saved: the disk may say otherwise."""

    path: Path
    text: Text
    is_changed: bool = False


class Documents:
    """All open documents. Methods raise KeyError, TypeError or ValueError for parameters that are none of theirs."""

    def __init__(self, encoding: PositionEncoding) -> None:
        self._encoding = encoding
        self._open: dict[str, OpenDocument] = {}

    def __len__(self) -> int:
        return len(self._open)

    def get(self, uri: str) -> OpenDocument | None:
        """The document of a URI, None for one that is not open."""
        return self._open.get(uri)

    def open(self, params: Mapping[str, Any], folder: Path) -> OpenDocument:
        """`textDocument/didOpen`; one that has no file yet is named as if it lay in `folder`."""
        item = params["textDocument"]
        if not isinstance(item["text"], str):
            raise TypeError("text is no string")
        path = to_path(item["uri"]) or folder / _name(item["uri"])
        self._open[item["uri"]] = OpenDocument(path, Text(item["text"], self._encoding))
        return self._open[item["uri"]]

    def change(self, params: Mapping[str, Any]) -> None:
        """`textDocument/didChange`. What cannot be applied closes the document: nobody knows what it holds."""
        uri = params["textDocument"]["uri"]
        document = self._open[uri]
        document.is_changed = True
        try:
            for change in params["contentChanges"]:
                document.text.change(change)
        except (KeyError, TypeError, ValueError, AttributeError):
            del self._open[uri]
            raise

    def save(self, params: Mapping[str, Any]) -> Path | None:
        """`textDocument/didSave`; its file."""
        document = self._open.get(params["textDocument"]["uri"])
        if document is None:
            return to_path(params["textDocument"]["uri"])
        document.is_changed = False
        return document.path

    def close(self, params: Mapping[str, Any]) -> None:
        """`textDocument/didClose`."""
        self._open.pop(params["textDocument"]["uri"], None)

    def changed(self, but: OpenDocument) -> Iterator[OpenDocument]:
        """The others whose text the disk may not have."""
        return (document for document in self._open.values() if document.is_changed and document is not but)


def to_path(uri: str) -> Path | None:
    """The file of a `file:` URI; None for any other. Raises ValueError for what is no URI."""
    parts = urlsplit(uri)
    if parts.scheme != "file":
        return None
    path = unquote(parts.path, errors="surrogateescape")
    if os.name == "nt":
        path = f"//{parts.netloc}{path}" if parts.netloc else path[1:] if _DRIVE.match(path) else path
    if not os.path.isabs(path) or "\0" in path:
        raise ValueError(f"{uri!r} names no file")
    # Nor does half a surrogate pair; the error is a ValueError too.
    os.fsencode(path)
    return Path(path)


def _name(uri: str) -> str:
    name = unquote(urlsplit(uri).path).rpartition("/")[2].replace("\0", "")
    return name.encode(errors="replace").decode() or "untitled"
