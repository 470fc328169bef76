r"""The vocabulary: byte-level BPE whose pieces never reach past the start of a line's text.

A newline with the indentation after it is one piece, digits stand alone, identifiers and runs of punctuation are
pieces (with at most one blank before them). So what is typed later in a line never changes the tokens of the lines
above it, and a key/value cache of them stays valid.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path

from repocomp.model.families import FimTokens

PIECES = (
    r"\r?\n[ \t]*"
    r"| ?[\p{L}\p{M}_]+"
    r"|\p{N}"
    r"| ?[^\s\p{L}\p{M}\p{N}_]+"
    r"|[^\S\n]+(?=\S)"
    r"|[^\S\n]+"
)
_PYTHON_BYTES, _OTHER_BYTES = 14_000_000, 7_000_000


def train_tokenizer(files: Iterable[tuple[str, str]], vocab_size: int, out: Path, seed: int) -> None:
    """Learn `vocab_size` tokens, the control tokens first, from (path, text) pairs and write `out`."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=control_tokens(),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_sample(list(files), seed), trainer)
    out.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(out))


def control_tokens() -> list[str]:
    """Spellings of the control tokens, by id."""
    names = {number: item.name for item, number in zip(fields(FimTokens), FimTokens().all, strict=True)}
    return [f"<|{names[number]}|>" for number in sorted(names)]


def _sample(files: Sequence[tuple[str, str]], seed: int) -> Iterator[str]:
    """Python first, then the other languages, each up to its share of bytes."""
    shuffled = list(files)
    random.Random(seed).shuffle(shuffled)
    room = {True: _PYTHON_BYTES, False: _OTHER_BYTES}
    for path, text in shuffled:
        python = path.endswith(".py")
        if room[python] > 0:
            room[python] -= len(text)
            yield text
