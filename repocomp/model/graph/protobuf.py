"""The wire format of protobuf, both ways: what an ONNX file is made of, without a library of 30 MB for it.

A message is a row of fields, each a number, a wire type and a value; numbers elsewhere in this room are those of
onnx.proto. What is read comes from files that nobody vouches for: every length is checked against what is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

Value = int | memoryview
"""A field as it was read: an integer, or the bytes of a string, a message or packed numbers."""

_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5
_LONGEST_VARINT_BITS = 64


def number_field(field: int, value: int) -> bytes:
    """An integer; negative ones take ten bytes, as protobuf's int64 does."""
    return _varint(field << 3 | _VARINT) + _varint(value & (1 << 64) - 1)


def float_field(field: int, packed: bytes) -> bytes:
    """A 32-bit float, given as its four little-endian bytes."""
    return _varint(field << 3 | _FOUR_BYTES) + packed


def bytes_field(field: int, data: bytes) -> bytes:
    """A message, or raw bytes."""
    return _varint(field << 3 | _BYTES) + _varint(len(data)) + data


def text_fields(field: int, texts: Iterable[str]) -> bytes:
    """A repeated string."""
    return b"".join(bytes_field(field, text.encode()) for text in texts)


def fields(data: memoryview) -> Iterator[tuple[int, Value]]:
    """Number and value of each field of a message; what has a fixed width is passed over.

    Raises ValueError where the bytes are not protobuf.
    """
    at = 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        kind = tag & 7
        if kind == _VARINT:
            value, at = _read_varint(data, at)
            yield tag >> 3, value
        elif kind == _BYTES:
            size, at = _read_varint(data, at)
            if at + size > len(data):
                raise ValueError("it ends early")
            yield tag >> 3, data[at : at + size]
            at += size
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            at += 8 if kind == _EIGHT_BYTES else 4
        else:
            raise ValueError("it is not ONNX")


def as_bytes(value: Value) -> memoryview:
    """A field that must hold bytes. Raises ValueError where it holds a number."""
    if isinstance(value, int):
        raise ValueError("it is not ONNX")
    return value


def as_text(value: Value) -> str:
    """A field that must hold text. Raises ValueError."""
    return str(as_bytes(value), "utf-8")


def as_number(value: Value) -> int:
    """A field that must hold a signed integer. Raises ValueError where it holds bytes."""
    if not isinstance(value, int):
        raise ValueError("it is not ONNX")
    return value - (1 << 64) if value >> 63 else value


def numbers(value: Value) -> list[int]:
    """A repeated integer, of which a field holds one or, packed, several."""
    if isinstance(value, int):
        return [as_number(value)]
    found, at = [], 0
    while at < len(value):
        one, at = _read_varint(value, at)
        found.append(as_number(one))
    return found


def _read_varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < _LONGEST_VARINT_BITS:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ValueError("it ends early" if at >= len(data) else "it is not ONNX")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
