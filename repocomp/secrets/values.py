"""Whether a name stands for a secret, and whether the value beside it is one rather than a reference or a label."""

from __future__ import annotations

import base64
import binascii
import re
from enum import Enum
from functools import lru_cache

from repocomp.secrets.shapes import lazy, surprise


class Kind(Enum):
    """What a name promises: how plain its value may be and still be a secret."""

    PASSWORD = "password"
    SECRET = "secret"
    TOKEN = "token"
    BASIC = "basic"


class Style(Enum):
    """What an unquoted word right of `=` or `:` is: a value in configuration, an identifier in code."""

    CONFIG = "config"
    CODE = "code"
    UNKNOWN = "unknown"


_CONFIG_NAMES = lazy(
    r"\.(?:env|ya?ml|ini|cfg|conf|cnf|properties|props|toml|tfvars|config|service|desktop|plist|sh|bash|zsh|fish|ps1|bat"
    r"|cmd|dockerfile|mk|make|netrc|rc|sql|txt|md|rst|adoc|log|csv|http|rest)$|(?:^|/)(?:\.?env|dockerfile|makefile|\.\w{1,40}rc)"
    r"[^/]{0,40}$",
    re.IGNORECASE,
)
_CODE_NAMES = lazy(
    r"\.(?:py|pyi|js|jsx|mjs|cjs|ts|tsx|go|rs|java|kt|kts|scala|c|h|cc|hh|cpp|hpp|cxx|cu|cuh|m|mm|cs|fs|php|rb|pl|pm|lua"
    r"|swift|dart|ex|exs|erl|hs|ml|clj|r|jl|vue|svelte|vim|el|lisp|zig|nim|proto|tex)$",
    re.IGNORECASE,
)


def style_of(path: str) -> Style:
    """What the name of a file says about unquoted words in it."""
    if _CODE_NAMES.search(path):
        return Style.CODE
    return Style.CONFIG if _CONFIG_NAMES.search(path) else Style.UNKNOWN


_WORDS = lazy(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SETTING = frozenset(
    "prod production dev development test testing staging stage live local main default old new prev previous current"
    " value val str string text plain raw b b64 base64 encoded hex admin root user master primary secondary"
    " backup".split()
)
"""Words behind the one that counts: `PASSWORD_PROD`, `api_key_2`."""
_PASSWORDS = (
    "password|passwd|passphrase|passcode|passwort|kennwort|contrasena|motdepasse|requirepass|masterauth|sshpass|dbpass"
    "|userpass|adminpass|rootpass|mysqlpwd|dbpwd|identifiedby"
).split("|")
_SECRETS = "secret|secrets|credential|credentials|mnemonic|seedphrase|recoveryphrase".split("|")
_TOKENS = (
    "token|apikey|secretkey|accesskey|accesskeyid|privatekey|authkey|signingkey|encryptionkey|masterkey|storagekey"
    "|accountkey|sharedkey|sharedaccesskey|servicekey|licensekey|licencekey|sessionkey|deploykey|hmackey|apptoken|appkey"
    "|clientkey|consumerkey|adminkey|userkey|webhookkey|integrationkey|writekey|ingestkey|functionkey|subscriptionkey"
    "|apisecret|securekey|aeskey|cryptkey|cipherkey|sitekey|serverkey|presharedkey|psk|wrapkey|authtoken|rootkey|hostkey"
    "|instrumentationkey|securitykey|cookiekey|jwtkey|datakey|keypass|salt|sessionid|keybase"
).split("|")
_ENDS = tuple(
    (end, kind)
    for kind, ends in ((Kind.PASSWORD, _PASSWORDS), (Kind.SECRET, _SECRETS), (Kind.TOKEN, _TOKENS))
    for end in ends
)
_WHOLE = {"pass": Kind.PASSWORD, "pwd": Kind.PASSWORD, "pw": Kind.PASSWORD, "senha": Kind.PASSWORD, "auth": Kind.BASIC}
"""Words too short to be looked for at the end of others: `bypass`, `compass`."""
_NOT_NAMES = lazy(
    r"(?:^|_)(?:csrf|xsrf|next|page|continuation|cancell?ation|refresh_?cancel|sync|cursor|lex|parse|eof|bos|eos|pad|unk|mask|cls|sep"
    r"|start|end|stop|special|current|last|first|no|is|has|use|show|hide|forgot|reset|confirm|change|invalid|wrong"
    r"|missing|bad|empty|public|primary|foreign|sort|cache|partition|error|err|msg|type|max|min|num)_?(?:token|secret|password|pass)s?$",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)
def kind_of(name: str) -> Kind | None:
    """What `name` (an identifier in any convention, dotted or dashed) stands for; None: for no secret."""
    words = [word.lower() for word in _WORDS.findall(name)]
    while len(words) > 1 and (words[-1].isdigit() or words[-1] in _SETTING):
        words.pop()
    if not words:
        return None
    if kind := _WHOLE.get(words[-1]):
        return kind if kind is not Kind.BASIC or len(words) == 1 else None
    joined = "".join(words[-3:])
    kind = next((kind for end, kind in _ENDS if joined.endswith(end)), None)
    return None if kind is not None and _NOT_NAMES.search("_".join(words[-2:])) else kind


_NOUNS = frozenset(
    "string str bool boolean int integer number float double text bytes bytearray any object null nil none true false"
    " undefined yes no on off required optional hidden default void char varchar unknown never auto prompt ask file"
    " files env vault plain basic digest bearer md5 bcrypt argon argon2 sha sha1 sha256 sha512 test tests foo bar baz"
    " qux pass pw pwd x y z value empty input field label name type enter login user username users anonymous random"
    " secure public private nullable confirmed min max email url uri const final static let var def self this super"
    " return async await new delete function func lambda class struct enum interface import from with for while if else"
    " elif elsif unless until not and or in is as the a an your my their our to of be must should can may will was were"
    " please here incorrect invalid wrong too short long again match matches changed reset forgot forgotten expired"
    " missing one two you it this that these those when which who what how why by at set get has have had are am do"
    " does"
    " either only same also need needs used using use so but because such then than there compat systemd winbind sss"
    " keychain stdin ssl tls expires blank nothing something anything".split()
)
"""Words that a label or a sentence about a password holds, and types and modes that stand in a password's place."""
_SELF = lazy(r"(?i)pass(?:w(?:or)?d|phrase|code)?|pwd|secret|token|key|cred|auth|login|api|hash|salt|config|field")
_REFERENCE = lazy(
    r"^[$@%&*!#]?(?:\$|\{|<|%|\[|\()|\$\{|\$\(|\{\{|#\{|%\(|%s|<%|\{[A-Za-z_][\w.!:\[\]'\"]{0,60}\}|\.{3}|\*{3}|[xX]{4}|\\u|\u2026"
    r"|^[A-Za-z_][\w.:]{0,80}(?:\([^)]{0,80}|\[[\"'])|^(?:required|nullable|sometimes|string|confirmed)[|,]"
)
"""A variable, a template, a call, a rule of a form, or a blank that something else fills in."""
_NUMBER = lazy(r"v?\d{1,9}(?:[.:,_-]\d{1,12}){1,12}|\d{1,5}|0x[0-9a-fA-F]{1,8}", re.ASCII)
"""Versions, dates, numbers, object identifiers."""
_STAND_IN = lazy(
    r"(?i)example|sample|dummy|placeholder|change.?me|change.?this|your|insert|replace|todo|fixme|redacted|put.?here"
    r"|not.?(?:a.?)?(?:real|secret|used|set)|fake|some.?|any.?|<|>|undefined|null$|unset|localhost"
)
_ALPHABETS = ("0123456789", "abcdefgh", "ABCDEFGH", '!"#$', "qwertyuiop[")
_PLAIN = 5.0
"""Bits of surprise below which a value is made of words."""
_IDENTIFIER = lazy(r"[A-Za-z_][\w-]*(?:[.:/][\w-]+)*[:/.]?", re.ASCII)


@lru_cache(maxsize=4096)
def is_secret(value: str, kind: Kind, *, is_strict: bool = False) -> bool:
    """Whether `value`, beside a name of `kind`, is the secret itself; `is_strict` where the place is doubtful."""
    if len(value) < 4 or len(set(value)) < 3 or not value.isprintable() or _NUMBER.fullmatch(value):
        return False
    if _REFERENCE.search(value, 0, 200) or _SELF.fullmatch(value.strip("?:!.* ")):
        return False
    bits = surprise(value)
    if bits < 2 * _PLAIN and _STAND_IN.search(value):
        return False
    if kind is Kind.BASIC:
        return is_basic(value)
    if any(char.isspace() for char in value):
        return kind is not Kind.TOKEN and not is_strict and _is_phrase(value)
    if kind is Kind.TOKEN or is_strict:
        return _is_token(value, bits, kind)
    return _is_password(value, bits, kind)


def is_basic(value: str) -> bool:
    """Whether `value` is the base64 of `user:password`."""
    if len(value) < 8 or len(value) % 4:
        return False
    try:
        decoded = base64.b64decode(value, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return False
    return decoded.isprintable() and 0 < decoded.find(":") < len(decoded) - 2


def _is_phrase(value: str) -> bool:
    """A passphrase is words and nothing that a sentence has; or it holds something no sentence does."""
    words = value.split()
    if any(word.lower().strip(".,!?:;'") in _NOUNS or _SELF.fullmatch(word.strip(".,!?:;'")) for word in words):
        return False
    if len(words) >= 3 and all(word.isascii() and word.isalpha() and word.islower() for word in words):
        return True
    return any(any(map(str.isdigit, word)) and any(map(str.isalpha, word)) for word in words) and len(words) <= 4


def _is_token(value: str, bits: float, kind: Kind) -> bool:
    has_digit = any(map(str.isdigit, value))
    if len(value) < (8 if kind is Kind.TOKEN else 6) or any(part in value for part in _ALPHABETS):
        return False
    if value.isdigit():
        return False
    if has_digit and kind is not Kind.TOKEN:
        return bits >= _PLAIN or (not _is_named(value) and len(value) >= 8) or _has_symbol(value)
    if has_digit:
        is_numbered = value.isalnum() and sum(map(str.isdigit, value)) >= 3 and not value[:3].isdigit()
        return is_numbered or (bits >= _PLAIN and not (_is_named(value) and bits < 2 * _PLAIN))
    return len(value) >= 12 and bits >= 2 * _PLAIN and not _is_named(value)


def _is_password(value: str, bits: float, kind: Kind) -> bool:
    has_digit = any(map(str.isdigit, value))
    if not value.isascii() and not has_digit:
        return False
    if _has_symbol(value) and value[0] not in "/.-":
        return any(map(str.isalnum, value))
    if bits >= 2 * _PLAIN:
        return True
    if has_digit:
        return not _is_named(value, "./:") or bits >= _PLAIN
    if not value.isalpha():
        return _is_dashed_phrase(value)
    return _is_word(value, bits) if kind is Kind.PASSWORD else bits >= 2 * _PLAIN and len(value) >= 8


def _is_word(value: str, bits: float) -> bool:
    """A password of letters alone: one lower-case word that is no word of a label, or letters that are no words."""
    if value.lower() in _NOUNS:
        return False
    if _SELF.search(value):  # `supersecret` is one, `authtoken` is a name
        return value.islower() and len(_SELF.sub("", value)) >= 4 and re.search("secret|pass", value) is not None
    return (value.islower() and len(value) >= 5) or (bits >= _PLAIN and len(value) >= 6)


def _is_dashed_phrase(value: str) -> bool:
    """`correct-horse-battery-staple`."""
    words = re.split(r"[-_. ]", value)
    return len(words) >= 4 and all(word.isalpha() and word.islower() for word in words) and not _SELF.search(value)


def _is_named(value: str, joints: str = "-_./:") -> bool:
    """Whether the value names something, by its words or their `joints`: `id_password1`, `X-Auth-2`, `/oauth2/x`."""
    if value[0] in "/." or "://" in value:
        return True
    return _IDENTIFIER.fullmatch(value) is not None and (
        _SELF.search(value) is not None or any(char in joints for char in value)
    )


def _has_symbol(value: str) -> bool:
    return any(not char.isalnum() and char not in "-_./: ,+=\\" for char in value)
