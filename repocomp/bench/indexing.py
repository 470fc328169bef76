"""Speed and memory of indexing a work tree: real processes, with a cache of their own.

The floor is what no index of this kind can do without: reading every file, counting its lines, and parsing it with
tree-sitter, in as many processes. Memory is that of all processes of a run together, what they share counted once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from repocomp import __version__
from repocomp.errors import BenchError
from repocomp.languages.table import language_of, parser
from repocomp.process import command, environment
from repocomp.store.index.reader import IndexReader
from repocomp.worker_pool import WorkerPool

_SHARE_FILES = 200
_SAMPLE_S = 0.1


@dataclass(frozen=True, slots=True)
class Floor:
    """Reading, counting lines and parsing alone, of the files that were indexed. `cpu_s` is all processes' together."""

    files: int
    lines: int
    seconds: float
    cpu_s: float
    lines_per_s: float


@dataclass(frozen=True, slots=True)
class Indexing:
    """One tree: `again` is a second run with nothing changed. `peak_mb` is None where the system does not tell it.

    `floor_share` is the floor's processor time over ours: what else the machine does hardly touches it.
    """

    facts: dict[str, Any]
    files: int
    lines: int
    bytes: int
    seconds: float
    cpu_s: float
    lines_per_s: float
    peak_mb: float | None
    database_mb: float
    again_s: float
    again_files: int
    floor: Floor
    floor_share: float

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def bench_index(root: Path, jobs: int) -> Indexing:
    """Index `root` from nothing and once more, in `jobs` processes. Raises BenchError where a run fails."""
    with TemporaryDirectory() as folder:
        before = _children_cpu()
        report, peak = _index(root, jobs, folder)
        cpu = _children_cpu() - before
        again, _ = _index(root, jobs, folder)
        (database,) = Path(folder).rglob("index.db")
        size = database.stat().st_size
        with IndexReader.open_at(database) as reader:
            paths = [file.path for file in reader.files.all()]
    floor = _floor(root, paths, jobs)
    facts = {"suite": "index", "repocomp": __version__, "tree": root.name, "jobs": jobs, "cores": os.cpu_count()}
    speed = report["lines"] / report["seconds"]
    return Indexing(
        facts,
        files=report["indexed"] + report["reused"],
        lines=report["lines"],
        bytes=report["bytes"],
        seconds=round(report["seconds"], 2),
        cpu_s=round(cpu, 2),
        lines_per_s=round(speed, 1),
        peak_mb=peak,
        database_mb=round(size / 1e6, 1),
        again_s=round(again["seconds"], 3),
        again_files=again["files"],
        floor=floor,
        floor_share=round(floor.cpu_s / cpu, 3),
    )


def _index(root: Path, jobs: int, cache: str) -> tuple[dict[str, Any], float | None]:
    """What one run says of itself, and the most megabytes that it held."""
    arguments = command("index", str(root), "--jobs", str(jobs), "--json")
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, env={**environment(), "XDG_CACHE_HOME": cache}) as process:
        peaks: list[float] = []
        watching = threading.Thread(target=_watch_memory, args=(process, peaks))
        watching.start()
        out = process.stdout.read() if process.stdout is not None else b""
        process.wait()
        watching.join()
    answer = json.loads(out)
    if answer["status"] != "ok":
        raise BenchError(answer["errors"][0]["message"], answer["errors"][0]["hint"])
    return answer["data"], round(max(peaks), 1) if peaks else None


def _watch_memory(process: subprocess.Popen[bytes], peaks: list[float]) -> None:
    while process.poll() is None:
        held = sum(map(_proportional_bytes, _with_children(process.pid))) if sys.platform == "linux" else 0
        if held:
            peaks.append(held / 1e6)
        time.sleep(_SAMPLE_S)


def _with_children(pid: int) -> Iterator[int]:
    yield pid
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split():
                yield from _with_children(int(child))
    except OSError:
        return


def _proportional_bytes(pid: int) -> int:
    """Memory of a process, its part of what it shares with others; 0 once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _floor(root: Path, paths: Sequence[str], jobs: int) -> Floor:
    """Measure in workers that are warm, so that their start does not count."""
    shares = [paths[at : at + _SHARE_FILES] for at in range(0, len(paths), _SHARE_FILES)]
    with WorkerPool(jobs) as pool:
        list(pool.map(_parse, [(root, paths[:1])] * jobs))
        started = time.perf_counter()
        found = list(pool.map(_parse, [(root, share) for share in shares]))
        seconds = time.perf_counter() - started
    lines = sum(count for count, _ in found)
    if not lines:
        raise BenchError(f"{root}: holds no file to index", "repocomp bench index FOLDER")
    return Floor(
        len(paths), lines, round(seconds, 2), round(sum(cpu for _, cpu in found), 2), round(lines / seconds, 1)
    )


def _parse(work: tuple[Path, Sequence[str]]) -> tuple[int, float]:
    """Read and parse files, and nothing else: their lines, and processor seconds. Runs in a worker."""
    root, paths = work
    lines, started = 0, time.process_time()
    for path in paths:
        data = (root / path).read_bytes()
        lines += data.count(b"\n")
        grammar = parser(language_of(path))
        if grammar is not None:
            grammar.parse(data)
    return lines, time.process_time() - started


def _children_cpu() -> float:
    """Processor seconds of all processes that ended below this one."""
    times = os.times()
    return times.children_user + times.children_system
