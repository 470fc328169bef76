"""How sure answers are in one repository: a slope and an offset on the shipped confidence, learned and kept in a file.

What cannot be read, or is of another generator, leaves the shipped confidence.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Recalibration:
    """Log-odds of a confidence become `slope` times as large, plus `offset` (nats), for the generator `pack` (digest).

    It was learned from so many `answers`.
    """

    pack: str
    slope: float
    offset: float
    answers: int


def load_recalibration(path: Path | None, pack: str) -> Recalibration | None:
    """What was learned for the generator with the digest `pack`, if anything. Raises nothing."""
    if path is None:
        return None
    try:
        content = json.loads(path.read_bytes())
        found = Recalibration(
            str(content["pack"]), float(content["slope"]), float(content["offset"]), int(content["answers"])
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    is_sound = math.isfinite(found.offset) and 0 < found.slope < math.inf
    return found if is_sound and found.pack == pack else None


def write_recalibration(path: Path, found: Recalibration | None) -> None:
    """Keep it at `path`, all or nothing; None: go back to what is shipped. Raises OSError."""
    if found is None:
        path.unlink(missing_ok=True)
        return
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        fresh.write_text(json.dumps(asdict(found)), encoding="utf-8")
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
