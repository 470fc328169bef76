"""A `tokenizer.json` for every vocabulary that is imported, and which of its tokens are control tokens.

Whatever it comes from, it is made to give back what it was given: no normalisation, no space put before a text, no
token of its own at either end. Added tokens that spell anything but white space are control tokens, so that a file
that spells one is never read as one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from repocomp.errors import PackError
from repocomp.model.families import control_texts
from repocomp.model.tokenizer import SPACE

_LETTERS = r"[^\r\n\p{L}\p{N}]?\p{L}+"
_REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_QWEN2 = rf"{_CONTRACTIONS}|{_LETTERS}|\p{{N}}|{_REST}"
_LLAMA3 = rf"{_CONTRACTIONS}|{_LETTERS}|\p{{N}}{{1,3}}|{_REST}"
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_PATTERNS: Mapping[str, tuple[str, ...]] = {
    "gpt-2": (_GPT2,),
    "starcoder": (r"\p{N}", _GPT2),
    "qwen2": (_QWEN2,),
    "llama-bpe": (_LLAMA3,),
    "deepseek-coder": (r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", r"[一-龥ࠀ-一가-퟿]+", r"\p{N}"),
}
"""How text is cut before byte pairs are merged, one pattern after the other, by the names of GGUF files."""
_SAME = {
    "mpt": "gpt-2",
    "olmo": "gpt-2",
    "phi-2": "gpt-2",
    "refact": "starcoder",
    "smollm": "starcoder",
    "codeshell": "starcoder",
    "command-r": "starcoder",
    "stablelm2": "qwen2",
    "deepseek-r1-qwen": "qwen2",
    "llama3": "llama-bpe",
    "llama-v3": "llama-bpe",
}
_NORMAL, _UNKNOWN, _CONTROL, _ADDED, _UNUSED, _BYTE = 1, 2, 3, 4, 5, 6


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The text of a `tokenizer.json`, and its control tokens: ids by their text."""

    text: str
    control: Mapping[str, int]


def from_gguf(metadata: Mapping[str, Any]) -> Vocabulary:
    """The vocabulary in the metadata of a GGUF file. Raises PackError where it is of an unknown kind."""
    kind = metadata.get("tokenizer.ggml.model")
    try:
        tokens: list[str] = metadata["tokenizer.ggml.tokens"]
        kinds: list[int] = metadata.get("tokenizer.ggml.token_type", [_NORMAL] * len(tokens))
        if kind == "gpt2":
            merges = metadata["tokenizer.ggml.merges"]
            return _assembled(tokens, kinds, merges, _byte_level(metadata.get("tokenizer.ggml.pre", "")))
        if kind == "llama":
            merges = _merges_by_score(tokens, kinds, metadata["tokenizer.ggml.scores"])
            return _assembled(tokens, kinds, merges, _characters())
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise PackError(f"the vocabulary of the file is damaged: {error}", "download the file again") from error
    raise PackError(f"a vocabulary of the kind {kind!r} is unknown", "known are: gpt2, llama")


def from_tokenizer_json(text: str) -> Vocabulary:
    """A vocabulary of others, its settings brought in line. Raises PackError."""
    try:
        content = json.loads(text)
        model = content["model"]
        if model["type"] != "BPE":
            raise PackError(f"a vocabulary of the kind {model['type']!r} is unknown", "known is: BPE")
        added = content.setdefault("added_tokens", [])
        listed = {token["content"] for token in added}
        control_words = control_texts({*model["vocab"], *listed})
        added += [_added_token(i, text) for text, i in model["vocab"].items() if text in control_words - listed]
        for token in added:
            token["special"] = bool(token["content"].strip())
            # The library numbers those that are not in the vocabulary itself, whatever their id.
            model["vocab"].setdefault(token["content"], token["id"])
        if model.get("byte_fallback"):
            content |= _characters()
        else:
            content["normalizer"] = None
            content["pre_tokenizer"] = _without_prefix_space(content["pre_tokenizer"])
        content |= {"post_processor": None, "truncation": None, "padding": None}
        control = {token["content"]: token["id"] for token in added if token["special"]}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise PackError(f"tokenizer.json is damaged: {type(error).__name__} {error}", "download it again") from error
    return Vocabulary(json.dumps(content, ensure_ascii=False), control)


def _assembled(
    tokens: Sequence[str], kinds: Sequence[int], merges: Sequence[str], cutting: Mapping[str, Any]
) -> Vocabulary:
    if len(kinds) != len(tokens):
        raise ValueError(f"{len(tokens)} tokens, {len(kinds)} types")
    named = {token: i for i, (token, kind) in enumerate(zip(tokens, kinds, strict=True)) if kind != _UNUSED}
    control_words = control_texts(named)
    listed = [
        _added_token(i, token)
        for i, (token, kind) in enumerate(zip(tokens, kinds, strict=True))
        if kind in (_UNKNOWN, _CONTROL, _ADDED) or (kind == _NORMAL and token in control_words)
    ]
    model = {
        "type": "BPE",
        "vocab": named,
        "merges": [merge.split(" ", 1) for merge in merges],
        "byte_fallback": _BYTE in kinds,
        "fuse_unk": False,
    }
    content = {"version": "1.0", "added_tokens": listed, **cutting, "model": model}
    control = {token["content"]: token["id"] for token in listed if token["special"]}
    return Vocabulary(json.dumps(content, ensure_ascii=False), control)


def _added_token(number: int, content: str) -> dict[str, Any]:
    plain = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": number, "content": content, **plain, "special": bool(content.strip())}


def _byte_level(pre: str) -> dict[str, Any]:
    patterns = _PATTERNS.get(_SAME.get(pre, pre))
    if patterns is None:
        known = ", ".join(sorted({*_PATTERNS, *_SAME}))
        raise PackError(f"the vocabulary cuts text in the unknown way {pre!r}", f"known are: {known}")
    cuts = [_split(pattern) for pattern in patterns]
    last = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    pre_tokenizer = {"type": "Sequence", "pretokenizers": [*cuts, last]}
    return {"normalizer": None, "pre_tokenizer": pre_tokenizer, "decoder": {**last, "use_regex": True}}


def _split(pattern: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


def _characters() -> dict[str, Any]:
    """Characters, spaces among them, and bytes for what has no character of its own."""
    normalizer = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
    return {"normalizer": normalizer, "pre_tokenizer": None, "decoder": {"type": "ByteFallback"}}


def _without_prefix_space(pre_tokenizer: Any) -> Any:  # noqa: ANN401  (JSON)
    if pre_tokenizer["type"] == "Sequence":
        parts = [_without_prefix_space(part) for part in pre_tokenizer["pretokenizers"]]
        return {**pre_tokenizer, "pretokenizers": parts}
    return {**pre_tokenizer, "add_prefix_space": False} if pre_tokenizer["type"] == "ByteLevel" else pre_tokenizer


def _merges_by_score(tokens: Sequence[str], kinds: Sequence[int], scores: Sequence[float]) -> list[str]:
    """The merges of a vocabulary that has scores instead: every way to make a token of two, the likeliest first."""
    known = {token for token, kind in zip(tokens, kinds, strict=True) if kind == _NORMAL}
    known -= control_texts(tokens)
    merges: list[tuple[float, int, str]] = []
    for number, (token, score) in enumerate(zip(tokens, scores, strict=True)):
        if token in known:
            halves = ((token[:at], token[at:]) for at in range(1, len(token)))
            merges += [(-score, number, f"{a} {b}") for a, b in halves if a in known and b in known]
    return [merge for _, _, merge in sorted(merges, key=lambda one: one[:2])]
