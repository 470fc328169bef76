"""The result of a benchmark: its conditions, every case and their summaries, written and read as one JSON document."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from repocomp import __version__
from repocomp.errors import BenchError
from repocomp.evaluate.cases import Case
from repocomp.evaluate.summary import Summary, summarise
from repocomp.named_files import read_text

FORMAT = 1


class Writer(Protocol):
    """What wrote: a pack, or a server."""

    @property
    def name(self) -> str:
        """What users call it."""

    @property
    def version(self) -> str:
        """Nothing where there is none."""

    @property
    def digest(self) -> str:
        """Its identity."""


@dataclass(frozen=True, slots=True)
class Report:
    """A run: facts that name it, its cases, and summaries: of all, by kind of hole, by tree and language if several."""

    facts: dict[str, Any]
    cases: tuple[Case, ...]
    overall: Summary
    by_kind: dict[str, Summary]
    by_tree: dict[str, Summary]
    by_language: dict[str, Summary]

    @classmethod
    def of(cls, facts: dict[str, Any], cases: Sequence[Case]) -> Report:
        """Sum up at least one case."""
        seed = int(facts["seed"])
        trees = facts.get("repositories", {})
        by_tree = _grouped(cases, seed, lambda case: case.path.partition("/")[0]) if len(trees) > 1 else {}
        is_mixed = len({case.language for case in cases}) > 1
        by_language = _grouped(cases, seed, lambda case: case.language) if is_mixed else {}
        by_kind = _grouped(cases, seed, lambda case: case.kind)
        return cls(facts, tuple(cases), summarise(cases, seed), by_kind, by_tree, by_language)

    @property
    def groups(self) -> dict[str, Summary]:
        """Every summary by its name, that of all cases last."""
        return {**self.by_kind, **self.by_tree, **self.by_language, "all": self.overall}

    def to_json(self) -> dict[str, Any]:
        """Plain values; `load` needs no more than the facts and the cases."""
        return {
            "format": FORMAT,
            "facts": self.facts,
            "overall": self.overall.to_json(),
            "by_kind": {kind: summary.to_json() for kind, summary in self.by_kind.items()},
            "by_tree": {tree: summary.to_json() for tree, summary in self.by_tree.items()},
            "by_language": {name: summary.to_json() for name, summary in self.by_language.items()},
            "cases": [case.to_json() for case in self.cases],
        }


def _grouped(cases: Sequence[Case], seed: int, key: Callable[[Case], str]) -> dict[str, Summary]:
    names = dict.fromkeys(key(case) for case in cases)
    return {name: summarise([case for case in cases if key(case) == name], seed) for name in names}


def facts_of(suite: str, pack: Writer, seed: int, limit: int) -> dict[str, Any]:
    """What a figure must be quoted with: versions, machine, pack, seed."""
    return {
        "suite": suite,
        "repocomp": __version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "pack": {"name": pack.name, "version": pack.version, "digest": pack.digest},
        "seed": seed,
        "limit": limit,
    }


def load(path: Path) -> Report:
    """Read a report that `--json` wrote. Raises BenchError."""
    try:
        content = json.loads(read_text(path))
        content = content.get("data", content)
        if content["format"] != FORMAT:
            raise BenchError(f"{path}: is a report of format {content['format']}; this version reads {FORMAT}")
        return Report.of(content["facts"], [Case.from_json(case) for case in content["cases"]])
    except OSError as error:
        raise BenchError(f"{path}: {error.strerror}", "repocomp bench self --json > " + str(path)) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        hint = "repocomp bench self --json > " + str(path)
        raise BenchError(f"{path}: is not a benchmark report ({type(error).__name__})", hint) from error
