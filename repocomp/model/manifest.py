"""The text of a pack's manifest: written, read, and refused where anything in it does not fit.

A manifest may come from anywhere, so what would only fail later, far from its cause, fails here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from repocomp.errors import PackError
from repocomp.model.families import FAMILY, ControlTokens
from repocomp.model.integrity import REPAIR
from repocomp.model.pack import (
    FORMAT,
    MANIFEST,
    MODEL,
    MODES,
    OLD_FORMAT,
    TOKENIZER,
    Budgets,
    CacheMixture,
    Calibration,
    Layout,
    Pack,
    Role,
)
from repocomp.model.shape import ModelShape

_MOST = 1 << 24
_MOST_CACHE_BYTES = 1 << 36


def parse_manifest(text: str, folder: Path) -> Pack:
    """The pack that the manifest `text` in `folder` tells of. Raises PackError."""
    try:
        content = json.loads(text)
        found = content.pop("format")
        if found in (OLD_FORMAT, FORMAT):
            return _validated(_from_json(content, folder))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise PackError(f"{folder / MANIFEST} is damaged: {reason}", REPAIR) from error
    if not isinstance(found, int):
        raise PackError(f"{folder / MANIFEST} is damaged: it is of format {found}", REPAIR)
    message = f"the pack {folder} has format {found}; this version reads {OLD_FORMAT} and {FORMAT}"
    raise PackError(message, "upgrade repocomp" if found > FORMAT else "export and mix the pack again")


def _from_json(content: dict[str, Any], folder: Path) -> Pack:
    calibration = {mode: Calibration(**values) for mode, values in content["calibration"].items()}
    cache, shape, tokens = content["cache"], content["shape"], content.pop("tokens")
    typed = {
        "shape": ModelShape(**{**shape, "rope_factors": tuple(shape.get("rope_factors", ()))}),
        "control": ControlTokens(**{**tokens, "stops": tuple(tokens.get("stops", ()))}),
        "budgets": Budgets(**content["budgets"]),
        "roles": tuple(content["roles"]),
        "languages": tuple(content["languages"]),
        "cache": CacheMixture(**{**cache, "odds": tuple((one, agree, differ) for one, agree, differ in cache["odds"])}),
        "calibration": calibration,
    }
    return Pack(**{**content, **typed, "folder": folder})


def _validated(pack: Pack) -> Pack:
    """Refuse what would only fail later. Raises ValueError."""
    if not pack.roles or not set(pack.roles) <= set(get_args(Role)):
        raise ValueError(f"roles {pack.roles}")
    if pack.layout not in get_args(Layout):
        raise ValueError(f"layout {pack.layout!r}")
    if not {*MODES} <= pack.thresholds.keys() or not {*MODES} <= pack.calibration.keys():
        raise ValueError(f"thresholds and calibration need the modes {MODES}")
    if not {MODEL, TOKENIZER} <= pack.digests.keys():
        raise ValueError("a digest is missing")
    if any(Path(name).name != name or "\\" in name for name in pack.digests):
        raise ValueError("a file lies outside the pack")
    if not all(isinstance(text, str) for text in (pack.name, pack.version, pack.family, *pack.digests.values())):
        raise ValueError("a name is no text")
    _check_shape(pack.shape)
    _check_tokens(pack)
    return pack


def _check_shape(shape: ModelShape) -> None:
    sizes: Mapping[str, object] = asdict(shape)
    for name in ("vocab_size", "d_model", "n_layers", "n_heads", "n_kv_heads", "d_ff", "max_context"):
        _check_number(name, sizes[name], 1)
    _check_number("head_size", shape.head_size, 0)
    if shape.cache_bytes > _MOST_CACHE_BYTES:
        raise ValueError(f"its keys and values take {shape.cache_bytes:,} bytes")
    for name, value in (("rope_theta", shape.rope_theta), ("norm_eps", shape.norm_eps)):
        if not isinstance(value, int | float) or not 0 < value < math.inf:
            raise ValueError(f"{name} {value!r}")


def _check_tokens(pack: Pack) -> None:
    for token in pack.control.all:
        _check_number("a control token", token, 0)
        if token >= pack.shape.vocab_size:
            raise ValueError(f"control token {token} is not among {pack.shape.vocab_size} tokens")
    if pack.family == FAMILY and pack.control.with_decision() is None:
        raise ValueError("a control token is missing")
    if not pack.control.stop_ids:
        raise ValueError("no token ends an answer")
    for name, value in asdict(pack.budgets).items():
        _check_number(f"budget {name}", value, 0)


def _check_number(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value < _MOST:
        raise ValueError(f"{name} {value!r}")
