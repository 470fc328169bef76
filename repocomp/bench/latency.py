"""From a keystroke to its completion, as an editor sees it: one real process per key, against real daemons.

Three ways of asking, each under every policy: a *process* without a daemon; a *place* never seen before, asked of a
daemon; *typing* in a row through a file. Each policy has a daemon of its own, so none profits from another's cache,
and the policies take turns at every key, beside a bare `python -c pass`, so that what else the machine does meets all
of them. Seconds depend on the machine and on the hour; ratios within one run are what to quote.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from repocomp.bench.holes import draw
from repocomp.bench.report import facts_of
from repocomp.document import Document
from repocomp.errors import BenchError
from repocomp.model.library import load_pack
from repocomp.process import command, environment, python
from repocomp.progress import OnProgress, Progress, ignore

POLICIES = ("never", "threshold", "always")
WAYS = ("process", "place", "typing")
_CHECK_EVERY = 20
"""At every so many keys a process without a daemon answers too: a cold start, and the text to compare with."""
_LEAST_BYTES = 3000


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

    `client` is what passes around the answer: the start of a process, and the way there and back. Cached shares of
    prompt tokens are of all requests, rests too, then without rests: of all, of those that retrieved, and of those
    that did not (None: there were none).
    """

    way: str
    policy: str
    requests: int
    rests: int
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
    """A buffer and a cursor in it."""

    path: str
    data: bytes
    offset: int

    def arguments(self, policy: str) -> list[str]:
        how = ["--select", policy] if policy == "threshold" else ["--retrieve", policy]
        return ["complete", f"-:#{self.offset}", "--stdin-filename", self.path, "--json", "--exit-zero", *how]


def bench_latency(
    root: Path, pack: str = "default", keys: int = 200, places: int = 20, seed: int = 0, progress: OnProgress = ignore
) -> Latency:
    """Measure in an indexed work tree. Raises StoreError without an index, BenchError where nothing can be typed."""
    holes, _ = draw(root, places, seed, ("midline",))
    typed = _typing([hole.document for hole in holes], keys)
    spots = [_Key(hole.document.path, hole.opened.data, hole.start) for hole in holes]
    samples: list[Sample] = []
    bare: list[tuple[float, float]] = []
    differing: list[bool] = []
    with _daemons(pack) as daemons:
        for number, key in enumerate([*spots, *typed]):
            is_typing = number > len(spots)
            asked = {policy: _ask(root, key, policy, pack, where) for policy, where in daemons.items()}
            bare.append(_timed(python("pass"), root, b"", environment())[:2])
            # The first key of the row is a place never seen before, as those before it.
            samples += [_sample("typing" if is_typing else "place", policy, *one) for policy, one in asked.items()]
            if number % _CHECK_EVERY == 0:
                alone = {policy: _sample("process", policy, *_ask(root, key, policy, pack, None)) for policy in daemons}
                latest = {sample.policy: sample for sample in samples[-len(alone) :]}
                differing += [latest[p].text != one.text for p, one in alone.items() if not latest[p].is_rest]
                samples += alone.values()
            progress(Progress(number + 1, len(spots) + len(typed), "typing"))
    facts = {**facts_of("latency", load_pack(pack), seed, places), "typed_in": typed[0].path, "keys": keys}
    return _summed(facts, samples, bare, differing)


def _typing(documents: Sequence[Document], keys: int) -> list[_Key]:
    """`keys` characters typed one by one into the middle of the first file that is long enough, as lines of their own.

    The rest of the last line is not there yet: behind the cursor a line ends, as where people write.
    """
    for document in documents:
        data = document.data
        start = data.find(b"\n", len(data) // 2) + 1
        if len(data) >= _LEAST_BYTES and start + keys < len(data) and data[start : start + keys].isascii():
            _, line_end, below = data[start + keys :].partition(b"\n")
            rest = line_end + below
            return [_Key(document.path, data[: start + n] + rest, start + n) for n in range(keys + 1)]
    raise BenchError(f"no file drawn is long enough to type {keys} characters into", "add --keys 50, or --seed 1")


@contextmanager
def _daemons(pack: str) -> Iterator[dict[str, Mapping[str, str]]]:
    """A daemon for each policy; yields the environment in which each is met."""
    with ExitStack() as stack:
        met: dict[str, Mapping[str, str]] = {}
        for policy in POLICIES:
            folder = stack.enter_context(TemporaryDirectory())
            met[policy] = {**environment(), "XDG_RUNTIME_DIR": folder}
            daemon = stack.enter_context(subprocess.Popen(command("serve"), stderr=subprocess.PIPE, env=met[policy]))
            stack.callback(daemon.terminate)
            if daemon.stderr is None or b"ready" not in daemon.stderr.readline():
                raise BenchError("a daemon of the benchmark's own does not start", "repocomp serve")
        yield met


def _ask(
    root: Path, key: _Key, policy: str, pack: str, where: Mapping[str, str] | None
) -> tuple[float, float, dict[str, Any]]:
    """Ask the daemon met in `where` (None: no daemon). Wall-clock and processor milliseconds, and the answer."""
    packs = ["--policy", pack, "--generator", pack, "--daemon", "never" if where is None else "auto"]
    asking = command(*key.arguments(policy), *packs)
    wall, cpu, out = _timed(asking, root, key.data, where or environment())
    answer: dict[str, Any] = json.loads(out)
    if answer["data"] is None:
        raise BenchError(answer["errors"][0]["message"], answer["errors"][0]["hint"])
    return wall, cpu, answer["data"]


def _timed(arguments: list[str], root: Path, data: bytes, env: Mapping[str, str]) -> tuple[float, float, bytes]:
    before, start = _children_cpu(), time.perf_counter()
    done = subprocess.run(arguments, cwd=root, input=data, capture_output=True, env=dict(env), check=False)
    return (time.perf_counter() - start) * 1000, (_children_cpu() - before) * 1000, done.stdout


def _children_cpu() -> float:
    if sys.platform == "win32":
        raise BenchError("latency is measured where processes tell their time", "run it on Linux or macOS")
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


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
