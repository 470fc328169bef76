"""Secrets that travel: users and passwords of URLs, and `Authorization` headers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from repocomp.secrets.shapes import Span, lazy, surprise
from repocomp.secrets.values import Kind, is_basic, is_secret

_USERINFO = lazy(
    r"(?P<user>[^\s:/@\"'<>`?#\\]{0,200})(?::(?P<password>[^\s\"'<>`\\]{1,200}))?@(?P<host>[\w.\[{$%*-])", re.ASCII
)
STAND_INS = frozenset(
    "pass password passwd pwd pw secret p bar foo test xxx xx x pass1 token auth key user username passphrase"
    " x-oauth-basic x-token-auth oauth2 git hidden changeme".split()
)
FILLED_IN = lazy(
    r"[$%<{*\[].{0,200}|.{0,60}(?:[{}<>*]|\$[A-Za-z_({]).{0,200}|%\w|\W{1,200}|[xX]{1,200}|.{0,2}|\d{1,5}", re.DOTALL
)
_USER_BITS = 8.0
_SHORTEST_USER = 16
_AUTHORIZATION = lazy(
    r"[\"'`\]]{0,3}[ \t]{0,4}(?::|=>?|,)?[ \t]{0,4}[\"'`]{0,2}"
    r"(?:(?P<scheme>basic|bearer|token|api-token|apikey|api-key|key|negotiate|splunk|digest|klaviyo-api-key|genie-?key|bot)"
    r"[ \t]{1,4})?"
    r"(?P<value>[\w.~+/=:-]{6,2000})",
    re.ASCII | re.IGNORECASE,
)


def url_spans(text: str, start: int) -> Iterator[Span]:
    """What is secret before the host of a URL whose `://` ends at `start`."""
    match = _USERINFO.match(text, start)
    if match is None:
        return
    user, password = match["user"], match["password"]
    if password is not None and _is_password(user, password):
        yield match.span("password")
    if len(user) >= _SHORTEST_USER and not FILLED_IN.fullmatch(user) and surprise(user) >= _USER_BITS:
        yield match.span("user")


def _is_password(user: str, password: str) -> bool:
    if "/" in password and (password.split("/")[0].isdigit() or not any(map(str.isdigit, password))):
        return False
    if password.lower() in STAND_INS or FILLED_IN.fullmatch(password) or FILLED_IN.fullmatch(user or "user"):
        return False
    return not re.fullmatch(r"(?i)(?:my|your|the|some|a)[-_]?(?:pass\w*|pwd|secret|token|key)", password)


def authorization_spans(text: str, start: int) -> Iterator[Span]:
    """The credentials of an `Authorization` header, the name of which or `Bearer` ends or begins at `start`."""
    match = _AUTHORIZATION.match(text, start)
    if match is None:
        return
    value, scheme = match["value"], (match["scheme"] or "").lower()
    if scheme == "basic":
        secret = is_basic(value) or is_secret(value, Kind.TOKEN, is_strict=True)
    elif scheme:
        secret = is_secret(value, Kind.TOKEN) or (scheme != "key" and is_secret(value, Kind.PASSWORD, is_strict=True))
    else:
        secret = is_secret(value, Kind.TOKEN, is_strict=True) and surprise(value) >= _USER_BITS
    if secret:
        yield match.span("value")
