"""From a keystroke to its completion, as an editor sees it: one real process per key, against real daemons.

Three ways of asking, each under every policy: a *process* without a daemon; a *place* never seen before, asked of a
daemon; *typing* in a row, at several places. Each policy has a daemon of its own, so none profits from another's cache,
and the policies take turns at every key, beside a bare `python -c pass`, so that what else the machine does meets all
of them. Seconds depend on the machine and on the hour; ratios within one run are what to quote.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from repocomp.bench.holes import draw
from repocomp.bench.processes import daemons, timed
from repocomp.bench.report import facts_of
from repocomp.bench.units import unit_of
from repocomp.document import Document
from repocomp.errors import BenchError
from repocomp.model.library import load_pack
from repocomp.process import command, environment, python
from repocomp.progress import OnProgress, Progress, ignore

POLICIES = ("never", "threshold", "always")
WAYS = ("process", "place", "typing")
_CHECK_EVERY = 20
"""At every so many keys a process without a daemon answers too: a cold start, and the text to compare with."""
_TYPED_PLACES = 8
"""So many files are typed in at most: what is typed on through an answer depends much on where."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One request: wall-clock and processor milliseconds of the client, and what the answer says of itself.

    `is_rest`: typed-through text, answered without the model.
    """

    way: str
    policy: str
    wall_ms: float
    client_cpu_ms: float
    timings_ms: Mapping[str, float]
    tokens: Mapping[str, int]
    is_retrieved: bool
    is_rest: bool
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """Samples of one way and policy summed up. Milliseconds; `wall` is of all of them, the rest without `rests`.

    `silent` are those that show nothing.

    `client` is what passes around the answer: the start of a process, and the way there and back. Cached shares of
    prompt tokens are of all requests, rests too, then without rests: of all, of those that retrieved, and of those
    that did not (None: there were none).
    """

    way: str
    policy: str
    requests: int
    rests: int
    silent: int
    retrieved: int
    wall_p50: float
    wall_p95: float
    written_p50: float
    written_p95: float
    answer_p50: float
    answer_p95: float
    prefill_p50: float
    prefill_p95: float
    decode_p50: float
    client_p50: float
    cached_with_rests_percent: float | None
    cached_percent: float | None
    cached_retrieved_percent: float | None
    cached_skipped_percent: float | None


@dataclass(frozen=True, slots=True)
class Latency:
    """A run: facts that name it, its rows, the client against bare Python, and its ratios.

    `differing` counts texts that a process without a daemon wrote otherwise; it should be 0. `prefill_saved_ms` is what
    selecting saves of the prefill of always retrieving, on average, by way.
    """

    facts: dict[str, Any]
    rows: tuple[Row, ...]
    bare_ms: tuple[float, float]
    client_cpu_ms: float
    bare_cpu_ms: float
    compared: int
    differing: int
    ratios: dict[str, float]
    prefill_saved_ms: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Key:
    """A buffer, and a cursor in it behind so many characters that were `typed` there."""

    path: str
    data: bytes
    offset: int
    typed: int = 0

    def arguments(self, policy: str) -> list[str]:
        how = ["--select", policy] if policy == "threshold" else ["--retrieve", policy]
        return ["complete", f"-:#{self.offset}", "--stdin-filename", self.path, "--json", "--exit-zero", *how]


def bench_latency(
    root: Path,
    pack: str = "default",
    keys: int = 200,
    places: int = 20,
    seed: int = 0,
    progress: OnProgress = ignore,
    policy: str | None = None,
) -> Latency:
    """Measure in an indexed work tree a pack for which a `policy` or itself decides.

    Raises StoreError without an index, BenchError where nothing can be typed.
    """
    packs = ("--policy", policy or pack, "--generator", pack)
    holes, _ = draw(root, places, seed, ("midline",))
    typed = _typing([hole.document for hole in holes], keys)
    spots = [_Key(hole.document.path, hole.opened.data, hole.start) for hole in holes]
    samples: list[Sample] = []
    bare: list[tuple[float, float]] = []
    differing: list[bool] = []
    with daemons(POLICIES) as met:
        for number, key in enumerate([*spots, *typed]):
            asked = {rule: _ask(root, key, rule, packs, where) for rule, where in met.items()}
            bare.append(timed(python("pass"), root, b"", environment())[:2])
            samples += [_sample("typing" if key.typed else "place", rule, *one) for rule, one in asked.items()]
            if number % _CHECK_EVERY == 0:
                alone = {rule: _sample("process", rule, *_ask(root, key, rule, packs, None)) for rule in met}
                latest = {sample.policy: sample for sample in samples[-len(alone) :]}
                differing += [latest[p].text != one.text for p, one in alone.items() if not latest[p].is_rest]
                samples += alone.values()
            progress(Progress(number + 1, len(spots) + len(typed), "typing"))
    typed_in = [key.path for key in typed if not key.typed]
    facts = {**facts_of("latency", load_pack(pack), seed, places), "policy": policy or pack}
    facts |= {"typed_in": typed_in, "keys": keys}
    return _summed(facts, samples, bare, differing)


def _typing(documents: Sequence[Document], keys: int) -> list[_Key]:
    """`keys` characters typed one by one, shared among several files, into each where its unit stood.

    The first key of each file has nothing typed yet. Behind the cursor a line ends, as where people write.
    """
    each = {document.path: document for document in documents}.values()
    for places in range(min(_TYPED_PLACES, keys), 0, -1):
        units = ((document, unit) for document in each if (unit := unit_of(document, -(-keys // places))))
        found = list(islice(units, places))
        if len(found) < places:
            continue
        ends = [keys * number // places for number in range(places + 1)]
        return [
            _Key(document.path, document.data[: start + n] + document.data[end - 1 :], start + n, typed=n)
            for (document, (start, end)), first, last in zip(found, ends, ends[1:], strict=False)
            for n in range(last - first + 1)
        ]
    raise BenchError(f"no file drawn is long enough to type {keys} characters into", "add --keys 50, or --seed 1")


def _ask(
    root: Path, key: _Key, rule: str, packs: Sequence[str], where: Mapping[str, str] | None
) -> tuple[float, float, dict[str, Any]]:
    """Ask the daemon met in `where` (None: no daemon). Wall-clock and processor milliseconds, and the answer."""
    asking = command(*key.arguments(rule), *packs, "--daemon", "never" if where is None else "auto")
    wall, cpu, out = timed(asking, root, key.data, where or environment())
    answer: dict[str, Any] = json.loads(out)
    if answer["data"] is None:
        raise BenchError(answer["errors"][0]["message"], answer["errors"][0]["hint"])
    return wall, cpu, answer["data"]


def _sample(way: str, policy: str, wall: float, cpu: float, data: Mapping[str, Any]) -> Sample:
    is_retrieved = data["retrieval"]["decision"] == "used"
    is_rest = data["continues"] is not None
    return Sample(way, policy, wall, cpu, data["timings_ms"], data["tokens"], is_retrieved, is_rest, data["text"])


def _summed(
    facts: dict[str, Any],
    samples: Sequence[Sample],
    bare: Sequence[tuple[float, float]],
    differing: Sequence[bool],
) -> Latency:
    groups = {
        (way, policy): [sample for sample in samples if (sample.way, sample.policy) == (way, policy)]
        for way in WAYS
        for policy in POLICIES
    }
    rows = {key: _row(*key, group) for key, group in groups.items() if group}
    clients = [sample.client_cpu_ms for sample in samples if sample.way == "typing"]
    return Latency(
        facts=facts,
        rows=tuple(rows.values()),
        bare_ms=(_percentile([wall for wall, _ in bare], 50), _percentile([wall for wall, _ in bare], 95)),
        client_cpu_ms=_percentile(clients, 50),
        bare_cpu_ms=_percentile([cpu for _, cpu in bare], 50),
        compared=len(differing),
        differing=sum(differing),
        ratios=_ratios(groups),
        prefill_saved_ms=_prefill_saved(groups),
    )


def _row(way: str, policy: str, samples: Sequence[Sample]) -> Row:
    written = [sample for sample in samples if not sample.is_rest]
    walls = [sample.wall_ms for sample in samples]
    written_walls = [sample.wall_ms for sample in written]

    def step(name: str, percent: int) -> float:
        return _percentile([sample.timings_ms[name] for sample in written], percent)

    return Row(
        way,
        policy,
        len(samples),
        len(samples) - len(written),
        sum(not sample.text for sample in samples),
        sum(sample.is_retrieved for sample in written),
        _percentile(walls, 50),
        _percentile(walls, 95),
        _percentile(written_walls, 50),
        _percentile(written_walls, 95),
        step("total", 50),
        step("total", 95),
        step("prefill", 50),
        step("prefill", 95),
        step("decode", 50),
        _percentile([sample.wall_ms - sample.timings_ms["total"] for sample in written], 50),
        _cached(samples),
        _cached(written),
        _cached([sample for sample in written if sample.is_retrieved]),
        _cached([sample for sample in written if not sample.is_retrieved]),
    )


def _cached(samples: Sequence[Sample]) -> float | None:
    """With retrieval well under 100: a token typed before the cross-file context has all of it read again."""
    prompt = sum(sample.tokens["prompt"] for sample in samples)
    return round(100 * sum(sample.tokens["cached"] for sample in samples) / prompt, 1) if prompt else None


def _ratios(groups: Mapping[tuple[str, str], Sequence[Sample]]) -> dict[str, float]:
    """Times of always retrieving over those of selecting, by what the client waits; and cold over warm."""

    def mean(way: str, policy: str) -> float:
        return float(np.mean([sample.wall_ms for sample in groups[way, policy]] or [np.nan]))

    ratios = {f"always / threshold, {way}": mean(way, "always") / mean(way, "threshold") for way in WAYS}
    warm = {f"process / {way}, threshold": mean("process", "threshold") / mean(way, "threshold") for way in WAYS[1:]}
    return {name: round(value, 2) for name, value in {**ratios, **warm}.items()}


def _prefill_saved(groups: Mapping[tuple[str, str], Sequence[Sample]]) -> dict[str, float]:
    def mean(way: str, policy: str) -> float:
        return float(np.mean([s.timings_ms["prefill"] for s in groups[way, policy] if not s.is_rest] or [np.nan]))

    return {way: round(mean(way, "always") - mean(way, "threshold"), 2) for way in WAYS}


def _percentile(values: Sequence[float], percent: int) -> float:
    return round(float(np.percentile(values, percent)), 2) if values else float("nan")
