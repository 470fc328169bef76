"""Passwords in the arguments of commands that have their own ways to take one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from repocomp.secrets.shapes import Span, lazy
from repocomp.secrets.values import Kind, is_secret
from repocomp.secrets.wire import FILLED_IN, STAND_INS

_USER = lazy(
    r"(?:-u|--user|--proxy-user)[= \t]{1,4}[\"']?(?P<user>[^\s:\"']{0,64})[\"']?:"
    r"(?:[\"']?(?P<value>[^\s\"']{3,200})|(?=[\"'\s]))"
)
_CLIENTS = ("curl", "http", "wget", "svn", "lftp", "mvn", "jira")


def login_spans(text: str, lowered: str, start: int) -> Iterator[Span]:
    """The password of `curl -u user:password`, whose option stands at `start`."""
    match = _USER.match(text, start)
    if match is None or text[start - 1 : start] not in (" ", "\t", '"', "'", "\n", ""):
        return
    user, password = match["user"], match["value"]
    if password is None:  # a token stands in the user's place
        if is_secret(user, Kind.TOKEN, is_strict=True):
            yield match.span("user")
        return
    if (user + password).isdigit() or not _is_given(password):
        return
    before = lowered[max(0, start - 300) : start]
    if any(client in before for client in _CLIENTS) or is_secret(password, Kind.PASSWORD, is_strict=True):
        yield match.span("value")


def _option(pattern: str) -> Callable[[str, int], Iterator[Span]]:
    compiled = lazy(pattern)

    def spans(text: str, start: int) -> Iterator[Span]:
        match = compiled.match(text, start)
        if match is not None and _is_given(match["value"]):
            yield match.span("value")

    return spans


def _piped(text: str, start: int) -> Iterator[Span]:
    """`echo "user:password" | chpasswd`."""
    first = max(0, start - 160)
    match = _PIPE.search(text[first:start])
    if match is not None and _is_given(match["value"]):
        yield first + match.start("value"), first + match.end("value")


def _is_given(value: str) -> bool:
    """Whether an argument is no variable and no word that stands for one."""
    return len(value) >= 3 and not FILLED_IN.fullmatch(value) and value.lower() not in STAND_INS


_PIPE = lazy(r"[\"' \t]\w{1,32}:(?P<value>[^\s\"':]{3,100})[\"']?[ \t]{0,4}\|[ \t]{0,4}(?:sudo[ \t]{1,4})?$")
_VALUE = r"[\"']?(?P<value>[^\s\"';|-][^\s\"';|]{2,100})"

COMMANDS: dict[str, Callable[[str, int], Iterator[Span]]] = {
    "sshpass": _option(r"sshpass[ \t]{1,4}-p[ \t]{0,4}" + _VALUE),
    "chpasswd": _piped,
    "htpasswd": _option(r"htpasswd[ \t]{1,4}-\w{0,4}b\w{0,4}[ \t]{1,4}\S{1,100}[ \t]{1,4}\S{1,100}[ \t]{1,4}" + _VALUE),
    "mysql": _option(r"mysql\w{0,12}[ \t](?:[^\n|;&]{0,120}[ \t])?-p" + _VALUE),
    "docker login": _option(r"docker login[ \t](?:[^\n|;&]{0,120}[ \t])?(?:-p|--password)[= \t]" + _VALUE),
    "redis-cli": _option(r"redis-cli[ \t](?:[^\n|;&]{0,120}[ \t])?(?:-a|--pass)[ \t]" + _VALUE),
    "net user": _option(r"net user[ \t]\S{1,80}[ \t]" + _VALUE + r"[ \t]{1,4}/"),
    "convertto-securestring": _option(r"[\w-]{22}[ \t]{1,4}(?:-String[ \t]{1,4})?" + _VALUE),
    "-passin": _option(r"-passin[ \t=]{1,4}pass:" + _VALUE),
    "-passout": _option(r"-passout[ \t=]{1,4}pass:" + _VALUE),
    "-pass": _option(r"-pass[ \t=]{1,4}pass:" + _VALUE),
}
"""By the word that they are found by, in lower case."""
