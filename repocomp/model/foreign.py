"""Graphs that others exported: bound by the names of their inputs, run through the same calls as our own.

Known are the layouts of onnx-community and ONNX Runtime GenAI (keys and values may be appended to in place) and of
optimum (each run returns all of them anew, and there may be a switch for the first run).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from repocomp.errors import PackError
from repocomp.model.graph.read import Slot
from repocomp.model.runtime import fault, onnxruntime
from repocomp.model.session import LEAST_TOKENS, Ids, Logits, Session
from repocomp.model.shape import ModelShape

_PAST = re.compile(r"(past_key_values|past)\.(\d+)\.(key|value)")
_OPTIONAL = {"attention_mask", "position_ids", "num_logits_to_keep", "use_cache_branch"}
_PROBE = np.arange(1, 5)
_CLOSE = 2e-2
"""Logits may differ so much, relative to the largest, between two ways to keep keys and values in 16 bits."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a graph names things: keys and values in and out, and which of the optional inputs it has."""

    past: tuple[Slot, ...]
    present: tuple[str, ...]
    inputs: dict[str, Slot]
    has_half_logits: bool

    @property
    def kv_heads(self) -> int | None:
        """Heads of keys and values; None where the graph takes any number."""
        return self.past[0].size[1]

    @property
    def head_dim(self) -> int | None:
        """Features of a head; None where the graph takes any number."""
        return self.past[0].size[3]

    def fits(self, shape: ModelShape) -> bool:
        """Whether keys and values of this `shape` are what the graph takes, as far as it says."""
        return all(
            slot.size[1] in (None, shape.n_kv_heads) and slot.size[3] in (None, shape.head_dim) for slot in self.past
        )


def layout_of(inputs: Sequence[Slot], outputs: Sequence[Slot]) -> Layout:
    """Recognise the inputs and outputs of a decoder. Raises PackError, naming what is not known or missing."""
    by_name = {slot.name: slot for slot in inputs}
    past = tuple(slot for slot in inputs if _PAST.fullmatch(slot.name))
    rest = by_name.keys() - {slot.name for slot in past} - {"input_ids"}
    hint = "use a graph in the layout of onnx-community, optimum or ONNX Runtime GenAI, with past keys and values"
    if unknown := sorted(rest - _OPTIONAL):
        raise PackError(f"the graph has an input that is not known: {unknown[0]!r}", hint)
    present = tuple("present" + slot.name[slot.name.index(".") :] for slot in past)
    known = {slot.name: slot for slot in outputs}
    if "input_ids" not in by_name or not past or not {"logits", *present} <= known.keys():
        raise PackError("the graph is no decoder: it lacks ids, logits, or keys and values", hint)
    if any(len(slot.size) != 4 for slot in past):
        raise PackError("the graph's keys and values are not parted by heads", hint)
    if any(slot.dtype not in ("float32", "float16") for slot in past):
        raise PackError(f"the graph keeps keys and values as {past[0].dtype}", "use one of float32 or float16")
    return Layout(past, present, {name: by_name[name] for name in rest}, known["logits"].dtype == "float16")


def slots_of(nodes: Sequence[Any]) -> list[Slot]:
    """Inputs or outputs of a session of ONNX Runtime."""
    names = {"float": "float32", "float16": "float16", "int64": "int64", "int32": "int32", "bool": "bool"}
    return [
        Slot(
            node.name,
            names.get(node.type[7:-1], node.type),
            tuple(n if isinstance(n, int) else None for n in node.shape),
        )
        for node in nodes
    ]


@dataclass(slots=True)
class _Kept:
    """Keys and values of one sequence, as each run returned them."""

    arrays: list[Any] = field(default_factory=list)


class ForeignSession(Session):
    """A graph of others. Keys and values stay in place where a trial says that the graph can, else they are copied."""

    def __init__(self, session: Any, shape: ModelShape) -> None:  # noqa: ANN401  (the library has no types)
        super().__init__(session, shape)
        self._layout = layout_of(slots_of(session.get_inputs()), slots_of(session.get_outputs()))
        if not self._layout.fits(shape):
            raise PackError("the graph's keys and values are not of its manifest's size", "add the model again")
        self.is_in_place = self._can_stay_in_place()

    def new_buffers(self) -> Any:  # noqa: ANN401  (opaque)
        """Room for `shape.max_context` tokens."""
        return _Kept(
            [self._empty(slot, self.shape.max_context if self.is_in_place else 0) for slot in self._layout.past]
        )

    def run(self, ids: Ids, past: int, buffers: Any, keep: int) -> Logits:  # noqa: ANN401
        """Append `ids` [T] after the first `past` tokens; logits [keep, V] of the last `keep` of them."""
        padded = np.concatenate([ids, np.repeat(ids[-1:], max(0, LEAST_TOKENS - len(ids)))])
        extra = len(padded) - len(ids)
        run = self._run_in_place if self.is_in_place else self._run_anew
        try:
            rows = run(self._feeds(padded, past, keep + extra), past, buffers)[0]
        # The exceptions of ONNX Runtime have no common base but this one.
        except Exception as error:
            raise PackError(f"the model broke off: {fault(error)}", "use another graph of the model") from error
        last = len(rows) - extra
        return np.asarray(rows[last - keep : last], dtype=np.float32)

    def _feeds(self, ids: Ids, past: int, keep: int) -> dict[str, Any]:
        values: dict[str, Any] = {
            "attention_mask": np.ones((1, past + len(ids))),
            "position_ids": np.arange(past, past + len(ids))[None],
            "num_logits_to_keep": np.full([1] * len(self._size("num_logits_to_keep")), keep),
            "use_cache_branch": np.array([past > 0]),
        }
        asked = {name: values[name].astype(slot.dtype) for name, slot in self._layout.inputs.items()}
        return {"input_ids": ids[None].astype(np.int64), **asked}

    def _size(self, name: str) -> tuple[int | None, ...]:
        slot = self._layout.inputs.get(name)
        return slot.size if slot is not None else ()

    def _run_anew(self, feeds: dict[str, Any], past: int, kept: _Kept) -> Any:  # noqa: ANN401
        held = {slot.name: one[:, :, :past] for slot, one in zip(self._layout.past, kept.arrays, strict=True)}
        logits, *kept.arrays = self._session.run(["logits", *self._layout.present], {**feeds, **held})
        return logits

    def _run_in_place(self, feeds: dict[str, Any], past: int, kept: _Kept) -> Any:  # noqa: ANN401
        ort, binding = onnxruntime(), self._session.io_binding()
        for name, value in feeds.items():
            binding.bind_cpu_input(name, value)
        for slot, present, array in zip(self._layout.past, self._layout.present, kept.arrays, strict=True):
            value = ort.OrtValue.ortvalue_from_numpy(array)
            binding.bind_ortvalue_input(slot.name, value)
            binding.bind_ortvalue_output(present, value)
        binding.bind_output("logits")
        self._session.run_with_iobinding(binding)
        return binding.get_outputs()[-1].numpy()

    def _empty(self, slot: Slot, tokens: int) -> Any:  # noqa: ANN401
        return np.zeros((1, self.shape.n_kv_heads, tokens, self.shape.head_dim), np.dtype(slot.dtype))

    def _can_stay_in_place(self) -> bool:
        """Whether four tokens in two runs over one buffer say the same as all at once in the plain way."""
        plain, placed = (
            _Kept([self._empty(slot, tokens) for slot in self._layout.past]) for tokens in (0, len(_PROBE) + 4)
        )
        expected = self._run_anew(self._feeds(_PROBE, 0, 1), 0, plain)[0, -1]
        try:
            self._run_in_place(self._feeds(_PROBE[:2], 0, 1), 0, placed)
            found = self._run_in_place(self._feeds(_PROBE[2:], 2, 1), 2, placed)[0, -1]
        # The exceptions of ONNX Runtime have no common base but this one.
        except Exception:
            return False
        return bool(np.abs(found - expected).max() <= _CLOSE * np.abs(expected).max())
