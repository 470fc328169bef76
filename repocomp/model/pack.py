"""A pack: a folder that holds a model and everything one must know to ask it.

* `pack.json`: this manifest: what the model is, how to prompt it, when it retrieves, a digest of every file
* `model.onnx`: the graph with its weights, of a large model the graph alone
* `model.data`: the weights of a large model, which are mapped and never read whole
* `cuda-fp16.onnx`: the same for CUDA, where the pack has it
* `tokenizer.json`: the vocabulary
* `encoder.onnx`: from tokens to vectors, where the pack has it
* `confidence.json`: how sure its answers are, where that was fitted (`confidence`)
* `pairing.json`: how it decides for a generator that reads, where that was fitted (`pairing`)
* `learned.json`: which retrieval strategies help where, where a team learned that (`repocomp fleet`)

A pack plays *generator*, *policy* or both. Packs are written once and never changed: into a temporary folder,
then renamed. Loading checks every file (`integrity`), so a damaged copy is an error and never a strange completion.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from repocomp.errors import PackError
from repocomp.model.confidence import CONFIDENCE, Confidence
from repocomp.model.families import FAMILY, OUR_TOKENS, ControlTokens, FimTokens
from repocomp.model.integrity import digest_of
from repocomp.model.pairing import PAIRING, Pairing
from repocomp.model.shape import ModelShape

MANIFEST, MODEL, MODEL_DATA, TOKENIZER = "pack.json", "model.onnx", "model.data", "tokenizer.json"
CUDA_MODEL = "cuda-fp16.onnx"
"""Optional: on CUDA the attention operator wants 16-bit floats, so one graph does not serve both."""
ENCODER = "encoder.onnx"
"""Optional: without it there are no vectors, and retrieval goes by words alone."""
LEARNED = "learned.json"
"""Optional: what holds where a repository has learned nothing of its own."""
BUILT_IN = Path(__file__).parent / "packs"

FORMAT, OLD_FORMAT = 3, 2
"""Rises when an older version can no longer read what is written. Packs of our own family are still written as 2."""
_LATER_SIZES = ("head_size", "rope_factors", "has_biases", "is_tied")
"""Of the shape, since format 3."""

Layout = Literal["spm", "psm"]
Role = Literal["generator", "policy"]
MODES = ("line", "block")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MANIFEST_BYTES = 1 << 22


@dataclass(frozen=True, slots=True)
class Budgets:
    """How many tokens each part of a prompt may take; `left` counts the header with the path."""

    left: int = 640
    right: int = 256
    cross_file: int = 512
    middle: int = 128


@dataclass(frozen=True, slots=True)
class Calibration:
    """Platt scaling, p = sigmoid(slope * odds + offset). The default leaves the model's own probability."""

    slope: float = 1.0
    offset: float = 0.0

    def apply(self, odds: float) -> float:
        """Probability for log-odds in nats; past 60 nats either way it no longer changes."""
        return 1 / (1 + math.exp(-min(60.0, max(-60.0, self.slope * odds + self.offset))))


@dataclass(frozen=True, slots=True)
class CacheMixture:
    """How the n-gram cache is mixed into what the model says (`generate.local.ngram_cache`).

    `odds` are the log-odds (nats) of its share at each match, by length (from 1) and evidence: one occurrence, several
    that agree, several that do not; empty: the model alone. To them is added `doubt` times the log-odds that the model
    gives its own first choice. A place in the file has one vote, one in the retrieved hit of rank r has
    exp(`lead`) / r^`decay`; each counts as the model's probability of what stands there to the power of `agreement`.
    """

    odds: tuple[tuple[float, float, float], ...] = ()
    doubt: float = 0.0
    agreement: float = 0.0
    lead: float = 0.0
    decay: float = 0.0

    def vote(self, rank: int) -> float:
        """The vote of a place in the hit of a `rank` (from 1)."""
        return float(math.exp(self.lead) / rank**self.decay)


ALONE = CacheMixture()
"""The model alone."""


@dataclass(frozen=True)
class Pack:
    """The manifest of a pack in `folder`. `thresholds` and `calibration` are by mode: "line" and "block".

    `training` and `quality` are figures for people and for the model card; no code depends on them.
    """

    name: str
    version: str
    folder: Path
    shape: ModelShape
    licence: str = "MIT"
    family: str = FAMILY
    roles: tuple[Role, ...] = ("generator", "policy")
    layout: Layout = "spm"
    precision: str = "int8"
    control: ControlTokens = OUR_TOKENS
    budgets: Budgets = Budgets()
    thresholds: Mapping[str, float] = field(default_factory=lambda: {"line": 0.2, "block": 0.15})
    calibration: Mapping[str, Calibration] = field(default_factory=lambda: {m: Calibration() for m in MODES})
    cache: CacheMixture = ALONE
    languages: tuple[str, ...] = ()
    training: Mapping[str, Any] = field(default_factory=dict)
    quality: Mapping[str, Any] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)

    @property
    def tokens(self) -> FimTokens:
        """The control tokens of a pack that can decide. Raises PackError for one of another family."""
        tokens = self.control.with_decision()
        if tokens is None:
            hint = "use it as the generator, with a policy that decides: --policy default"
            raise PackError(
                f"the pack {self.name!r}, of the family {self.family!r}, has no tokens to decide with", hint
            )
        return tokens

    @property
    def model_path(self) -> Path:
        """The ONNX file."""
        return self.folder / MODEL

    @property
    def weight_bytes(self) -> int:
        """The size of the graph and of the weights beside it, 0 where they are gone."""
        files = (self.model_path, self.folder / MODEL_DATA)
        return sum(path.stat().st_size for path in files if path.exists())

    @property
    def cuda_path(self) -> Path | None:
        """The ONNX file for CUDA, where the pack has one."""
        return self.folder / CUDA_MODEL if CUDA_MODEL in self.digests else None

    @property
    def is_reader(self) -> bool:
        """Whether the model reads what is retrieved; else it is only copied from."""
        return self.budgets.cross_file > 0

    @cached_property
    def confidence(self) -> Confidence | None:
        """How its answers are judged, where that was fitted. Raises PackError."""
        if CONFIDENCE not in self.digests:
            return None
        return Confidence.from_json((self.folder / CONFIDENCE).read_text("utf-8"))

    @cached_property
    def pairing(self) -> Pairing | None:
        """How it decides for a generator that reads, where that was fitted. Raises PackError."""
        if PAIRING not in self.digests:
            return None
        return Pairing.from_json((self.folder / PAIRING).read_text("utf-8"))

    @property
    def learned_path(self) -> Path | None:
        """What a team has learned, where the pack holds it."""
        return self.folder / LEARNED if LEARNED in self.digests else None

    @property
    def tokenizer_path(self) -> Path:
        """The vocabulary file."""
        return self.folder / TOKENIZER

    @cached_property
    def digest(self) -> str:
        """Identity of what writes and decides, wherever it lies: the manifest holds the digest of every file.

        The encoder does neither: vectors are known by a digest of their own, and another one makes no other model. Nor
        do the confidence, which judges what was written, the pairing, and what a team has learned.
        """
        beside = (ENCODER, CONFIDENCE, PAIRING, LEARNED)
        others = {name: digest for name, digest in self.digests.items() if name not in beside}
        return digest_of(manifest_text(replace(self, digests=others)).encode())


def manifest_text(pack: Pack) -> str:
    """The manifest as JSON. What is as in format 2 is left out, so that its packs keep their digests."""
    content = asdict(pack)
    del content["folder"]
    usual = {item.name: item.default for item in fields(ModelShape)}
    shape = {k: v for k, v in content["shape"].items() if k not in _LATER_SIZES or v != usual[k]}
    tokens = {k: v for k, v in content.pop("control").items() if v not in (None, ())}
    renamed = {k: v for name, value in content.items() for k, v in _with_tokens(name, value, tokens)}
    is_old = pack.family == FAMILY and not set(_LATER_SIZES) & shape.keys()
    text = json.dumps(
        {"format": OLD_FORMAT if is_old else FORMAT, **renamed, "shape": shape}, indent=2, ensure_ascii=False
    )
    return text + "\n"


def _with_tokens(name: str, value: object, tokens: object) -> list[tuple[str, object]]:
    """Keep the order of format 2: the tokens stand behind the precision."""
    return [(name, value), ("tokens", tokens)] if name == "precision" else [(name, value)]
