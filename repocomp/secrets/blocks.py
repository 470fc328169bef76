"""Secrets that fill several lines: private keys, and the data of a Kubernetes secret.

A marker alone condemns nothing: code that speaks of `-----BEGIN PRIVATE KEY-----` holds no key. What is taken out is
the key's own text, between its markers or, where one of them is missing, the lines of base64 beside the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from repocomp.secrets.shapes import Span, lazy

_MOST = 16_384
"""Characters of the longest private key that is looked for; 8,192 bits of RSA need 6,400."""
_MARKER = lazy(r"-----(BEGIN|END) [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_BODY = lazy(r"(?:[A-Za-z0-9+/=\s\"',:;.|#*-]|\\[nrt])*+")
_LAYOUT = lazy(r"[\s\"'+,\\|#*]|\\[nrt]")
_BASE64 = lazy(r"[\s\"'+,#*|]{0,20}[A-Za-z0-9+/]{16,2000}={0,2}(?:\\[nr]){0,2}[\s\"'+,\\]{0,8}")
_SHORTEST = 6
_PUTTY = lazy(r"Private-Lines: (\d{1,3})\n")
_KIND = lazy(r"^[ \t]{0,40}[\"']?kind[\"']?:[ \t]{0,8}[\"']?secret\b", re.MULTILINE)
_ENTRY = lazy(r"[ \t]{1,40}[\w.-]{1,100}:[ \t]{1,8}[\"']?(?![\"']|\{\{|\$\{|\||>)([^\s\"'#][^\n\"']{0,4000})")


def block_spans(text: str, lowered: str) -> Iterator[Span]:
    """The private keys and Kubernetes secrets in `text`."""
    if "private key" in lowered:
        yield from _key_spans(text)
    if "private-lines:" in lowered:
        yield from _putty_spans(text)
    if "secret" in lowered and _KIND.search(lowered):
        yield from _kubernetes_spans(text, lowered)


def _key_spans(text: str) -> Iterator[Span]:
    """Each marker is looked at beside its neighbour only, so many of them cost no more than few."""
    opened: re.Match[str] | None = None
    for marker in _MARKER.finditer(text):
        if marker[1] == "BEGIN":
            if opened is not None:
                yield from _lines_after(text, opened.end())
            opened = marker
        elif opened is not None and _is_key(text, opened.end(), marker.start()):
            yield opened.start(), marker.end()
            opened = None
        else:
            yield from _lines_before(text, marker.start())
    if opened is not None:
        yield from _lines_after(text, opened.end())


def _is_key(text: str, start: int, end: int) -> bool:
    if end - start > _MOST or not _BODY.fullmatch(text, start, end):
        return False
    rest = _LAYOUT.sub("", text[start:end])
    return len(rest) >= _SHORTEST and any(char.isdigit() or char.isupper() for char in rest)


def _lines_after(text: str, start: int) -> Iterator[Span]:
    """The base64 lines below a marker whose end is missing."""
    at = text.find("\n", start) + 1
    begin = at
    while 0 < at < min(len(text), start + _MOST):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        if not _BASE64.fullmatch(text, at, end):
            break
        at = end + 1
    if at > begin > 0:
        yield begin, at - 1


def _lines_before(text: str, end: int) -> Iterator[Span]:
    """The base64 lines above a marker whose beginning is missing."""
    at = last = text.rfind("\n", 0, end)
    while at > max(0, end - _MOST):
        start = text.rfind("\n", 0, at) + 1
        if not _BASE64.fullmatch(text, start, at):
            break
        at = start - 1
    if at < last:
        yield at + 1, last


def _putty_spans(text: str) -> Iterator[Span]:
    at = 0
    for head in _PUTTY.finditer(text):
        if head.start() < at:
            continue
        at = head.end()
        for _ in range(int(head[1])):
            at = text.find("\n", at) + 1 or len(text)
        yield head.end(), at


def _kubernetes_spans(text: str, lowered: str) -> Iterator[Span]:
    """The values below `data:` and `stringData:` of the documents that are of the kind `Secret`."""
    start = 0
    for document in lowered.split("\n---"):
        end = start + len(document)
        if _KIND.search(document):
            yield from _data_spans(text, start, end)
        start = end + len("\n---")


def _data_spans(text: str, start: int, end: int) -> Iterator[Span]:
    inside = False
    at = start
    for line in text[start:end].split("\n"):
        if line.rstrip() in ("data:", "stringData:"):
            inside = True
        elif inside and line[:1] not in (" ", "\t", "", "#"):
            inside = False
        elif inside and (match := _ENTRY.match(line)):
            yield at + match.start(1), at + match.end(1)
        at += len(line) + 1
