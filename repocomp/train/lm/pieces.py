"""Weights in pieces small enough to be carried from a borrowed machine, and put together again.

Weights alone, rounded to bfloat16: half the bytes, and training goes on from them after a warm-up. Their high bytes,
sign and exponent, take few values, so a Huffman code saves a third of all in a second or two; the low bytes are noise.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import zlib
from dataclasses import asdict
from math import prod
from pathlib import Path

import numpy as np
import torch

from repocomp.errors import TrainError
from repocomp.model.shape import ModelShape, weight_shapes
from repocomp.named_files import read_regular
from repocomp.train.lm.checkpoint import read_checkpoint, write_checkpoint

MANIFEST = "pieces.json"
PIECE_BYTES = 16 * 2**20
_HINT = "repocomp train pieces CHECKPOINT FOLDER"


def write_pieces(checkpoint: Path, folder: Path, piece_bytes: int = PIECE_BYTES) -> list[Path]:
    """Write the weights of `checkpoint` as files of at most `piece_bytes`, and a manifest, in place of older ones."""
    saved = read_checkpoint(checkpoint)
    shape = ModelShape(**saved["shape"])
    flat = torch.cat([saved["model"][name].flatten() for name in weight_shapes(shape)])
    planes = flat.bfloat16().view(torch.int16).numpy().view(np.uint8).reshape(-1, 2)
    content = _coded(planes[:, 1].tobytes()) + planes[:, 0].tobytes()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    files = []
    for number, start in enumerate(range(0, len(content), piece_bytes)):
        files.append(folder / f"weights.{number:02d}")
        files[-1].write_bytes(content[start : start + piece_bytes])
    manifest = {
        "shape": asdict(shape),
        "tokens": saved.get("state", {}).get("tokens"),
        "files": [file.name for file in files],
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    return [folder / MANIFEST, *files]


def join_pieces(folder: Path, checkpoint: Path) -> None:
    """Put the pieces in `folder` together and write `checkpoint`. Raises TrainError when one is missing or damaged."""
    try:
        manifest = json.loads(read_regular(folder / MANIFEST))
        content = b"".join(read_regular(folder / name) for name in manifest["files"])
    except (OSError, ValueError, KeyError) as error:
        raise TrainError(f"{folder}: the pieces are not complete: {error}", _HINT) from error
    if hashlib.sha256(content).hexdigest() != manifest["sha256"]:
        raise TrainError(f"{folder}: a piece is damaged", _HINT)
    shape = ModelShape(**manifest["shape"])
    decoder = zlib.decompressobj()
    high = decoder.decompress(content)
    planes = np.stack([np.frombuffer(plane, np.uint8) for plane in (decoder.unused_data, high)], axis=1)
    flat = torch.from_numpy(planes.reshape(-1).view(np.int16)).view(torch.bfloat16).float()
    sizes = weight_shapes(shape)
    parts = torch.split(flat, [prod(size) for size in sizes.values()])
    model = {name: part.reshape(size).clone() for (name, size), part in zip(sizes.items(), parts, strict=True)}
    write_checkpoint(checkpoint, {"model": model, "shape": asdict(shape)})


def _coded(plane: bytes) -> bytes:
    coder = zlib.compressobj(strategy=zlib.Z_HUFFMAN_ONLY)
    return coder.compress(plane) + coder.flush()
