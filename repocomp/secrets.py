"""What never enters an index, a prompt or a log: secret files by name, secret strings by shape.

A redacted text keeps its lines, so places in it stay places in the file.
"""

from __future__ import annotations

import math
import re
from collections import Counter

REDACTED = "REDACTED"

SECRET_GLOBS = (
    ".env",
    ".env.*",
    "!.env.example",
    "!.env.sample",
    "!.env.template",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "*.kdbx",
    "*.ppk",
    "*.asc",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    ".netrc",
    ".npmrc",
    ".pypirc",
    ".pgpass",
    ".htpasswd",
    "credentials",
    "credentials.json",
    "secrets.y*ml",
    "secrets.json",
    "*.tfstate",
    "*.tfvars",
)
"""Patterns in gitignore's own syntax, matched at any depth."""

_BLOCK = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY[A-Z ]*-----.*?(?:-----END [A-Z ]*PRIVATE KEY[A-Z ]*-----|\Z)", re.S)
_SHAPES = re.compile(
    r"\b(?:"
    r"(?:AKIA|ASIA)[0-9A-Z]{16}"  # Amazon access key
    r"|gh[pousr]_[0-9A-Za-z]{36,}|github_pat_\w{22,}|glpat-[\w-]{20,}"  # GitHub, GitLab
    r"|xox[abposr]-[\w-]{10,}"  # Slack
    r"|AIza[\w-]{35}|ya29\.[\w-]{20,}"  # Google
    r"|[sr]k_(?:live|test)_[0-9A-Za-z]{16,}"  # Stripe
    r"|npm_[0-9A-Za-z]{36}|pypi-[\w-]{50,}|hf_[0-9A-Za-z]{30,}|sk-[\w-]{32,}"  # registries, model services
    r"|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"  # JSON web token
    r")"
)
_ASSIGNED = re.compile(
    r"(?i)((?:pass(?:word|wd|phrase)?|pwd|secret|token|api_?key|access_?key|auth|credential|private_?key)\w*"
    r"[\"']?\s*(?:=|:|=>|:=)\s*)([\"'])([^\"'\n]{8,200})\2"
)
_URL = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/@\"']+:)([^\s@/\"']{3,})(@)")
_BEARER = re.compile(r"(?i)(\bbearer\s+)([\w.~+/-]{20,}=*)")
_LONG = re.compile(r"(?<![\w+/=-])[A-Za-z0-9+/_-]{40,}={0,2}(?![\w+/=-])")
_MAYBE = re.compile(
    r"(?i)PRIVATE KEY|AKIA|ASIA|gh[pousr]_|github_pat|glpat|xox|AIza|ya29|k_live|k_test|npm_|pypi-|hf_|sk-|eyJ"
    r"|pass|pwd|secret|token|api_?key|access_?key|auth|credential|private_?key|://|[A-Za-z0-9+/_-]{40}"
)
_ASSIGNED_ENTROPY = 2.5
_LONG_ENTROPY = 4.5
"""Bits a character. English-like identifiers of 40 characters stay below 4.2, random base64 lies near 5."""


def redact(text: str) -> str:
    """`text` with every secret replaced; the number of lines stays."""
    if not _MAYBE.search(text):
        return text
    text = _BLOCK.sub(lambda match: REDACTED + "\n" * match[0].count("\n"), text)
    text = _SHAPES.sub(REDACTED, text)
    text = _URL.sub(rf"\1{REDACTED}\3", text)
    text = _BEARER.sub(rf"\1{REDACTED}", text)
    text = _ASSIGNED.sub(_redact_assigned, text)
    return _LONG.sub(_redact_long, text)


def entropy(text: str) -> float:
    """Shannon entropy of the characters of `text`, in bits a character."""
    counts = Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values()) if text else 0.0


def _redact_assigned(match: re.Match[str]) -> str:
    value = match[3]
    plain = " " in value or not any(char.isdigit() for char in value) or entropy(value) < _ASSIGNED_ENTROPY
    return match[0] if plain else f"{match[1]}{match[2]}{REDACTED}{match[2]}"


def _redact_long(match: re.Match[str]) -> str:
    """Random-looking strings; paths, dotted names and hexadecimal digests (checksums, not keys) stay."""
    value = match[0]
    mixed = any(c.isdigit() for c in value) and any(c.isupper() for c in value) and any(c.islower() for c in value)
    return REDACTED if mixed and entropy(value) >= _LONG_ENTROPY else value
