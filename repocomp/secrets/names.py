"""Files that are secret as a whole: few by their name, the rest by what they hold."""

from __future__ import annotations

from repocomp.secrets.blocks import block_spans
from repocomp.secrets.shapes import lazy

_FILES = (
    ".env",
    ".env.*",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "*.kdbx",
    "*.ppk",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    ".netrc",
    "_netrc",
    ".npmrc",
    ".pypirc",
    ".pgpass",
    ".htpasswd",
    ".dockercfg",
    ".git-credentials",
    ".my.cnf",
    "credentials",
    "credentials.json",
    "secrets.y*ml",
    "secrets.json",
    "*.tfstate",
    "*.tfvars",
)
_HARMLESS = (".env.example", ".env.sample", ".env.template", ".env.dist", ".env.defaults")

SECRET_GLOBS = (
    *(pattern for name in _FILES for pattern in (name, f"!{name}/")),
    *(f"!{name}" for name in _HARMLESS),
)
"""Patterns in gitignore's own syntax, matched at any depth. They mean files: a folder of such a name holds code.

Keys in text (`*.pem`, `*.key`, `*.asc`, `id_rsa.bak`) are known by what they hold, since books, tables and parsers bear
the same names.
"""

_ARMOUR = lazy(r"\s{0,200}(?:Bag Attributes\b|PuTTY-User-Key-File|-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY)")
_SHARE = 0.5


def is_key_file(text: str) -> bool:
    """Whether `text` begins as a private key does, and is one for the most part."""
    if not _ARMOUR.match(text):
        return False
    return sum(end - start for start, end in block_spans(text, text.lower())) > _SHARE * len(text)
