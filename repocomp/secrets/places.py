"""Secrets known by where they stand: beside a name that promises one, in a URL, in a header, in a command.

Places are found by a few words (`pass`, `token`, `key`, `://` …). What follows is read from there with patterns that
repeat nothing without a bound, so a line of a megabyte costs no more per place than a short one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from repocomp.secrets.commands import COMMANDS, login_spans
from repocomp.secrets.shapes import Span, lazy
from repocomp.secrets.values import Kind, Style, is_secret, kind_of
from repocomp.secrets.wire import authorization_spans, url_spans

_STEMS = lazy(
    r"pass|pwd|secret|token|key|credential|auth|bearer |://|kennwort|senha|contrase|motdepasse|mnemonic|phrase|psk"
    r"|identified by|-u |--user |--proxy-user|sessionid|securestring|mysql|docker login|redis-cli|net user"
)
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.$")
_LONGEST_NAME = 80
_NEAR = 4_000
_SHORT_NAMES = ("pass", "auth")
"""They are verbs and adjectives as well: `CHECK_PASS "found"`."""
_NAME_REST = lazy(r"[\w-]{0,60}", re.ASCII)

_QUOTED = lazy(
    r"""
    (?P<close>\\?["'`]?\]?)                                             # the end of a quoted name or of an index
    (?:
        (?:\[\w{0,8}\])?                                                # char password[32] = "…"
        (?:[ \t]{0,4}[:?]{0,2}[ \t]{1,4}[\w\[\]<>&*|?.]{1,40})?         # password: str = "…", password string = "…"
        [ \t]{0,24}(?P<op>:::?=|::=|:=|=>|->|\?\?=|\|\|=|\+=|\?=|===?|!==?|=~|=|:|<-|\|\||\?\?)\s{0,24}
      | (?P<call>[ \t]{0,2},\s{0,24}|\(\s{0,12}|[ \t]{0,2}\)\s{0,2}\(\s{0,4})  # set("token", "…"), with_token("…")
      | (?P<space>[ \t]{1,24})                                          # PASSWORD '…', #define PASSWORD "…"
      | (?P<attribute>\s{1,12}value\s?=\s?)                             # name="password" value="…"
    )
    (?P<prefix>[bBrRuUfF@$L&]{0,2}|\w{0,20}\()
    (?: \\"(?P<escaped>[^"\\\n]{1,512})\\"
      | \"{3}(?P<triple>[^"\\\n]{1,512})
      | "(?P<double>(?:[^"\\\n]|\\.){1,512})"
      | '(?P<single>(?:[^'\\\n]|\\.){1,512})'
      | `(?P<tick>[^`\\\n]{1,512})`
    )
    """,
    re.VERBOSE,
)
_ELEMENT = lazy(
    r"(?:[^<>\n]{0,80}>|</(?:key|name)>\s{0,40}<(?:string|value)>)\s{0,40}(?P<value>[^<>\s][^<>\n]{0,512}?)\s{0,40}</"
)
_BARE = lazy(
    r"[\"']?(?P<op>[ \t]{0,24}(?:\?=|:=|=>|=|:)[ \t]{0,24}|[ \t]{1,8})"
    r"(?P<value>[^\s\"'`=][^\s\"'`]{0,512})(?P<rest>[^\n]{0,200})"
)
_NAMED_VALUE = lazy(
    r"[\"']?,?\s{0,40}[\"']?value[\"']?[ \t]{0,4}[:=][ \t]{0,4}(?P<quote>[\"']?)(?P<value>[^\s\"',}]{1,512})(?P=quote)"
)
"""`{"name": "DB_PASSWORD", "value": "…"}`, as containers are told of their environment."""
_YAML_BLOCK = lazy(r":[ \t]{0,4}[|>][+-]?[ \t]{0,4}\n[ \t]{1,40}(?P<value>[^\s\"'][^\n]{0,512})")
_HEADER = lazy(r"[\"']?[ \t]{0,4}:[ \t]{1,4}(?P<value>[\w.~+/=:-]{8,512})", re.ASCII)
_ENVIRONMENT = lazy(r"[A-Z][A-Z0-9_]{2,79}")
_LINE_START = lazy(
    r"\s{0,120}(?:[-*+#;]{1,3}[ \t]{0,4}|//[ \t]{0,4})?"
    r"(?:(?:export|setx?|env|ENV|ARG|declare -x|setenv|local|readonly|def)[ \t]{1,8}|\$env:)?[\"']?"
)
_COMMENT = lazy(r"[ \t]{1,40}(?:#|//|;)")
_TRAILERS = ",;)}]>"
_WORD = lazy(r"[A-Za-z_]", re.ASCII)
_PROSE = lazy(r"(?i)\b(?:and|the|or|via|with|use|uses|using|when|if|a|an|is|are|of|option|options|flag|pass)\b")
_SETTING = lazy(
    r"(?:\blogin[ \t]{1,8}\S{1,80}\s{1,40}password|(?:^|\n)[ \t]{0,40}(?:requirepass|masterauth))$", re.IGNORECASE
)
"""netrc's and Redis' own words, which a blank parts from their value."""
_ASSIGNING = lazy(r"(?:^|\n)[ \t]{0,40}(?:ENV|ARG|setenv|set(?:[ \t]{1,4}-\w{1,4}){1,2})[ \t]{1,4}$")
_GIVING = lazy(r"--?[a-z-]{1,24}[= \t][\"']?$|_?:$")
_OPTION_END = lazy(r"[ \t]{0,8}(?:$|\\|&|\||;|>|-)", re.MULTILINE)
_CONNECTION = lazy(
    r"(?i)(?:server|data source|host|hostname|user|uid|user id|username|database|initial catalog|endpoint|accountname"
    r"|dbname|driver|addr|port|account|login)\s{0,2}="
)


def place_spans(text: str, lowered: str, style: Style) -> Iterator[Span]:
    """What stands where a secret does; `lowered` is `text` in lower case."""
    last = 0
    for stem in _STEMS.finditer(lowered):
        word = stem[0]
        if word == "://":
            yield from url_spans(text, stem.end())
        elif word[0] == "-":
            yield from login_spans(text, lowered, stem.start())
        elif command := COMMANDS.get(word):
            yield from command(text, stem.start())
        elif word == "bearer ":
            yield from authorization_spans(text, stem.start())
        elif stem.start() >= last:
            start, last = _name_around(text, stem.start(), stem.end())
            if command := COMMANDS.get(lowered[start:last]):
                yield from command(text, start)
                continue
            yield from _named_spans(text, start, last, style)


def _name_around(text: str, start: int, end: int) -> Span:
    """The identifier that `start` and `end` lie in, dots and dashes included."""
    most = max(0, start - _LONGEST_NAME)
    while start > most and text[start - 1] in _NAME:
        start -= 1
    match = _NAME_REST.match(text, end)
    return start, match.end() if match else end


def _named_spans(text: str, start: int, end: int, style: Style) -> Iterator[Span]:
    name = text[start:end]
    if name.lower().endswith(("authorization", "auth-token")):
        yield from authorization_spans(text, end)
        return
    kind = kind_of(name)
    if kind is None:
        return
    found = _quoted(text, start, end, kind)
    if found is None and text[start - 1 : start] in ("<", ":", "/", ">") and text[end : end + 1] in (">", " ", "<"):
        found = _element(text, end, kind)
    if found is None:
        found = _bare(text, start, end, kind, style)
    if found is not None:
        yield found


def _quoted(text: str, start: int, end: int, kind: Kind) -> Span | None:
    """A literal beside the name. Beside a comma, a call or a space it has to look random."""
    match = _QUOTED.match(text, end)
    if match is None or "f" in match["prefix"].lower()[:1] and "{" in match[0]:
        return None
    group = next(name for name in ("escaped", "triple", "double", "single", "tick") if match[name] is not None)
    name = text[start:end]
    is_certain = match["op"] is not None or match["attribute"] is not None or _is_set(match, name, kind)
    if not is_certain and name.lower().endswith(_SHORT_NAMES):
        return None
    return match.span(group) if is_secret(match[group].strip(), kind, is_strict=not is_certain) else None


def _is_set(match: re.Match[str], name: str, kind: Kind) -> bool:
    """Whether a literal without an operator is as good as assigned: `PASSWORD '…'`, `setPassword('…')`."""
    if kind is not Kind.PASSWORD or match["close"] or name.lower().endswith("_pass"):
        return False
    if match["space"]:
        return name.isupper() or name.startswith("-")
    return (match["call"] or "").startswith("(") and name.rpartition(".")[2].lower().startswith(("set", "with"))


def _element(text: str, end: int, kind: Kind) -> Span | None:
    match = _ELEMENT.match(text, end)
    return match.span("value") if match and is_secret(match["value"], kind) else None


def _bare(text: str, start: int, end: int, kind: Kind, style: Style) -> Span | None:
    """A value without quotes: which ones are meant depends on how the line is written."""
    name = text[start:end]
    if block := _YAML_BLOCK.match(text, end):
        return block.span("value") if is_secret(block["value"].strip(), kind) else None
    if named := _NAMED_VALUE.match(text, end):
        return named.span("value") if is_secret(named["value"], kind) else None
    match = _BARE.match(text, end)
    if match is None:
        return None
    op, value = match["op"], match["value"]
    begin = match.start("value")
    if name.startswith("-") or not op.strip():
        return _option(text, name, match, kind)
    if op == "=" and _ENVIRONMENT.fullmatch(name.lstrip("-.$").rpartition(":")[2]):
        return _environment(text, begin, value, kind, style)
    line = text.rfind("\n", max(0, start - 200), start) + 1
    if _LINE_START.fullmatch(text, line, start):
        return _setting(text, match, kind, style)
    if op == "=" and text[start - 1 : start] in ("?", "&", ";", " ", '"', "'", "`", "=", ":"):
        return _parameter(text, line, start, match, kind)
    return _header(text, name, end, kind)


def _environment(text: str, begin: int, value: str, kind: Kind, style: Style) -> Span | None:
    """`DB_PASSWORD=…` as shells, services and containers write it."""
    value = re.split(r"[;|&<>()\\]", value, maxsplit=1)[0].rstrip(_TRAILERS)
    kind = Kind.PASSWORD if kind is Kind.SECRET else kind
    return (begin, begin + len(value)) if is_secret(value, kind, is_strict=style is Style.CODE) else None


def _option(text: str, name: str, match: re.Match[str], kind: Kind) -> Span | None:
    """`--password …`, `requirepass …`, `machine … password …`."""
    op, value = match["op"], match["value"].rstrip(_TRAILERS + ".")
    begin = match.start("value")
    is_flag = name.startswith("-")
    if value[:1] in "-([{<$|&=" or not is_flag and op.strip():
        return None
    before = text[max(0, match.start() - len(name) - 200) : match.start() - len(name)]
    is_setting = not is_flag and _SETTING.search(before + name) is not None
    if not is_flag and not is_setting and not _ASSIGNING.search(before):
        return None
    is_last = _OPTION_END.match(text, match.end("value")) is not None
    is_plain = is_setting or any(map(str.isdigit, value)) or (is_last and value.islower())
    is_strict = not is_plain or (is_flag and _PROSE.search(before.rpartition("\n")[2]) is not None)
    return (begin, begin + len(value)) if is_secret(value, kind, is_strict=is_strict) else None


def _setting(text: str, match: re.Match[str], kind: Kind, style: Style) -> Span | None:
    """`password: …`, `db.password = …` on a line of its own."""
    begin, op = match.start("value"), match["op"]
    whole = (match["value"] + match["rest"]).rstrip()
    if comment := _COMMENT.search(whole):
        whole = whole[: comment.start()].rstrip()
    if style is not Style.CONFIG and (" " in whole or whole[-1:] in _TRAILERS or set("([{") & set(whole)):
        return None
    whole = whole.rstrip(",;")
    if style is not Style.CONFIG and not _is_value(text, begin, whole, op, kind, style):
        return None
    return (begin, begin + len(whole)) if is_secret(whole, kind) else None


def _is_value(text: str, at: int, value: str, op: str, kind: Kind, style: Style) -> bool:
    """Whether an unquoted word in what may be code is a value: no variable, type, attribute or call."""
    if style is Style.CODE:
        return not _WORD.match(value) and is_secret(value, kind, is_strict=True)
    if not re.fullmatch(r"\w+", value, re.ASCII):
        return "." not in value or any(map(str.isdigit, value))
    if any(map(str.isdigit, value)):
        return is_secret(value, Kind.TOKEN) or (kind is Kind.PASSWORD and _is_alone(text, value, at))
    spaced_equals = "=" in op and op != "="
    return kind is Kind.PASSWORD and value.islower() and not spaced_equals and _is_alone(text, value, at)


def _is_alone(text: str, value: str, at: int) -> bool:
    """Whether a word occurs only once near `at`: a variable would be set, passed or imported somewhere."""
    return text.count(value, max(0, at - _NEAR), at + _NEAR) == 1


def _parameter(text: str, line: int, start: int, match: re.Match[str], kind: Kind) -> Span | None:
    """`?token=…` of a URL, `;Password=…` of a connection string."""
    before = text[start - 1]
    value = re.split(r"[;&,)#<>\\]", match["value"], maxsplit=1)[0]
    begin = match.start("value")
    if before in "?&":
        return (begin, begin + len(value)) if is_secret(value, kind, is_strict=kind is Kind.SECRET) else None
    if not is_secret(value, kind) or match["value"][len(value) : len(value) + 1] in (",", ")"):
        return None
    is_connection = (
        _CONNECTION.search(text, max(line, start - 200), start)
        or _CONNECTION.search(text, begin + len(value), begin + len(value) + 80)
        or _GIVING.search(text[max(line, start - 40) : start])
    )
    return (begin, begin + len(value)) if is_connection else None


def _header(text: str, name: str, end: int, kind: Kind) -> Span | None:
    """`X-Api-Key: …` inside a string."""
    match = _HEADER.match(text, end)
    if (
        match is None
        or ("-" not in name and text[match.start() - len(name) - 1 : match.start() - len(name)] not in ("'", '"'))
        or text[match.end() : match.end() + 1] not in ("", "\n", '"', "'", "\\", "\r", "`")
    ):
        return None
    return match.span("value") if is_secret(match["value"], kind, is_strict=True) else None
