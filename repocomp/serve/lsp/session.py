"""What was agreed with the editor when it said hello, and what it said since: folders, documents, settings."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from repocomp.document import PositionEncoding
from repocomp.serve.lsp.documents import Documents, to_path
from repocomp.serve.lsp.editor import Editor
from repocomp.serve.lsp.indexing import IndexKeeper
from repocomp.serve.lsp.items import COMMANDS
from repocomp.serve.lsp.wire import Wire

Params = Mapping[str, Any]

_INCREMENTAL = 2
_SECTION = "repocomp"
_TRIGGERS = [".", "(", "[", "{", " ", "=", ",", ":", "/", "<", '"', "'"]


class Session:
    """For the reading thread. Methods raise KeyError, TypeError or ValueError for parameters that are none of theirs.

    `initializationOptions` may hold `settings`, as `--flags` of `repocomp complete` by name, and `reportsShown`: the
    editor says of each completion that it was shown, so those it does not show are not counted.
    """

    def __init__(self, wire: Wire, params: Params) -> None:
        self._capabilities = _mapping(params.get("capabilities"))
        options = _mapping(params.get("initializationOptions"))
        self._wire = wire
        self._encoding = _encoding(self._capabilities)
        self._reports_shown = options.get("reportsShown") is True
        self._folders = list(_folders(params))
        self.settings: dict[str, Any] = {}
        self.folder = self._folders[0] if self._folders else Path.cwd()
        self.documents = Documents(self._encoding)
        self.editor = Editor(wire, self._capabilities)
        self._indexes = IndexKeeper(self.editor)
        self._given = options.get("settings")

    def capabilities(self) -> dict[str, Any]:
        """What this server can do for that editor; a menu only where there is no ghost text."""
        found: dict[str, Any] = {
            "positionEncoding": self._encoding.value,
            "textDocumentSync": {"openClose": True, "change": _INCREMENTAL, "save": True},
            "executeCommandProvider": {"commands": list(COMMANDS)},
            "workspace": {"workspaceFolders": {"supported": True, "changeNotifications": True}},
        }
        if "inlineCompletion" in _mapping(self._capabilities.get("textDocument")):
            return {**found, "inlineCompletionProvider": True}
        return {**found, "inlineCompletionProvider": True, "completionProvider": {"triggerCharacters": _TRIGGERS}}

    def is_seen(self, kind: str) -> bool:
        """Whether an answer counts as shown once it is given: the editor does not say so later."""
        return kind == "menu" or not self._reports_shown

    def begin(self) -> None:
        """`initialized`: from now on the editor may be asked and told."""
        self.configure(self._given)
        self._warn_of_variables()
        watched = _mapping(_mapping(self._capabilities.get("workspace")).get("didChangeWatchedFiles"))
        if watched.get("dynamicRegistration") is True:
            registration = {
                "id": "repocomp-files",
                "method": "workspace/didChangeWatchedFiles",
                "registerOptions": {"watchers": [{"globPattern": "**/*"}]},
            }
            self._wire.request("client/registerCapability", {"registrations": [registration]})
        self._indexes.start()
        for folder in self._folders:
            self._indexes.keep(folder)

    def _warn_of_variables(self) -> None:
        """Name variables that look like settings and are none: nobody sees what a server writes to stderr."""
        from repocomp.config import unknown_variables

        for variable in unknown_variables(os.environ):
            self.editor.warn(f"{variable} sets nothing: there is no such setting", "repocomp config")

    def end(self) -> None:
        """Let go of what runs behind."""
        self._indexes.stop()

    def open(self, params: Params) -> None:
        """`textDocument/didOpen`."""
        self._indexes.changed(self.documents.open(params, self.folder).path)

    def save(self, params: Params) -> None:
        """`textDocument/didSave`."""
        path = self.documents.save(params)
        if path is not None:
            self._indexes.changed(path)

    def watched(self, params: Params) -> None:
        """`workspace/didChangeWatchedFiles`."""
        for change in params["changes"]:
            path = to_path(change["uri"])
            if path is not None:
                self._indexes.changed(path)

    def folders_changed(self, params: Params) -> None:
        """`workspace/didChangeWorkspaceFolders`; the index of one that left is kept by nobody but costs nothing."""
        for item in params["event"]["added"]:
            path = to_path(item["uri"])
            if path is not None:
                self._indexes.keep(path)

    def configure(self, settings: object) -> None:
        """`workspace/didChangeConfiguration`: settings by name, alone or under `repocomp`. Unknown ones are told."""
        from dataclasses import fields

        # Only now: the first reply does not wait for it.
        from repocomp.config import Settings

        given = _mapping(settings)
        given = _mapping(given.get(_SECTION, given))
        known = {item.name for item in fields(Settings)}
        for name in sorted(given.keys() - known):
            self.editor.warn(f"there is no setting {name!r}", "repocomp config")
        self.settings = {name: value for name, value in given.items() if name in known and value is not None}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _encoding(capabilities: Mapping[str, Any]) -> PositionEncoding:
    """UTF-8 where the editor can count so, which costs least; else what it prefers; UTF-16 where it does not say."""
    offered = _mapping(capabilities.get("general")).get("positionEncodings")
    names = [name for name in offered if isinstance(name, str)] if isinstance(offered, list) else []
    known = [encoding.value for encoding in PositionEncoding]
    if PositionEncoding.UTF8.value in names:
        return PositionEncoding.UTF8
    return PositionEncoding(next((name for name in names if name in known), PositionEncoding.UTF16.value))


def _folders(params: Params) -> Iterator[Path]:
    """The folders of the workspace; older editors name one root."""
    found = params.get("workspaceFolders")
    uris = [item["uri"] for item in found] if isinstance(found, list) else []
    if not uris and isinstance(params.get("rootUri"), str):
        uris = [params["rootUri"]]
    for uri in uris:
        path = to_path(uri)
        if path is not None:
            yield path
    if not uris and isinstance(params.get("rootPath"), str) and os.path.isabs(params["rootPath"]):
        yield Path(params["rootPath"])
