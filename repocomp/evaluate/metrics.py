"""How close a completion came: exact match, edit similarity in both published definitions, identifiers.

Definitions as published; a test holds them to outputs of the published code.
"""

from __future__ import annotations

import re

from repocomp.languages.table import keywords
from repocomp.stats.sequences import common_subsequence, similarity
from repocomp.terms import words

_PIECE = re.compile(r"[A-Za-z0-9_]+|[^A-Za-z0-9_\s]")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_IDENTIFIER = re.compile(r"[_a-zA-Z]\w*")
_STRING = re.compile(r"\"[^\"\\]*(?:\\.[^\"\\]*)*\"|'[^'\\]*(?:\\.[^'\\]*)*'")
_COMMENT = re.compile(r"(?:#|//).*")


def exact_match(prediction: str, truth: str) -> bool:
    """RepoEval's EM: equal pieces, split at punctuation and camelCase, with quotes normalised."""
    return _pieces(prediction) == _pieces(truth)


def edit_similarity(prediction: str, truth: str) -> float:
    """RepoEval's ES in 0..1: 1 - Levenshtein / longer length, on stripped text."""
    return similarity(prediction, truth)


def ratio_similarity(prediction: str, truth: str) -> float:
    """CrossCodeEval's ES in 0..1 (`fuzz.ratio`): 2 * LCS / sum of lengths, on stripped text, to whole percents."""
    a, b = prediction.strip(), truth.strip()
    return round(100 * 2 * common_subsequence(a, b) / (len(a) + len(b))) / 100 if a or b else 1.0


def identifier_match(prediction: str, truth: str, language: str) -> bool:
    """CrossCodeEval's identifier EM: the same identifiers in the same order."""
    return identifiers(prediction, language) == identifiers(truth, language)


def identifier_f1(prediction: str, truth: str, language: str) -> float:
    """CrossCodeEval's identifier F1 over sets; 0.0 when neither has any."""
    said, meant = set(identifiers(prediction, language)), set(identifiers(truth, language))
    return 2 * len(said & meant) / (len(said) + len(meant)) if said or meant else 0.0


def identifiers(text: str, language: str) -> list[str]:
    """The words of `text` that are names: outside comments and string literals, and no keywords of the language."""
    code = _STRING.sub("", _COMMENT.sub("", text))
    reserved = keywords(language)
    return [word for word in words(code) if _IDENTIFIER.match(word) and word not in reserved]


def _pieces(text: str) -> list[str]:
    normal = text.replace('"', "'").replace("`", "'")
    return [piece for word in _PIECE.findall(normal) for piece in _HUMP.split(word)]
