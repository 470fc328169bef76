"""Text to ids and back, by the vocabulary of a pack: byte-level BPE, or BPE over characters with bytes to fall back on.

User text never becomes a control token, whatever it spells: control tokens are inserted as integers. What is encoded
is what is read back, to the byte. `tokenizers` is imported when a vocabulary is loaded.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repocomp.errors import PackError
from repocomp.model.pack import Pack

if TYPE_CHECKING:
    import tokenizers

_SEGMENTS = 8192
_MOST_BYTES, _MOST_TOKENS = 1 << 28, 1 << 24
_LONG_SEGMENT = 400
"""Lines up to this many characters are remembered, so what they take is bounded: some 10 MB."""
_CUTS = (re.compile(r"(?=\n)"), re.compile(r"(?<=\n)(?=[ \t]*[!-~])"), re.compile(r"(?<=[!-~])(?=\n)"))
"""Where text may be cut without changing its tokens: before each line end, behind the last of several (Qwen, Llama 3),
or before the first (GPT-2)."""
_PROBE = "a\n\n  b; \n\tc()\t\n}\n 1\n\n\n{\n\n x'\n's\n  \n\n\t y ~\n"
_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")
SPACE = "▁"
"""How a vocabulary in the manner of SentencePiece writes a space."""


class Tokenizer:
    """A vocabulary of `vocab_size` ids. Bytes that are no token of their own do not exist: every text can be encoded.

    `never_ids` are the tokens that are no answer: they spell nothing, since they are control tokens, have no name or
    only pad the model's head, and they do not end an answer either (`Pack.control.stop_ids`).

    Lines once encoded are remembered: a prompt is cut by trial, and of what a keystroke sends all but one line was
    there before (13 ms of encoding become 1).
    """

    def __init__(
        self, inner: tokenizers.Tokenizer, specials: Collection[int], size: int = 0, stops: Collection[int] = ()
    ) -> None:
        _check_kind(inner)
        # Not kept in tokenizer.json, so it is set at every load: text that spells a control token stays text.
        inner.encode_special_tokens = True
        inner.no_padding()
        inner.no_truncation()
        self._inner = inner
        self._bytes = _token_bytes(inner, specials, size)
        self.never_ids = tuple(i for i, own in enumerate(self._bytes) if not own and i not in stops)
        self._cut = _cut_of(inner, self._bytes)
        self._segment = lru_cache(_SEGMENTS)(self._whole)

    @classmethod
    def load(cls, pack: Pack) -> Tokenizer:
        """Read the vocabulary of `pack`. Raises PackError where it does not fit the model."""
        size = pack.shape.vocab_size
        tokenizer = cls.read(pack.tokenizer_path, pack.control.all, size, pack.control.stop_ids)
        if tokenizer.vocab_size > size:
            sizes = f"{tokenizer.vocab_size} tokens, its model {size}"
            raise PackError(f"the vocabulary of {pack.name!r} has {sizes}", "use the pack as it was exported")
        return tokenizer

    @classmethod
    def read(cls, path: Path, specials: Collection[int], size: int = 0, stops: Collection[int] = ()) -> Tokenizer:
        """Read a `tokenizer.json` whose control tokens have the ids `specials`, for a model of `size` ids.

        Ids that it does not name up to `size` spell nothing. Raises PackError.
        """
        import tokenizers

        with _faults_of(str(path)):
            if path.stat().st_size > _MOST_BYTES:
                raise ValueError(f"it is larger than {_MOST_BYTES:,} bytes")
            tokenizer = cls(tokenizers.Tokenizer.from_file(str(path)), specials, size, stops)
            if tokenizer.decode(tokenizer.encode(_PROBE)) != _PROBE:
                raise ValueError("it does not give back what it was given")
        return tokenizer

    @property
    def vocab_size(self) -> int:
        """Number of ids, control tokens and those without a name included."""
        return len(self._bytes)

    @cached_property
    def line_breaks(self) -> frozenset[int]:
        """The tokens that end a line."""
        return frozenset(i for i, own in enumerate(self._bytes) if b"\n" in own)

    def encode(self, text: str) -> list[int]:
        """Ids of `text`; never a control token."""
        if "\r" in text or self._cut is None:
            return list(self._whole(text))
        ids: list[int] = []
        for segment in self._cut.split(text):
            ids += self._segment(segment) if len(segment) <= _LONG_SEGMENT else self._whole(segment)
        return ids

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text, in parallel."""
        with _faults_of("of the pack"):
            return [item.ids for item in self._inner.encode_batch(list(texts), add_special_tokens=False)]

    def able_to_spell(self, text: str) -> list[int]:
        """Tokens that may come first when what is written must begin with `text`: longer than it, or a start of it.

        Bytes that are no whole character stand in `text` as Python's `surrogateescape` writes them.
        """
        wanted = text.encode(errors="surrogateescape")
        starts = (wanted[:end] for end in range(1, len(wanted)))
        able = [self._by_bytes[at] for start in starts if self._spells(at := self._place(start), start)]
        at = self._place(wanted)
        while at < len(self._by_bytes) and self._bytes[self._by_bytes[at]].startswith(wanted):
            able.append(self._by_bytes[at])
            at += 1
        return able

    def decode_bytes(self, ids: Sequence[int]) -> bytes:
        """Bytes of `ids`; control tokens have none."""
        return b"".join(map(self._bytes.__getitem__, ids))

    def decode(self, ids: Sequence[int]) -> str:
        """Text of `ids`: an incomplete character at the end is held back, broken ones become U+FFFD."""
        return codecs.utf_8_decode(self.decode_bytes(ids), "replace", False)[0]

    @cached_property
    def _by_bytes(self) -> list[int]:
        """The tokens that spell something, sorted by what. Made when it is first asked for: 60 ms for 150,000."""
        spelling = [i for i, own in enumerate(self._bytes) if own]
        return sorted(spelling, key=self._bytes.__getitem__)

    def _place(self, wanted: bytes) -> int:
        return bisect_left(self._by_bytes, wanted, key=self._bytes.__getitem__)

    def _spells(self, at: int, wanted: bytes) -> bool:
        return at < len(self._by_bytes) and self._bytes[self._by_bytes[at]] == wanted

    def _whole(self, text: str) -> Sequence[int]:
        with _faults_of("of the pack"):
            ids: list[int] = self._inner.encode(text, add_special_tokens=False).ids
        return ids


@contextmanager
def _faults_of(vocabulary: str) -> Iterator[None]:
    """Tell every fault as one of the pack. The library raises bare Exception, and BaseException where it panics."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, PackError):
        raise
    except BaseException as error:
        raise PackError(f"cannot read the vocabulary {vocabulary}: {error}", "copy the pack again") from error


def _check_kind(inner: tokenizers.Tokenizer) -> None:
    """Refuse what loses text, or what the library aborts on only later. Raises ValueError."""
    model = inner.model
    if type(model).__name__ != "BPE":
        raise ValueError(f"it is of the kind {type(model).__name__}, not BPE")
    if model.dropout or model.continuing_subword_prefix or model.end_of_word_suffix:
        raise ValueError("it cuts words at random, or marks their parts")
    if inner.normalizer is not None and not _has_byte_fallback(inner):
        raise ValueError("it changes what it reads")


def byte_of_character() -> dict[str, int]:
    """GPT-2's spelling: printable Latin-1 stands for itself, the other 68 bytes for U+0100 and up."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return {chr(byte): byte for byte in visible} | {chr(0x100 + i): byte for i, byte in enumerate(hidden)}


def _cut_of(inner: tokenizers.Tokenizer, spelled: Sequence[bytes]) -> re.Pattern[str] | None:
    """Where lines can be encoded one by one, since no token reaches across; None: nowhere."""
    if inner.pre_tokenizer is None:
        has_lone_ends = all(len(own) == 1 for own in spelled if b"\n" in own)
        return _CUTS[0] if _has_byte_fallback(inner) and has_lone_ends else None
    if inner.normalizer is not None:
        return None
    starts = {start for _, (start, _) in inner.pre_tokenizer.pre_tokenize_str(_PROBE)} | {0}
    return next((cut for cut in _CUTS if {found.start() for found in cut.finditer(_PROBE)} <= starts), None)


def _has_byte_fallback(inner: tokenizers.Tokenizer) -> bool:
    return bool(getattr(inner.model, "byte_fallback", False))


def _token_bytes(inner: tokenizers.Tokenizer, specials: Collection[int], size: int) -> list[bytes]:
    """Spell out every token by id; control tokens and ids without a name spell nothing."""
    named: dict[str, int] = inner.get_vocab(with_added_tokens=False)
    added: dict[int, Any] = inner.get_added_tokens_decoder()
    highest = max(named.values(), default=-1), max(added, default=-1)
    if max(highest) >= _MOST_TOKENS:
        raise ValueError(f"it has a token {max(highest):,}")
    spelled = [b""] * max(size, *(i + 1 for i in highest))
    spell = _spell_characters if _has_byte_fallback(inner) else _spell_bytes
    for token, i in named.items():
        if i not in added and i not in specials:
            spelled[i] = spell(token)
    for i, token in added.items():
        spelled[i] = b"" if token.special or i in specials else token.content.encode()
    return spelled


_TABLE = str.maketrans({character: chr(byte) for character, byte in byte_of_character().items()})


def _spell_bytes(token: str) -> bytes:
    """In a byte-level vocabulary one visible character stands for one byte."""
    return token.translate(_TABLE).encode("latin-1")


def _spell_characters(token: str) -> bytes:
    byte = _BYTE_TOKEN.fullmatch(token)
    return bytes([int(byte[1], 16)]) if byte else token.replace(SPACE, " ").encode()
