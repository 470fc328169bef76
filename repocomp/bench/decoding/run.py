"""The engine against llama.cpp: the same weights, the same number of threads, in turns within one run.

Prefill is a prompt read from nothing; decoding is one token at a time behind it, its choice by argmax included here
and, as llama-bench has it, left out there. What lookup guesses save is measured where it is used: on real
completions, whose retrieval cannot see the answer, everything around the model's runs included.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from repocomp.bench.decoding.llama import KEPT_NATS, Llama, Speed
from repocomp.bench.holes import draw
from repocomp.bench.report import facts_of
from repocomp.complete.parts import IndexRetriever, Parts
from repocomp.complete.pipeline import complete
from repocomp.errors import BenchError, StoreError
from repocomp.evaluate.counterfactual import BlindRetriever
from repocomp.evaluate.holes import Hole
from repocomp.generate.local.decode import DRAFT_TOKENS, Ids, LanguageModel, Logits, prefill
from repocomp.generate.local.generator import LocalGenerator
from repocomp.generate.local.kv_cache import KvCache, KvCaches
from repocomp.generate.local.wrapped import WrappedModel
from repocomp.model.graph.reference import agreement as top1
from repocomp.model.graph.reference import divergence
from repocomp.model.library import load_pack
from repocomp.model.opening import open_session
from repocomp.model.tokenizer import Tokenizer
from repocomp.progress import OnProgress, Progress, ignore
from repocomp.request import CompletionOptions, CompletionRequest
from repocomp.store.index.reader import IndexReader

THREADS = 2
PROMPT, WRITTEN = 512, 64
ROUNDS = 5
_MISSING = "llama-bench is missing: only this side was measured; say where it is with --llama-bench PATH"
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Our next-token distributions against llama.cpp's of a format, over `positions` of one text.

    `top1` is the share of positions with the same first choice, `kl` the mean divergence from llama.cpp's, in nats.
    """

    positions: int
    top1: float
    kl: float


@dataclass(frozen=True, slots=True)
class Completions:
    """Decoding on real completions with guesses from lookup, and `plain` without any.

    Milliseconds per token are of the whole loop, `runs` of the model's share of it. `differing` counts answers that
    guesses changed; it should be 0.
    """

    requests: int
    tokens: int
    tokens_per_run: float
    ms_per_token: float
    runs_ms_per_token: float
    plain_ms_per_token: float
    plain_runs_ms_per_token: float
    differing: int


@dataclass(frozen=True, slots=True)
class Engines:
    """A run: facts that name it, our speed and llama.cpp's by format, and ratios: above 1 we are faster."""

    facts: dict[str, Any]
    ours: Speed
    llama: dict[str, Speed]
    agreement: dict[str, Agreement]
    completions: Completions
    ratios: dict[str, float]
    missing: str | None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Watched(WrappedModel):
    """A model that notes down of each of its runs: tokens held before it, and seconds."""

    runs: list[tuple[int, float]] = field(default_factory=list)

    def run(self, ids: Ids, past: int, buffers: Any, keep: int) -> Logits:  # noqa: ANN401
        started = time.perf_counter()
        rows = self.inner.run(ids, past, buffers, keep)
        self.runs.append((past, time.perf_counter() - started))
        return rows


@dataclass(frozen=True, slots=True)
class _Decoded:
    """One completion: tokens that took a run, runs, milliseconds in all and in the model."""

    text: str
    tokens: int
    runs: int
    ms: float
    runs_ms: float


def bench_engine(
    root: Path,
    pack_name: str,
    limit: int,
    seed: int,
    llama_bench: Path | None,
    gguf: Path | None = None,
    progress: OnProgress = ignore,
) -> Engines:
    """Measure with completions of the indexed work tree `root`, beside the llama.cpp of `llama_bench` if there is one.

    llama.cpp runs the model in the file `gguf`, else the weights of the pack, converted. Raises StoreError without
    an index, BenchError where llama.cpp does not run, PackError.
    """
    pack = load_pack(pack_name)
    holes, _ = draw(root, limit, seed)
    session = open_session(pack, THREADS)
    generator = LocalGenerator(pack, Tokenizer.load(pack), session, KvCaches(session))
    facts = {**facts_of("engine", pack, seed, limit), "threads": THREADS, "precision": pack.precision}
    facts |= {"prompt_tokens": PROMPT, "written_tokens": WRITTEN, "rounds": ROUNDS}
    facts["load_average"] = [round(load, 1) for load in os.getloadavg()] if hasattr(os, "getloadavg") else None
    text = max((hole.document for hole in holes), key=lambda document: len(document.data)).data
    ids = _tiled(generator.tokenizer.encode(text.decode(errors="replace")), PROMPT)
    with TemporaryDirectory() as folder:
        llama = None if llama_bench is None else Llama.prepared(llama_bench, pack, gguf, Path(folder), THREADS)
        speeds, build = _in_turns(session, llama, ids)
        agreement = {} if llama is None else _agreement(session, llama, text, Path(folder))
    completions = _completions(root, holes, generator, progress)
    ours = speeds.pop("ours")
    ratios = _ratios(ours, speeds, completions)
    return Engines(
        {**facts, "llama.cpp": build}, ours, speeds, agreement, completions, ratios, _MISSING if llama is None else None
    )


def _tiled(ids: list[int], length: int) -> list[int]:
    """`length` ids: those of the text, again and again where it is short."""
    return (ids * -(-length // len(ids)))[:length]


def _in_turns(session: LanguageModel, llama: Llama | None, ids: list[int]) -> tuple[dict[str, Speed], str | None]:
    """The best speed of each side over some rounds, and what names llama.cpp's build.

    What else a machine does only ever slows down, and slows down most what waits for its other thread by spinning.
    """
    measured: dict[str, list[Speed]] = {"ours": [], **{kind: [] for kind in ([] if llama is None else llama.timed)}}
    build = None
    _speed(session, ids)
    for _ in range(ROUNDS):
        measured["ours"].append(_speed(session, ids))
        if llama is not None:
            for kind in llama.timed:
                speed, build = llama.measure(kind, PROMPT, WRITTEN)
                measured[kind].append(speed)
    return {name: _best(speeds) for name, speeds in measured.items()}, build


def _best(speeds: Sequence[Speed]) -> Speed:
    prefill, decode = max(s.prefill_tokens_per_s for s in speeds), min(s.decode_ms for s in speeds)
    return Speed(round(prefill, 1), round(decode, 4))


def _speed(model: LanguageModel, ids: list[int]) -> Speed:
    cache = KvCache.of(model)
    started = time.perf_counter()
    row = prefill(model, cache, ids)
    read = time.perf_counter()
    for _ in range(WRITTEN):
        row = prefill(model, cache, [int(row[-1].argmax())])
    written = time.perf_counter()
    return Speed(len(ids) / (read - started), 1000 * (written - read) / WRITTEN)


def _agreement(session: LanguageModel, llama: Llama, text: bytes, folder: Path) -> dict[str, Agreement]:
    sample = folder / "text"
    sample.write_bytes(text * (1 + 8192 // len(text)))
    found = {}
    for kind in llama.models:
        ids, theirs = llama.log_probabilities(kind, sample)
        rows = prefill(session, KvCache.of(session), ids.tolist(), keep=len(ids))
        found[kind] = agreement(rows[len(ids) // 2 :][: len(theirs)], theirs)
    return found


def agreement(ours: Floats, theirs: Floats) -> Agreement:
    """Compare logits [n, V] with log-probabilities [n, V] that end `KEPT_NATS` below the first of their row.

    Both are cut there: of 150,000 unlikely tokens that llama.cpp lifts to that floor, each adds to the divergence.
    """
    cut = [np.maximum(rows, rows.max(-1, keepdims=True) - KEPT_NATS) for rows in (theirs, ours)]
    return Agreement(len(ours), round(top1(theirs, ours), 4), round(divergence(*cut), 6))


def _completions(root: Path, holes: Sequence[Hole], generator: LocalGenerator, progress: OnProgress) -> Completions:
    reader = IndexReader.open(root)
    if reader is None:
        raise StoreError(f"{root}: has no index", "repocomp index")
    found: dict[int, list[_Decoded]] = {DRAFT_TOKENS: [], 0: []}
    with closing(reader):
        for number, hole in enumerate(holes):
            # In turns, so that neither way always comes first.
            for guesses in list(found) if number % 2 else list(reversed(found)):
                found[guesses].append(_decoded(hole, generator, guesses, reader))
            progress(Progress(number + 1, len(holes), "completing"))
    guessed, plain = found[DRAFT_TOKENS], found[0]
    tokens = sum(one.tokens for one in plain)
    if not tokens:
        raise BenchError("nothing was written at the places drawn", "add --limit 50, or --seed 1")
    return Completions(
        requests=len(holes),
        tokens=tokens,
        tokens_per_run=round(tokens / max(1, sum(one.runs for one in guessed)), 3),
        ms_per_token=round(sum(one.ms for one in guessed) / tokens, 4),
        runs_ms_per_token=round(sum(one.runs_ms for one in guessed) / tokens, 4),
        plain_ms_per_token=round(sum(one.ms for one in plain) / tokens, 4),
        plain_runs_ms_per_token=round(sum(one.runs_ms for one in plain) / tokens, 4),
        differing=sum(one.text != other.text for one, other in zip(guessed, plain, strict=True)),
    )


def _decoded(hole: Hole, generator: LocalGenerator, draft_tokens: int, reader: IndexReader) -> _Decoded:
    model = _Watched(generator.model)
    loaded = replace(generator, model=model, caches=KvCaches(model), draft_tokens=draft_tokens)
    parts = Parts(loaded, loaded, BlindRetriever(IndexRetriever(reader), hole))
    document = hole.opened
    cursor = document.at_offset(hole.start)
    completion = complete(CompletionRequest(document, cursor, None, CompletionOptions(mode=hole.mode)), parts)
    runs = [seconds for past, seconds in model.runs if past >= completion.tokens.prompt]
    # The first token comes from the prompt's own run, the one that ends the answer counts as one that took a run.
    tokens = max(0, completion.tokens.generated - (completion.stop_reason != "end"))
    # Without what may be copied there were no guesses and another answer.
    spent = completion.timings_ms.copy + completion.timings_ms.decode
    return _Decoded(completion.text, tokens, len(runs), spent, 1000 * sum(runs))


def _ratios(ours: Speed, llama: dict[str, Speed], completions: Completions) -> dict[str, float]:
    """Ours over theirs for prefill, theirs over ours for times; "best" is the faster format of the two."""
    ratios = {"decode with guesses / without": completions.plain_ms_per_token / completions.ms_per_token}
    if llama:
        prefills = {kind: speed.prefill_tokens_per_s for kind, speed in llama.items()}
        decodes = {kind: speed.decode_ms for kind, speed in llama.items()}
        prefills["best"], decodes["best"] = max(prefills.values()), min(decodes.values())
        ratios |= {f"prefill / {kind}": ours.prefill_tokens_per_s / theirs for kind, theirs in prefills.items()}
        ratios |= {f"decode / {kind}": theirs / ours.decode_ms for kind, theirs in decodes.items()}
        ratios |= {f"decode with guesses / {kind}": ms / completions.ms_per_token for kind, ms in decodes.items()}
    return {name: round(value, 2) for name, value in ratios.items()}
