"""A pack: a folder that holds a model and everything one must know to ask it.

* `pack.json`: this manifest: what the model is, how to prompt it, when it retrieves, a digest of every file
* `model.onnx`: the graph with its weights, of a large model the graph alone
* `model.data`: the weights of a large model, which are mapped and never read whole
* `cuda-fp16.onnx`: the same for CUDA, where the pack has it
* `tokenizer.json`: the vocabulary
* `encoder.onnx`: from tokens to vectors, where the pack has it

A pack plays *generator*, *policy* or both. Packs are written once and never changed: into a temporary folder,
then renamed. Loading checks every file (`integrity`), so a damaged copy is an error and never a strange completion.
"""

from __future__ import annotations

import math
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from repocomp.errors import PackError
from repocomp.model.families import FAMILY, OUR_TOKENS, ControlTokens, FimTokens
from repocomp.model.home import packs_folder
from repocomp.model.integrity import REPAIR, check_files, digest_of, file_digest, read_bounded, remember
from repocomp.model.shape import ModelShape

MANIFEST, MODEL, MODEL_DATA, TOKENIZER = "pack.json", "model.onnx", "model.data", "tokenizer.json"
CUDA_MODEL = "cuda-fp16.onnx"
"""Optional: on CUDA the attention operator wants 16-bit floats, so one graph does not serve both."""
ENCODER = "encoder.onnx"
"""Optional: without it there are no vectors, and retrieval goes by words alone."""
BUILT_IN = Path(__file__).parent / "packs"

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
        from repocomp.model.manifest import manifest_text

        others = {name: digest for name, digest in self.digests.items() if name != ENCODER}
        return digest_of(manifest_text(replace(self, digests=others)).encode())


def load_pack(name_or_path: str | Path) -> Pack:
    """Open a pack by its name, or by its folder. Raises PackError with what fixes it.

    A bare name never means a folder of the working directory; write `./name` for that.
    """
    from repocomp.model.manifest import parse_manifest

    folder = folder_of(name_or_path)
    try:
        text = read_bounded(folder / MANIFEST, _MANIFEST_BYTES).decode()
    except (FileNotFoundError, NotADirectoryError) as error:
        known = ", ".join(pack_names()) or "none is built in"
        hint = f"name a folder that holds a {MANIFEST}, or a pack (there are: {known})"
        raise PackError(f"there is no model pack {str(name_or_path)!r}", hint) from error
    except (OSError, UnicodeDecodeError) as error:
        raise PackError(f"cannot read {folder / MANIFEST}: {error}", REPAIR) from error
    pack = parse_manifest(text, folder)
    check_files(folder, pack.digests)
    return pack


def built_in_packs() -> list[str]:
    """Names of the packs that ship with the package."""
    return _names_in(BUILT_IN)


def added_packs() -> list[str]:
    """Names of the packs that the user added."""
    return [name for name in _names_in(packs_folder()) if is_name(name)]


def pack_names() -> list[str]:
    """Names of all packs, the built-in ones first."""
    return [*built_in_packs(), *(name for name in added_packs() if name not in built_in_packs())]


def is_name(text: str) -> bool:
    """Whether `text` may name a pack; anything else is a path."""
    return _NAME.fullmatch(text) is not None


def folder_of(name_or_path: str | Path) -> Path:
    """Where a pack lies: a built-in or an added one by its name, any other by its path."""
    if not isinstance(name_or_path, str) or not is_name(name_or_path):
        return Path(name_or_path).expanduser()
    built_in = BUILT_IN / name_or_path
    return built_in if (built_in / MANIFEST).exists() else packs_folder() / name_or_path


def write_pack(pack: Pack, files: Mapping[str, bytes]) -> Pack:
    """Write `pack` and its files to `pack.folder`, replacing what is there; returns it with its digests.

    Raises PackError where a file that a pack needs is not given.
    """
    if missing := {MODEL, TOKENIZER} - files.keys():
        raise PackError(f"a pack needs {', '.join(sorted(missing))}")
    with new_folder(pack.folder) as folder:
        for name, data in files.items():
            (folder / name).write_bytes(data)
        return seal(pack, folder)


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """An empty folder that takes the place of `target` where the block ends well, and else is removed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as temporary:
        fresh, stale = Path(temporary, "new"), Path(temporary, "old")
        fresh.mkdir()
        yield fresh
        if target.exists():
            target.rename(stale)
        fresh.rename(target)


def seal(pack: Pack, folder: Path) -> Pack:
    """Digest the files in `folder` and write the manifest of `pack` beside them; returns it with its digests."""
    from repocomp.model.manifest import manifest_text

    digests = {path.name: file_digest(path) for path in sorted(folder.iterdir()) if path.name != MANIFEST}
    pack = replace(pack, digests=digests)
    (folder / MANIFEST).write_text(manifest_text(pack), "utf-8")
    return pack


def remember_files(pack: Pack) -> None:
    """Spare the next start the digests of large files that were written just now."""
    for name, digest in pack.digests.items():
        remember(pack.folder / name, digest)


def remove_pack(name: str) -> None:
    """Remove a pack that the user added. Raises PackError where there is none of that name."""
    if name not in added_packs():
        hint = "it ships with the package" if name in built_in_packs() else f"there are: {', '.join(added_packs())}"
        raise PackError(f"no pack {name!r} was added", hint)
    shutil.rmtree(packs_folder() / name)


def _names_in(folder: Path) -> list[str]:
    return sorted(path.parent.name for path in folder.glob(f"*/{MANIFEST}"))
