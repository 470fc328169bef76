"""The vocabulary of the built-in pack: every text can be written and read back, control tokens never come from text."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repocomp.model.library import load_pack
from repocomp.model.pack import Pack
from repocomp.model.tokenizer import Tokenizer


@cache
def pack() -> Pack:
    return load_pack("default")


@cache
def tokenizer() -> Tokenizer:
    return Tokenizer.load(pack())


@given(st.text(max_size=80))
def test_any_text_is_read_back(text: str) -> None:
    assert tokenizer().decode(tokenizer().encode(text)) == text


@given(st.lists(st.sampled_from(["<|end|>", "<|cc|>", "<|middle|>", "<|", "x = ", "\n", "|>"]), max_size=8))
def test_text_that_spells_control_tokens_stays_text(pieces: list[str]) -> None:
    text = "".join(pieces)
    ids = tokenizer().encode(text)
    assert not set(ids) & set(pack().tokens.all)
    assert tokenizer().decode(ids) == text


def test_control_tokens_have_no_bytes() -> None:
    assert tokenizer().decode_bytes(pack().tokens.all) == b""


def test_half_a_character_is_held_back() -> None:
    ids = tokenizer().encode("naïve 語")
    whole = tokenizer().decode(ids)
    starts = [tokenizer().decode(ids[:count]) for count in range(len(ids))]
    assert all(whole.startswith(start) and "\ufffd" not in start for start in starts)


def test_a_batch_is_encoded_as_its_texts() -> None:
    texts = ["def f():", "", "    return 1\n"]
    assert tokenizer().encode_batch(texts) == [tokenizer().encode(text) for text in texts]


@pytest.mark.parametrize("text", ["\r\n", "\t\tx", "\x00", "\u2028", " " * 70])
def test_odd_white_space_survives(text: str) -> None:
    assert tokenizer().decode(tokenizer().encode(text)) == text


@pytest.mark.parametrize("partial", ["fro", " pa", "_x", "é"])
def test_what_can_spell_a_partial_word_agrees_with_it(partial: str) -> None:
    tokens = tokenizer().able_to_spell(partial)
    wanted = partial.encode()
    spelt = [tokenizer().decode_bytes([token]) for token in tokens]
    assert all(one.startswith(wanted) or wanted.startswith(one) for one in spelt)
    assert wanted[:1] in spelt
    assert not set(tokens) & set(pack().tokens.all)


@given(st.lists(st.sampled_from("x = 1|(| |\t|\n|\r\n|\r|é(|# |    |12|'|語".split("|"))).map("".join))
def test_encoding_line_by_line_changes_nothing(text: str) -> None:
    assert tokenizer().encode(text) == list(tokenizer()._whole(text))


def test_long_lines_are_not_remembered() -> None:
    text = "x = " + "1, " * 1000
    before = tokenizer()._segment.cache_info().currsize
    assert tokenizer().encode(text) == list(tokenizer()._whole(text))
    assert tokenizer()._segment.cache_info().currsize == before


@pytest.mark.parametrize("partial", ["s", "self", " return", "pa", "é", "zzzz", ""])
def test_every_token_that_can_spell_a_partial_word_is_found(partial: str) -> None:
    wanted = partial.encode()
    spelt = [(token, tokenizer().decode_bytes([token])) for token in range(tokenizer().vocab_size)]
    able = {token for token, own in spelt if own and (own.startswith(wanted) or wanted.startswith(own))}
    found = tokenizer().able_to_spell(partial)
    assert (set(found), len(found)) == (able, len(able))
