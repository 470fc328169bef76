"""How text becomes terms: the same split for what is indexed and for what is asked."""

from __future__ import annotations

import re

WORD = re.compile(r"\w+")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")


def words(text: str) -> list[str]:
    r"""All `\w+` words in order, repeats included: the paper's token sets are made of these."""
    return WORD.findall(text)


def parts(identifier: str) -> list[str]:
    """Lower-cased parts of an identifier: `getHTTPResponse2` gives get, http, response, 2."""
    return [part.lower() for part in _PART.findall(identifier)]
