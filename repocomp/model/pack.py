"""A pack: a folder that holds a model and everything one must know to ask it.

* `pack.json`: this manifest: what the model is, how to prompt it, when it retrieves, a digest of every file
* `model.onnx`: the graph with its weights
* `cuda-fp16.onnx`: the same for CUDA, where the pack has it
* `tokenizer.json`: the vocabulary
* `encoder.onnx`: from tokens to vectors, where the pack has it

A pack plays *generator*, *policy* or both. Packs are written once and never changed: into a temporary folder,
then renamed. Loading checks every digest, so a damaged copy is an error and never a strange completion.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from repocomp.errors import PackError
from repocomp.model.families import FAMILY, FimTokens
from repocomp.model.shape import ModelShape

FORMAT = 2
"""Rises when an older version can no longer read what is written."""
MANIFEST, MODEL, TOKENIZER = "pack.json", "model.onnx", "tokenizer.json"
CUDA_MODEL = "cuda-fp16.onnx"
"""Optional: on CUDA the attention operator wants 16-bit floats, so one graph does not serve both."""
ENCODER = "encoder.onnx"
"""Optional: without it there are no vectors, and retrieval goes by words alone."""
BUILT_IN = Path(__file__).parent / "packs"

Layout = Literal["spm", "psm"]
Role = Literal["generator", "policy"]
MODES = ("line", "block")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_REPAIR = "copy the pack again, or install repocomp again if it is a built-in one"


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
    tokens: FimTokens = FimTokens()
    budgets: Budgets = Budgets()
    thresholds: Mapping[str, float] = field(default_factory=lambda: {"line": 0.2, "block": 0.15})
    calibration: Mapping[str, Calibration] = field(default_factory=lambda: {m: Calibration() for m in MODES})
    cache: CacheMixture = ALONE
    languages: tuple[str, ...] = ()
    training: Mapping[str, Any] = field(default_factory=dict)
    quality: Mapping[str, Any] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)

    @property
    def model_path(self) -> Path:
        """The ONNX file."""
        return self.folder / MODEL

    @property
    def cuda_path(self) -> Path | None:
        """The ONNX file for CUDA, where the pack has one."""
        return self.folder / CUDA_MODEL if CUDA_MODEL in self.digests else None

    @property
    def is_reader(self) -> bool:
        """Whether the model reads what is retrieved; else it is only copied from."""
        return self.budgets.cross_file > 0

    @property
    def tokenizer_path(self) -> Path:
        """The vocabulary file."""
        return self.folder / TOKENIZER

    @cached_property
    def digest(self) -> str:
        """Identity of what writes and decides, wherever it lies: the manifest holds the digest of every file.

        The encoder does neither: vectors are known by a digest of their own, and another one makes no other model.
        """
        others = {name: digest for name, digest in self.digests.items() if name != ENCODER}
        return digest_of(_manifest_text(replace(self, digests=others)).encode())


def digest_of(data: bytes) -> str:
    """Digest of `data`, tagged with its algorithm: BLAKE2b of 32 bytes."""
    return "b2:" + hashlib.blake2b(data, digest_size=32).hexdigest()


def load_pack(name_or_path: str | Path) -> Pack:
    """Open a built-in pack by its name, or any pack by its folder. Raises PackError with what mends it.

    A bare name never means a folder of the working directory; write `./name` for that.
    """
    folder = folder_of(name_or_path)
    try:
        text = (folder / MANIFEST).read_text("utf-8")
    except FileNotFoundError as error:
        known = ", ".join(built_in_packs()) or "none is built in"
        hint = f"name a folder that holds a {MANIFEST}, or a built-in pack ({known})"
        raise PackError(f"there is no model pack {str(name_or_path)!r}", hint) from error
    except (OSError, UnicodeDecodeError) as error:
        raise PackError(f"cannot read {folder / MANIFEST}: {error}", _REPAIR) from error
    pack = _parse(text, folder)
    for file, digest in pack.digests.items():
        _check(folder / file, digest)
    return pack


def built_in_packs() -> list[str]:
    """Names of the packs that ship with the package."""
    return sorted(path.parent.name for path in BUILT_IN.glob(f"*/{MANIFEST}"))


def write_pack(pack: Pack, files: Mapping[str, bytes]) -> Pack:
    """Write `pack` and its files to `pack.folder`, replacing what is there; returns it with its digests.

    Raises PackError where a file that a pack needs is not given.
    """
    if missing := {MODEL, TOKENIZER} - files.keys():
        raise PackError(f"a pack needs {', '.join(sorted(missing))}")
    pack = replace(pack, digests={name: digest_of(data) for name, data in sorted(files.items())})
    pack.folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{pack.folder.name}-", dir=pack.folder.parent) as temporary:
        fresh, stale = Path(temporary, "new"), Path(temporary, "old")
        fresh.mkdir()
        for name, data in files.items():
            (fresh / name).write_bytes(data)
        (fresh / MANIFEST).write_text(_manifest_text(pack), "utf-8")
        if pack.folder.exists():
            pack.folder.rename(stale)
        fresh.rename(pack.folder)
    return pack


def folder_of(name_or_path: str | Path) -> Path:
    """Where a pack lies: a built-in one by its name, any other by its path."""
    if isinstance(name_or_path, str) and _NAME.fullmatch(name_or_path):
        return BUILT_IN / name_or_path
    return Path(name_or_path).expanduser()


def _manifest_text(pack: Pack) -> str:
    content = asdict(pack)
    del content["folder"]
    return json.dumps({"format": FORMAT, **content}, indent=2, ensure_ascii=False) + "\n"


def _parse(text: str, folder: Path) -> Pack:
    try:
        content = json.loads(text)
        found = content.pop("format")
        if found == FORMAT and content["family"] == FAMILY:
            return _validated(_from_json(content, folder))
        family = content["family"]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise PackError(f"{folder / MANIFEST} is damaged: {reason}", _REPAIR) from error
    if isinstance(found, int) and found != FORMAT:
        message = f"the pack {folder} has format {found}; this version reads {FORMAT}"
        raise PackError(message, "upgrade repocomp" if found > FORMAT else "export and mix the pack again")
    message = f"the pack {folder} is of the family {family!r}, format {found}"
    raise PackError(message, f"use a pack of the family {FAMILY!r}")


def _from_json(content: dict[str, Any], folder: Path) -> Pack:
    calibration = {mode: Calibration(**values) for mode, values in content["calibration"].items()}
    cache = content["cache"]
    typed = {
        "shape": ModelShape(**content["shape"]),
        "tokens": FimTokens(**content["tokens"]),
        "budgets": Budgets(**content["budgets"]),
        "roles": tuple(content["roles"]),
        "languages": tuple(content["languages"]),
        "cache": CacheMixture(**{**cache, "odds": tuple((one, agree, differ) for one, agree, differ in cache["odds"])}),
        "calibration": calibration,
    }
    return Pack(**{**content, **typed, "folder": folder})


def _validated(pack: Pack) -> Pack:
    """Refuse what would only fail later, far from its cause. Raises ValueError."""
    if not pack.roles or not set(pack.roles) <= set(get_args(Role)):
        raise ValueError(f"roles {pack.roles}")
    if pack.layout not in get_args(Layout):
        raise ValueError(f"layout {pack.layout!r}")
    if not {*MODES} <= pack.thresholds.keys() or not {*MODES} <= pack.calibration.keys():
        raise ValueError(f"thresholds and calibration need the modes {MODES}")
    if not {MODEL, TOKENIZER} <= pack.digests.keys():
        raise ValueError("a digest is missing")
    if any(Path(name).name != name for name in pack.digests):
        raise ValueError("a file lies outside the pack")
    return pack


def _check(path: Path, digest: str) -> None:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PackError(f"the pack lacks {path}: {error.strerror}", _REPAIR) from error
    if digest_of(data) != digest:
        raise PackError(f"{path} is damaged: its digest is not the one in {MANIFEST}", _REPAIR)
