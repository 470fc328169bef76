"""Families are told by their tokens, ties by a companion, and what a person says overrides."""

from __future__ import annotations

import pytest

from repocomp.model.families import FAMILIES, FAMILY_NAMES, LEFT_ONLY, Family, control_texts, find_family


def vocabulary(*texts: str) -> dict[str, int]:
    return {text: at for at, text in enumerate(texts, 100)}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: f"{family.name} {family.prefix}")
def test_every_family_is_found_by_its_own_tokens(family: Family) -> None:
    tokens = vocabulary("<|endoftext|>", *sorted(family.texts))
    name, control = find_family(tokens)
    assert name == family.name
    assert (control.prefix, control.suffix, control.middle) == tuple(
        tokens[text] for text in (family.prefix, family.suffix, family.middle)
    )
    assert control.file == (tokens[family.file] if family.file else None)
    assert control.repo == (tokens[family.repo] if family.repo else None)
    assert control.end == tokens["<|endoftext|>"]
    assert None not in (control.prefix, control.suffix, control.middle)
    assert set(control.stop_ids) == set(tokens.values())


QWEN = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
STARCODER = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>")


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ((*QWEN, "<|file_sep|>"), "qwen2.5-coder"),
        ((*QWEN, "<|file_separator|>"), "codegemma"),
        ((*QWEN, "<|filename|>"), "granite-4"),
        ((*STARCODER, "<file_sep>"), "starcoder2"),
        ((*STARCODER, "<filename>"), "starcoder"),
        (QWEN[:2], LEFT_ONLY),
        ((), LEFT_ONLY),
    ],
)
def test_a_companion_decides_ties(tokens: tuple[str, ...], expected: str) -> None:
    name, control = find_family(vocabulary("</s>", *tokens))
    assert name == expected
    assert (None in (control.prefix, control.suffix, control.middle)) == (expected == LEFT_ONLY)


def test_what_a_person_says_overrides() -> None:
    tokens = vocabulary(*STARCODER, "<filename>")
    assert find_family(tokens, name="mellum")[0] == "mellum"
    assert find_family(tokens, name=LEFT_ONLY)[0] == LEFT_ONLY
    with pytest.raises(ValueError, match="lacks the tokens of the family 'codestral'"):
        find_family(tokens, name="codestral")
    assert {"mellum", LEFT_ONLY} < set(FAMILY_NAMES)


def test_the_end_that_a_model_names_comes_first_and_reserved_tokens_end_nothing() -> None:
    tokens = vocabulary("<|endoftext|>", "<|im_end|>", "<|reserved_special_token_7|>", "<unused3>", "<s>")
    _, control = find_family(tokens, end=tokens["<|im_end|>"], start=tokens["<s>"])
    assert control.stop_ids == (tokens["<|im_end|>"], tokens["<|endoftext|>"])
    assert control.start == tokens["<s>"]


def test_a_word_is_no_control_token_for_being_one_elsewhere() -> None:
    assert control_texts({"</s>", "<filename>", "[PREFIX]", *QWEN}) == set(QWEN)
    assert control_texts({"</s>", "<filename>", *QWEN[:2]}) == set()
