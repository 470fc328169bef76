"""A recipe: everything that decides what a pack becomes, in one TOML file, so that a pack can be made again."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repocomp.errors import TrainError
from repocomp.model.pack import Budgets
from repocomp.model.shape import ModelShape
from repocomp.named_files import read_text

BUILT_IN = Path(__file__).parent / "recipes"


@dataclass(frozen=True, slots=True)
class Mixture:
    """What training rows are made of; all are shares in 0..1.

    `fim` of the examples are to be filled in, `spm` of those in suffix-first order, `retrieved` of them with cross-file
    context, of which `wrong` is drawn at random.
    """

    fim: float = 0.7
    spm: float = 0.75
    retrieved: float = 0.45
    wrong: float = 0.15


@dataclass(frozen=True, slots=True)
class Phase:
    """Rows of `tokens` tokens each, `rows` of them, read `batch` at a time; begins at `start` of the run (0..1)."""

    tokens: int
    rows: int
    batch: int
    start: float


@dataclass(frozen=True, slots=True)
class Schedule:
    """Warm-up, stable, decay by share of the time budget; learning rates of Muon and AdamW."""

    warmup_steps: int = 60
    decay_share: float = 0.3
    muon_rate: float = 0.02
    adam_rate: float = 4e-3
    batch_tokens: tuple[int, ...] = (8192, 12288, 16384)


@dataclass(frozen=True, slots=True)
class Labelling:
    """Holes asked of each repository: to tune on, to calibrate on, to fit the n-gram mixture; and passes of tuning."""

    holes: int = 60
    validation_holes: int = 100
    mix_holes: int = 30
    epochs: int = 2


@dataclass(frozen=True, slots=True)
class Recipe:
    """One pack's recipe. `digest` is that of its content: equal for equal recipes, whatever their comments."""

    name: str
    seed: int
    shape: ModelShape
    budgets: Budgets
    mixture: Mixture
    phases: tuple[Phase, ...]
    schedule: Schedule
    labelling: Labelling
    bytes_each: int
    validation: frozenset[str]
    held_out: frozenset[str]
    excluded: frozenset[str]
    digest: str

    def split_of(self, repository: str) -> str:
        """Whole repositories go to one split: train unless the recipe names them."""
        if repository in self.held_out:
            return "held_out"
        return "validation" if repository in self.validation else "train"


def load_recipe(name_or_path: str) -> Recipe:
    """A built-in recipe by name, or a file. Raises TrainError, naming what is wrong."""
    built_in = BUILT_IN / f"{name_or_path}.toml"
    path = built_in if built_in.exists() else Path(name_or_path)
    try:
        content = _content(path)
        return Recipe(
            name=content["name"],
            seed=content["seed"],
            shape=ModelShape(**content["shape"]),
            budgets=Budgets(**content["budgets"]),
            mixture=Mixture(**content["mixture"]),
            phases=tuple(Phase(**phase) for phase in content["phase"]),
            schedule=Schedule(**{**content["schedule"], "batch_tokens": tuple(content["schedule"]["batch_tokens"])}),
            labelling=Labelling(**content.get("labelling", {})),
            bytes_each=content["corpus"]["bytes_each"],
            validation=frozenset(content["corpus"]["validation"]),
            held_out=frozenset(content["corpus"]["held_out"]),
            excluded=frozenset(content["corpus"]["excluded"]),
            digest=hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=8).hexdigest(),
        )
    except OSError as error:
        names = ", ".join(sorted(recipe.stem for recipe in BUILT_IN.glob("*.toml")))
        raise TrainError(f"there is no recipe {name_or_path!r}", f"name a file, or one of: {names}") from error
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise TrainError(f"{path}: {type(error).__name__}: {error}", "compare it with a built-in recipe") from error


def _content(path: Path) -> dict[str, Any]:
    """The tables of a recipe. Where its corpus is `like` that of a built-in recipe, it has the same splits."""
    content = tomllib.loads(read_text(path))
    corpus = content["corpus"]
    if "like" in corpus:
        content["corpus"] = {**_content(BUILT_IN / f"{corpus['like']}.toml")["corpus"], **corpus}
    return content
