"""What an ONNX file asks for, read without running it: its inputs, the libraries of its operators, files beside it.

ONNX Runtime would load an operator library or a file of any path that a graph names. So both are looked at first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from repocomp.errors import PackError
from repocomp.model.graph.protobuf import Value, as_bytes, as_number, as_text, fields, numbers
from repocomp.model.graph.write import DATA_TYPES
from repocomp.named_files import read_regular

_DOMAINS = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft"}
"""The operators that stock ONNX Runtime has."""
MOST_GRAPH_BYTES = 1 << 31
_NAMES = {number: name for name, number in DATA_TYPES.items()} | {16: "bfloat16"}
_DEEPEST = 16


@dataclass(frozen=True, slots=True)
class Slot:
    """An input or output: its name, NumPy's name of its type, and its dimensions, None where one is free."""

    name: str
    dtype: str
    size: tuple[int | None, ...]


@dataclass(slots=True)
class GraphFacts:
    """What a file asks for. `files` are the places of its external data, as they are written."""

    inputs: list[Slot] = field(default_factory=list)
    outputs: list[Slot] = field(default_factory=list)
    domains: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)


def inspect(path: Path) -> GraphFacts:
    """Read a graph and refuse one that could load code, or files from elsewhere. Raises PackError."""
    try:
        facts = _facts(memoryview(read_regular(path, MOST_GRAPH_BYTES)))
    except (OSError, ValueError) as error:
        raise PackError(f"{path} is no ONNX file that can be read: {error}", "download it again") from error
    if unknown := sorted(facts.domains - _DOMAINS):
        hint = "use a graph with the operators of ONNX and com.microsoft alone"
        raise PackError(f"{path} needs a library of operators, {unknown[0]!r}", hint)
    for name in sorted(facts.files):
        if PurePosixPath(name).name != name or "\\" in name or name in ("", ".", ".."):
            raise PackError(f"{path} names data outside its folder: {name!r}", "do not use this file")
    return facts


def check_graph(path: Path, files: Collection[str]) -> None:
    """Refuse a graph of a pack that asks for anything but the pack's own `files`. Raises PackError."""
    if missing := inspect(path).files - set(files):
        raise PackError(f"{path} names a file that is not part of the pack: {min(missing)!r}", "add the model again")


def _facts(model: memoryview) -> GraphFacts:
    facts = GraphFacts()
    own_functions: set[str] = set()
    for number, value in fields(model):
        if number == 7:
            _read_graph(as_bytes(value), facts, 0)
        elif number == 25:
            own_functions |= _read_function(as_bytes(value), facts)
    if not facts.inputs:
        raise ValueError("it has no inputs")
    facts.domains -= own_functions
    return facts


def _read_function(function: memoryview, facts: GraphFacts) -> set[str]:
    domain = ""
    for number, value in fields(function):
        if number == 7:
            _read_node(as_bytes(value), facts, 0)
        elif number == 10:
            domain = as_text(value)
    return {domain}


def _read_graph(graph: memoryview, facts: GraphFacts, depth: int) -> None:
    if depth > _DEEPEST:
        raise ValueError("its graphs are nested too deeply")
    for number, value in fields(graph):
        if number == 1:
            _read_node(as_bytes(value), facts, depth)
        elif number == 5:
            facts.files |= set(_files(as_bytes(value)))
        elif number == 15:
            raise ValueError("it has sparse constants")
        elif number in (11, 12) and depth == 0:
            (facts.inputs if number == 11 else facts.outputs).append(_slot(as_bytes(value)))


def _read_node(node: memoryview, facts: GraphFacts, depth: int) -> None:
    domain = ""
    for number, value in fields(node):
        if number == 7:
            domain = as_text(value)
        elif number == 5:
            _read_attribute(as_bytes(value), facts, depth)
    facts.domains.add(domain)


def _read_attribute(attribute: memoryview, facts: GraphFacts, depth: int) -> None:
    for number, value in fields(attribute):
        if number in (5, 10):
            facts.files |= set(_files(as_bytes(value)))
        elif number in (6, 11):
            _read_graph(as_bytes(value), facts, depth + 1)


def _files(tensor: memoryview) -> Iterator[str]:
    for number, value in fields(tensor):
        if number == 13:
            entry = dict(fields(as_bytes(value)))
            if as_text(entry.get(1, memoryview(b""))) == "location":
                yield as_text(entry.get(2, memoryview(b"")))


def _slot(info: memoryview) -> Slot:
    parts = dict(fields(info))
    kind = dict(fields(as_bytes(parts.get(2, memoryview(b"")))))
    tensor = dict(fields(as_bytes(kind.get(1, memoryview(b"")))))
    dtype = as_number(tensor.get(1, 0))
    shape = [as_bytes(value) for number, value in fields(as_bytes(tensor.get(2, memoryview(b"")))) if number == 1]
    return Slot(as_text(parts.get(1, memoryview(b""))), _NAMES.get(dtype, str(dtype)), tuple(map(_dimension, shape)))


def _dimension(dimension: memoryview) -> int | None:
    found: Value | None = dict(fields(dimension)).get(1)
    return None if found is None else numbers(found)[0]
