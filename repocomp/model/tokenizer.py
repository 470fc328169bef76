"""Text to ids and back, by the byte-level vocabulary of a pack.

User text never becomes a control token, whatever it spells: control tokens are inserted as integers.
`tokenizers` is imported when a vocabulary is loaded.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from repocomp.errors import PackError
from repocomp.model.pack import Pack

if TYPE_CHECKING:
    import tokenizers


class Tokenizer:
    """A vocabulary. Bytes that are no token of their own do not exist: every text can be encoded."""

    def __init__(self, inner: tokenizers.Tokenizer, specials: frozenset[int]) -> None:
        # Not kept in tokenizer.json, so it is set at every load: text that spells a control token stays text.
        inner.encode_special_tokens = True
        self._inner = inner
        self._bytes = _token_bytes(inner, specials)

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
        ids: list[int] = self._inner.encode(text, add_special_tokens=False).ids
        return ids

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text, in parallel."""
        return [item.ids for item in self._inner.encode_batch(list(texts), add_special_tokens=False)]

    def able_to_spell(self, text: str) -> list[int]:
        """Tokens that may come first when what is written must begin with `text`: longer than it, or a start of it."""
        wanted = text.encode()
        return [i for i, own in enumerate(self._bytes) if own and (own.startswith(wanted) or wanted.startswith(own))]

    def decode_bytes(self, ids: Sequence[int]) -> bytes:
        """Bytes of `ids`; control tokens have none."""
        return b"".join(self._bytes[i] for i in ids)

    def decode(self, ids: Sequence[int]) -> str:
        """Text of `ids`: an incomplete character at the end is held back, broken ones become U+FFFD."""
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        return decoder.decode(self.decode_bytes(ids), final=False)


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
