"""Text to ids and back, by the byte-level vocabulary of a pack.

User text never becomes a control token, whatever it spells: control tokens are inserted as integers.
`tokenizers` is imported when a vocabulary is loaded.
"""

from __future__ import annotations

import codecs
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from repocomp.errors import PackError
from repocomp.model.pack import Pack

if TYPE_CHECKING:
    import tokenizers

_LINES = 8192
_LONG_LINE = 400
"""Lines up to this many characters are remembered, so what they take is bounded: some 10 MB."""


class Tokenizer:
    """A vocabulary. Bytes that are no token of their own do not exist: every text can be encoded.

    Lines once encoded are remembered: a prompt is cut by trial, and of what a keystroke sends all but one line was
    there before (13 ms of encoding become 1).
    """

    def __init__(self, inner: tokenizers.Tokenizer, specials: frozenset[int]) -> None:
        # Not kept in tokenizer.json, so it is set at every load: text that spells a control token stays text.
        inner.encode_special_tokens = True
        self._inner = inner
        self._bytes = _token_bytes(inner, specials)
        self._spelled = sorted((own, i) for i, own in enumerate(self._bytes) if own)
        self._ids_of = {own: i for own, i in reversed(self._spelled)}
        self.line_breaks = frozenset(i for i, own in enumerate(self._bytes) if b"\n" in own)
        """The tokens that end a line."""
        self._has_pieces_by_line = _starts_a_piece_at_each_line(inner)
        self._line = lru_cache(_LINES)(self._whole)

    @classmethod
    def load(cls, pack: Pack) -> Tokenizer:
        """Read the vocabulary of `pack`. Raises PackError where it does not fit the model."""
        tokenizer = cls.read(pack.tokenizer_path, pack.tokens.all)
        if tokenizer.vocab_size != pack.shape.vocab_size:
            sizes = f"{tokenizer.vocab_size} tokens, its model {pack.shape.vocab_size}"
            raise PackError(f"the vocabulary of {pack.name!r} has {sizes}", "use the pack as it was exported")
        return tokenizer

    @classmethod
    def read(cls, path: Path, specials: Sequence[int]) -> Tokenizer:
        """Read a `tokenizer.json` whose control tokens have the ids `specials`. Raises PackError."""
        import tokenizers

        try:
            inner = tokenizers.Tokenizer.from_file(str(path))
        # The library raises bare Exception for every fault of the file.
        except Exception as error:
            raise PackError(f"cannot read the vocabulary {path}: {error}", "copy the pack again") from error
        return cls(inner, frozenset(specials))

    @property
    def vocab_size(self) -> int:
        """Number of tokens, control tokens included."""
        return len(self._bytes)

    def encode(self, text: str) -> list[int]:
        """Ids of `text`; never a control token."""
        if "\r" in text or not self._has_pieces_by_line:
            return list(self._whole(text))
        ids: list[int] = []
        first, *lines = text.split("\n")
        for line in (first, *("\n" + line for line in lines)):
            ids += self._line(line) if len(line) <= _LONG_LINE else self._whole(line)
        return ids

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text, in parallel."""
        return [item.ids for item in self._inner.encode_batch(list(texts), add_special_tokens=False)]

    def able_to_spell(self, text: str) -> list[int]:
        """Tokens that may come first when what is written must begin with `text`: longer than it, or a start of it.

        Bytes that are no whole character stand in `text` as Python's `surrogateescape` writes them.
        """
        wanted = text.encode(errors="surrogateescape")
        at = bisect_left(self._spelled, (wanted, -1))
        able = [self._ids_of[wanted[:end]] for end in range(1, len(wanted)) if wanted[:end] in self._ids_of]
        while at < len(self._spelled) and self._spelled[at][0].startswith(wanted):
            able.append(self._spelled[at][1])
            at += 1
        return able

    def decode_bytes(self, ids: Sequence[int]) -> bytes:
        """Bytes of `ids`; control tokens have none."""
        return b"".join(map(self._bytes.__getitem__, ids))

    def decode(self, ids: Sequence[int]) -> str:
        """Text of `ids`: an incomplete character at the end is held back, broken ones become U+FFFD."""
        return codecs.utf_8_decode(self.decode_bytes(ids), "replace", False)[0]

    def _whole(self, text: str) -> Sequence[int]:
        ids: list[int] = self._inner.encode(text, add_special_tokens=False).ids
        return ids


def _starts_a_piece_at_each_line(inner: tokenizers.Tokenizer) -> bool:
    """Whether no token reaches across the start of a line end, so that lines can be encoded one by one."""
    if inner.pre_tokenizer is None or inner.normalizer is not None:
        return False
    probe = "a\n\n  b; \n\tc()\t\n}\n 1\n"
    starts = {start for _, (start, _) in inner.pre_tokenizer.pre_tokenize_str(probe)}
    return starts >= {at for at, character in enumerate(probe) if character == "\n"}


def _token_bytes(inner: tokenizers.Tokenizer, specials: frozenset[int]) -> list[bytes]:
    """Spell out every token by id. In a byte-level vocabulary one visible character stands for one byte."""
    byte_of = _byte_of_character()
    vocabulary = {i: token for token, i in inner.get_vocab(with_added_tokens=True).items()}
    return [
        b"" if i in specials else bytes(byte_of[character] for character in vocabulary[i])
        for i in range(len(vocabulary))
    ]


def _byte_of_character() -> dict[str, int]:
    """GPT-2's spelling: printable Latin-1 stands for itself, the other 68 bytes for U+0100 and up."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return {chr(byte): byte for byte in visible} | {chr(0x100 + i): byte for i, byte in enumerate(hidden)}
