"""The man page `repocomp-cluster(7)`: work on a Ray cluster, and what it costs, computed from measured units."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from repocomp import __version__
from repocomp.cli import roff

_INTRODUCTION = """
Commands that take --cluster do their work on a Ray cluster: bench self, policy, retrieval, repoeval and crosscodeeval,
train label, confidence and policy, learn and fleet. They say there what they say in one process, in the same order;
only times differ, and how much of a prompt a worker had read before.
"""
_SET_UP = """
Each node needs the same version, of the same Python: pip install 'repocomp[cluster]'. No PyTorch is needed to label,
and no file system in common. The command runs on a machine of the cluster, with --cluster auto or with the address of
the head node.

On the head node: ray start --head --disable-usage-stats. On each other one: ray start --address HEAD:6379. Where a node
is also somebody's desk, ray start --num-cpus says how many workers it may have. Whoever can reach the ports of a Ray
cluster can run code on it: keep it in a network of its own.
"""
_HOW = """
A worker is a process with a processor of its own; there is one for each that Ray counts. It opens the packs once, and
is given one task at a time: a hole, or some holes of a repository, which it indexes for the while. A worker that dies,
alone or with its node, is replaced where there is room, and its task is done by another; a task that was lost three
times ends the run. Bytes of packs, indexes and code reach a node once, in pieces of 4 MiB, and stay in the folder
delivered of its cache for a week after they were last used, the newest 20 GiB of them. The object store never holds
more than a piece for each worker, so 80 MB are enough.

What was found is written as it comes, into a file that is named on the command line or lies in the cache. A run that
was stopped, by Ctrl-C, --minutes or a power cut, continues where it left off when the same command is run again.

Code leaves the machine for the nodes, and only for those. Servers that generate are not asked from a cluster: use
--jobs.
"""
_UNITS = """
Processor seconds of one core for each, and the command that does such work. A script measured them that does the same
on a busy machine, so they are rather high: means of express, gin and scrapy, the trial on ten holes of scrapy alone.
"""
_LIMITS = """
One machine draws the tasks, reads the repositories and writes what comes back: 0.4 ms of its processor for a task,
0.05 s for a repository, 6 ms for a replay, which is on disk before it counts. Of a journal it holds the keys in memory,
and some results for each worker. The table says how many such machines keep the largest cluster busy. Several are given
a share of the repositories each: journals are lines by key, and those of several runs can be put together with cat.

SQLite is written by that machine alone, one database for each repository, so writers never meet. Replays end at some
170 a second there, long before the workers do; then several machines, again with a share of the repositories. No
database is opened over a network: workers read copies. Indexing is no work for a cluster: a file takes 8 ms (repocomp
index --jobs 1 TREE...), so ten thousand repositories take a machine of 16 cores half an hour, and workers that label
index what they were sent. A tree of millions of files is held back by its own index: split it into its packages.

Kernels of ONNX Runtime choose by processor: nodes of different generations may differ in the last digits of a
probability. For results that are equal to the byte keep to one kind.
"""


@dataclass(frozen=True, slots=True)
class Unit:
    """One kind of work: seconds of one core for each thing, the command that does it, and how many a repository has.

    The coordinator has `coordinator_s` of its own to do for a repository.
    """

    name: str
    core_s: float
    each: int
    coordinator_s: float
    command: str


FILES, HOLES, REPLAYS = 332, 60, 300
"""Of a repository: files, the mean of the three that were measured (express, gin, scrapy); else what is usual."""
LABEL_TOKENS, LABEL_BYTES = 387, 2_160
"""Of a label: its prompts and the truth."""
NODES, CORES = (1, 10, 100), 16
REPOSITORIES = 10_000
BUSY = 0.93
"""The share of the time that a worker works (simulated, `tests/executor/test_scaling.py`)."""
READ_S, KEPT_S = 0.054, 0.006
"""What the coordinator does: read and send a repository, and keep a replay in its database."""
UNITS = (
    Unit("a label, small pack", 0.13, HOLES, READ_S, "repocomp train label CORPUS default OUT"),
    Unit("a verdict, small pack", 0.13, HOLES, READ_S, "repocomp train confidence default OUT TREE..."),
    Unit("a trial, 0.5 B int8", 5.9, HOLES, READ_S, "repocomp train policy default qwen OUT TREE..."),
    Unit("a replay, small pack", 0.24, REPLAYS, REPLAYS * KEPT_S, "repocomp learn --limit 300 TREE..."),
)


def cluster_page() -> str:
    """The page."""
    lines = [
        *roff.header("repocomp-cluster", 7, __version__, "label, measure and learn on a Ray cluster"),
        ".SH DESCRIPTION",
        *roff.paragraphs(_INTRODUCTION),
        ".SH SETTING IT UP",
        *roff.paragraphs(_SET_UP),
        ".SH HOW IT WORKS",
        *roff.paragraphs(_HOW),
        *roff.section("UNIT COSTS", ((f"{one.name}: {one.core_s:g} s of a core", one.command) for one in UNITS)),
        *roff.paragraphs(_UNITS),
        ".SH TEN THOUSAND REPOSITORIES",
        *roff.paragraphs(
            f"Of {FILES} files each, {HOLES} holes and {REPLAYS} replays, on nodes of {CORES} cores, of whose time"
            f" workers use {100 * BUSY:.0f} %. Coordinators are what {NODES[-1]} nodes need to be busy:"
        ),
        *roff.verbatim(_table()),
        ".SH A BILLION TOKENS OF LABELS",
        *roff.paragraphs(_billion()),
        ".SH WHERE IT ENDS",
        *roff.paragraphs(_LIMITS),
        *roff.see_also((("repocomp-train", "1"), ("repocomp-bench", "1"), ("repocomp-fleet", "1"))),
    ]
    return "\n".join(lines) + "\n"


def _table() -> Iterator[str]:
    heads = ("core hours", *(f"{nodes} nodes" if nodes > 1 else "1 node" for nodes in NODES), "coordinators")
    yield f"{'':<24}" + "".join(f"{head:>14}" for head in heads)
    for one in UNITS:
        hours = one.core_s * one.each * REPOSITORIES / 3600
        cells = (f"{hours:,.0f}", *(_on(hours, nodes) for nodes in NODES), f"{_coordinators(one):,}")
        yield f"{one.name:<24}" + "".join(f"{cell:>14}" for cell in cells)


def _coordinators(unit: Unit) -> int:
    """How many feed the largest cluster."""
    return math.ceil(NODES[-1] * CORES * unit.coordinator_s / (unit.core_s * unit.each))


def _on(core_hours: float, nodes: int) -> str:
    hours = core_hours / (nodes * CORES * BUSY)
    return f"{hours / 24:,.1f} days" if hours >= 48 else f"{hours:,.1f} h" if hours >= 1 else f"{60 * hours:,.0f} min"


def _billion() -> str:
    label = UNITS[0]
    labels = 1e9 / LABEL_TOKENS
    hours = labels * label.core_s / 3600
    times = ", ".join(f"{_on(hours, nodes)} on {nodes}" for nodes in NODES)
    return (
        f"A label has {LABEL_TOKENS} tokens and {LABEL_BYTES:,} bytes, so these are {labels / 1e6:.1f} million labels,"
        f" of {labels / HOLES:,.0f} repositories with {HOLES} holes each: {hours:,.0f} core hours ({times} nodes), and"
        f" {labels * LABEL_BYTES / 1e9:.1f} GB of labels."
    )
