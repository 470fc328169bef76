"""What text is to a model: ids of a vocabulary."""

from __future__ import annotations

from typing import Protocol


class TextCodec(Protocol):
    """Text to ids and back. `encode` never yields a control token, whatever the text spells."""

    def encode(self, text: str) -> list[int]:
        """Ids of `text`."""

    def decode(self, ids: list[int]) -> str:
        """Text of `ids`, incomplete characters at the end held back."""

    def decode_bytes(self, ids: list[int]) -> bytes:
        """Bytes of `ids`."""

    def able_to_spell(self, text: str) -> list[int]:
        """Tokens that may come first when what is written must begin with `text`."""

    @property
    def line_breaks(self) -> frozenset[int]:
        """The tokens that end a line."""

    @property
    def never_ids(self) -> tuple[int, ...]:
        """The ids that are no text: control, unnamed and padded ones, but for those that end an answer."""
