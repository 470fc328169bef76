"""Vocabularies of others: what is encoded is read back to the byte, and control tokens never come of text."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repocomp.errors import PackError
from repocomp.model.importing.vocabulary import from_gguf, from_tokenizer_json
from repocomp.model.tokenizer import Tokenizer
from tests.model.importing import tiny

PADDED = 340
PRES = ("qwen2", "llama-bpe", "starcoder", "gpt-2", "deepseek-coder")
WORDS = [*"▁", "▁d", "de", "▁de", "▁def", "f", "d", "e", "x", "▁▁", "▁▁▁▁", "=", "1"]


def metadata(pre: str) -> dict[str, Any]:
    if pre == "characters":
        tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *WORDS]
        kinds = [2, 3, 3, *[6] * 256, *[1] * len(WORDS)]
        scores = [0.0] * 259 + [-float(at) for at in range(len(WORDS))]
        return {
            "tokenizer.ggml.model": "llama",
            "tokenizer.ggml.tokens": tokens,
            "tokenizer.ggml.token_type": kinds,
            "tokenizer.ggml.scores": scores,
        }
    tokens, kinds = tiny.vocabulary(PADDED)
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": pre,
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": kinds,
        "tokenizer.ggml.merges": tiny.MERGES,
    }


@cache
def tokenizer(pre: str) -> Tokenizer:
    vocabulary = from_gguf(metadata(pre))
    path = Path(mkdtemp()) / "tokenizer.json"
    path.write_text(vocabulary.text, encoding="utf-8")
    return Tokenizer.read(path, (), PADDED, ())


few = settings(max_examples=40)
every_kind = pytest.mark.parametrize("pre", [*PRES, "characters"])
PIECES = "x = 1@(@ @  @\t@\n@\n\n@\r\n@\r@é(@# @    @12@'s@語@def@;@\x85@\u2028@<|fim_prefix|>@\x00"
CODE = st.lists(st.sampled_from(PIECES.split("@"))).map("".join)
SPELT = [*tiny.CONTROL, "[PAD0]", "[PAD3]", "<s>", "</s>", "<0x0A>", "x", "\n"]


@every_kind
@few
@given(text=st.text(max_size=60))
def test_any_text_is_read_back(pre: str, text: str) -> None:
    assert tokenizer(pre).decode(tokenizer(pre).encode(text)) == text


@every_kind
@few
@given(text=CODE)
def test_encoding_line_by_line_changes_nothing(pre: str, text: str) -> None:
    assert tokenizer(pre).encode(text) == list(tokenizer(pre)._whole(text))


@pytest.mark.parametrize("pre", ["qwen2", "llama-bpe", "starcoder", "gpt-2", "characters"])
def test_lines_that_come_again_are_not_encoded_again(pre: str) -> None:
    text = "".join(f"def f{at}(x):\n    return x;\n\n" for at in range(50))
    tokenizer(pre).encode(text)
    before = tokenizer(pre)._segment.cache_info().misses
    tokenizer(pre).encode(text + "x")
    assert tokenizer(pre)._segment.cache_info().misses - before <= 2


@every_kind
@few
@given(pieces=st.lists(st.sampled_from(SPELT), max_size=6))
def test_text_that_spells_a_control_token_stays_text(pre: str, pieces: list[str]) -> None:
    text = "".join(pieces)
    ids = tokenizer(pre).encode(text)
    assert not set(ids) & set(tokenizer(pre).never_ids)
    assert tokenizer(pre).decode(ids) == text


@every_kind
@pytest.mark.parametrize("partial", ["", "d", "de", "def", " ", "  x", "\n", "é", "in", "zzz"])
def test_every_token_that_can_spell_a_partial_word_is_found(pre: str, partial: str) -> None:
    wanted = partial.encode()
    spelt = [(i, tokenizer(pre).decode_bytes([i])) for i in range(tokenizer(pre).vocab_size)]
    able = {i for i, own in spelt if own and (own.startswith(wanted) or wanted.startswith(own))}
    found = tokenizer(pre).able_to_spell(partial)
    assert set(found) == able or {spelt[i][1] for i in found} == {spelt[i][1] for i in able}
    assert len(found) == len(set(found))


def test_padded_and_unnamed_ids_are_never_an_answer() -> None:
    tokens, kinds = tiny.vocabulary(PADDED)
    silent = {i for i in range(PADDED) if kinds[i] != 1}
    assert set(tokenizer("qwen2").never_ids) == silent
    assert tokenizer("qwen2").decode_bytes(range(len(tokens) - 5, PADDED)) == b""
    assert tokenizer("qwen2").vocab_size == PADDED


def test_stops_are_not_among_the_tokens_that_are_never_an_answer() -> None:
    vocabulary = from_gguf(metadata("qwen2"))
    path = Path(mkdtemp()) / "tokenizer.json"
    path.write_text(vocabulary.text, encoding="utf-8")
    stops = [vocabulary.control["<|im_end|>"]]
    assert not set(Tokenizer.read(path, (), PADDED, stops).never_ids) & set(stops)


def test_a_line_end_of_a_vocabulary_with_byte_fallback_is_found() -> None:
    assert tokenizer("characters").line_breaks == frozenset(tokenizer("characters").encode("\n"))


def test_a_vocabulary_of_others_is_brought_in_line() -> None:
    vocabulary = from_tokenizer_json(json.dumps(tiny.tokenizer_json()))
    content = json.loads(vocabulary.text)
    assert content["normalizer"] is None
    assert content["pre_tokenizer"]["add_prefix_space"] is False
    assert set(vocabulary.control) == set(tiny.CONTROL)


def test_added_white_space_is_text() -> None:
    content = tiny.tokenizer_json()
    blank = {**content["added_tokens"][0], "id": 300, "content": "        "}
    content["added_tokens"].append(blank)
    vocabulary = from_tokenizer_json(json.dumps(content))
    path = Path(mkdtemp()) / "tokenizer.json"
    path.write_text(vocabulary.text, encoding="utf-8")
    read = Tokenizer.read(path, ())
    assert read.encode("        ") == [300]
    assert read.decode(read.encode("x        y")) == "x        y"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tokenizer.ggml.model": "bert"}, "'bert'"),
        ({"tokenizer.ggml.pre": "klingon"}, "'klingon'"),
        ({"tokenizer.ggml.token_type": [1]}, "damaged"),
        ({"tokenizer.ggml.merges": [7]}, "damaged"),
    ],
)
def test_what_is_not_known_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(PackError, match=said):
        from_gguf({**metadata("qwen2"), **changes})


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"model": 3}', '{"model": {"type": "BPE"}}', "[" * 100_000])
def test_a_damaged_tokenizer_json_is_one_error(text: str) -> None:
    with pytest.raises(PackError):
        from_tokenizer_json(text)


def test_control_tokens_that_a_file_lists_among_its_words_are_control_tokens() -> None:
    content = metadata("characters")
    for text in ("▁<PRE>", "▁<SUF>", "▁<MID>"):
        content["tokenizer.ggml.tokens"].append(text)
        content["tokenizer.ggml.token_type"].append(1)
        content["tokenizer.ggml.scores"].append(-1e4)
    vocabulary = from_gguf(content)
    assert {"▁<PRE>", "▁<SUF>", "▁<MID>"} < set(vocabulary.control)
    others = tiny.tokenizer_json()
    others["added_tokens"] = []
    frame = {"<|fim_prefix|>": 300, "<|fim_suffix|>": 301, "<|fim_middle|>": 302}
    others["model"]["vocab"] |= {**frame, "</s>": 303}
    assert from_tokenizer_json(json.dumps(others)).control == frame
