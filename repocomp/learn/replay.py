"""Replay: a line of the user's own repository is hidden, and every action is scored by what it does for the true text.

This is Repoformer's self-supervision on one repository. The score is the weighted likelihood that the real generator
gives the truth (`evaluate.likelihood`), over what it gives without retrieval. The index is as it is, the hole's own
place and copies of it are hidden. Each replay is a row as soon as it is measured: what a stopped run has done is kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from repocomp.complete.pairs import pair_of
from repocomp.complete.parts import IndexRetriever, Parts
from repocomp.errors import StoreError
from repocomp.evaluate.counterfactual import answer
from repocomp.evaluate.holes import Hole
from repocomp.evaluate.likelihood import Target, logprob
from repocomp.evaluate.silence import is_kept
from repocomp.evaluate.unseen import Place
from repocomp.executor.executor import Executor, Shared
from repocomp.executor.ordered import until
from repocomp.executor.workers import InProcess
from repocomp.generate.generator import Task, expects
from repocomp.generate.local.generator import LocalGenerator, load
from repocomp.learn.places import hole_name, holes_of
from repocomp.learn.remember import credits_of
from repocomp.learn.rewards import shares_of
from repocomp.model.library import folder_of
from repocomp.model.pack import Pack
from repocomp.policy.features import features
from repocomp.policy.select import Action, look, shipped
from repocomp.policy.selector import actions_of
from repocomp.progress import OnProgress, Progress
from repocomp.request import CompletionOptions
from repocomp.retrieve.hit import Hit
from repocomp.retrieve.rank import fuse, rank
from repocomp.retrieve.retrieve import ARMS, DEFAULT_ARMS
from repocomp.store.connect import Connection
from repocomp.store.feedback.learning import ReplayRow, add_replay, replay_rows
from repocomp.store.index.reader import IndexReader
from repocomp.store.index.swap import copy_index
from repocomp.store.memory.credits import CreditRow, add_credits


@dataclass(frozen=True, slots=True)
class Replay:
    """One hole. By action: nats per token over no retrieval (`gain`), and prompt tokens that retrieval adds.

    `ms` is what drawing took by arm, beside `rank` and `token`, reading one token of prompt. `shares` say how much of
    the shipped prompt's snippets each arm brought. `confidence` is the shipped one in the answer given there, None for
    an empty one, and `is_kept` whether a person would keep it.
    """

    hole: str
    path: str
    kind: str
    mode: str
    known: dict[str, str | int | float | bool]
    gain: dict[str, float]
    tokens: dict[str, int]
    ms: dict[str, float]
    shares: dict[str, float]
    confidence: float | None = None
    is_kept: bool = False

    def to_row(self) -> ReplayRow:
        """As it is kept."""
        return ReplayRow(self.hole, self.path, json.dumps(asdict(self), separators=(",", ":")))

    @classmethod
    def from_row(cls, row: ReplayRow) -> Replay:
        """As `to_row` kept it."""
        return cls(**json.loads(row.detail))


def state_of(pack: Pack, policy: Pack) -> str:
    """What replays of one kind have in common: the packs, the actions, and this module's way to measure."""
    named = [pack.digest, *map(repr, actions_of(pack))]
    if policy.digest != pack.digest:
        named.append(policy.digest)
    return hashlib.blake2b("\0".join(named).encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Question:
    """A hole of the repository whose index is `database`, as a task."""

    hole: Hole
    database: Shared


Answer = tuple[Replay | None, list[CreditRow]]
"""What a hole is worth, None where nothing could be scored, and what that says of the chunks that were shown."""


@dataclass(frozen=True, slots=True)
class Replaying:
    """The job: measure holes with the pack of a folder, for which that of another one decides."""

    pack: Shared
    policy: Shared

    @contextmanager
    def open(self) -> Iterator[Callable[[Question], Answer]]:
        """Read the packs; the index that was asked for last stays open."""
        generator = load(str(self.pack.path()))
        policy = generator if self.policy == self.pack else load(str(self.policy.path()))
        reader: IndexReader | None = None
        with ExitStack() as opened:

            def answered(question: Question) -> Answer:
                nonlocal reader
                path = question.database.path()
                if reader is None or reader.path != path:
                    opened.close()
                    reader = opened.enter_context(IndexReader.open_at(path))
                one = measure(question.hole, reader, generator, policy)
                return one, [] if one is None else credits_of(question.hole, reader, generator)

            yield answered


@dataclass(frozen=True, slots=True)
class Replayer:
    """Workers that replay, for one repository after the other."""

    executor: Executor
    run: Callable[[Iterable[Question]], Iterator[Answer]]


@contextmanager
def replayer(pack: str, policy: str | None = None, executor: Executor | None = None) -> Iterator[Replayer]:
    """Workers for replays with a pack, for which a `policy` or itself decides; without an `executor` this process."""
    executor = executor or InProcess()
    writes, decides = executor.share(folder_of(pack)), executor.share(folder_of(policy or pack))
    with executor.run(Replaying(writes, decides)) as run:
        yield Replayer(executor, run)


def replay(
    root: Path,
    pack: Pack,
    policy: Pack,
    workers: Replayer,
    connection: Connection,
    memory: Connection,
    seconds: float,
    progress: OnProgress,
    limit: int | None = None,
    seed: int = 0,
) -> list[Replay]:
    """Measure new replays for so many `seconds`, or until there are `limit`; returns all of this state, oldest first.

    Replays are kept in `connection`, and in `memory` what chunks were worth. Holes that were measured before are not
    measured again. Raises StoreError without an index.
    """
    state = state_of(pack, policy)
    found = [Replay.from_row(row) for row in replay_rows(connection, state)]
    done = {one.hole for one in found}
    reader = IndexReader.open(root)
    if reader is None:
        raise StoreError(f"{root}: has no index", "repocomp index")
    started = time.monotonic()

    def is_over() -> bool:
        spent = time.monotonic() - started
        progress(_so_far(root, len(found), limit, spent / max(seconds, 1e-9)))
        return spent >= seconds or (limit is not None and len(found) >= limit)

    with reader:
        database = workers.executor.share(reader.path, copy_index)
        holes = (hole for hole in until(is_over, holes_of(reader, root, seed)) if hole_name(hole) not in done)
        for one, credits in workers.run(Question(hole, database) for hole in holes):
            if one is not None and (limit is None or len(found) < limit):
                add_credits(memory, credits, time.time())
                add_replay(connection, state, one.to_row(), time.time_ns() // 1_000_000)
                found.append(one)
    return found


def _so_far(root: Path, replays: int, limit: int | None, time_spent: float) -> Progress:
    """As a share of what ends it first, the time or the number of replays."""
    of_all = replays / limit if limit else 0.0
    return Progress(min(1.0, max(of_all, time_spent)), 1.0, f"replaying {root.name}: {replays:,} replays so far")


def usual_shares(replays: Sequence[Replay]) -> dict[str, float]:
    """The mean share of a shipped prompt's snippets that each arm brings."""
    filled = [one.shares for one in replays if one.shares]
    return {arm: sum(one.get(arm, 0.0) for one in filled) / max(1, len(filled)) for arm in DEFAULT_ARMS}


def give_way() -> None:
    """The lowest priority, where nobody sits and waits: hooks and daemons replay beside somebody's work."""
    if hasattr(os, "nice") and not sys.stderr.isatty():
        os.nice(19)


def measure(hole: Hole, reader: IndexReader, generator: LocalGenerator, policy: LocalGenerator) -> Replay | None:
    """Score every action, and the answer of the two; None for a hole that leaves nothing to score."""
    target = Target.of(hole, generator)
    if not target.middle:
        return None
    place = Place.of(hole, generator)
    mode = hole.mode
    ms = {"token": _ms_a_token(target, generator)}
    probability = expects(policy, policy.expectation(policy.window(target.document, target.cursor)), mode)
    known = {
        **features(target.document, place.query, target.window, mode),
        **({} if probability is None else {"probability": round(probability, 6)}),
        **look(reader, place.query),
    }
    every = actions_of(generator.pack)
    drawn = _draw(reader, place, max(action.draws for action in every), ms)
    scored = _Scored(target, generator)
    for action in every:
        started = time.perf_counter()
        hits = _ranked(reader, place, drawn, action)
        ms.setdefault("rank", 1000 * (time.perf_counter() - started))
        scored.add(action, hits)
    parts = Parts(policy, generator, IndexRetriever(reader), pair=pair_of(policy, generator))
    given = answer(hole, parts, CompletionOptions().max_new_tokens)
    return Replay(
        hole_name(hole),
        hole.document.path,
        hole.kind,
        mode,
        known,
        scored.gain,
        scored.tokens,
        {name: round(value, 4) for name, value in ms.items()},
        scored.shares,
        given.completion.confidence,
        is_kept(given.text, hole.answer.replace("\r\n", "\n")),
    )


def _ms_a_token(target: Target, generator: LocalGenerator) -> float:
    """What it takes to read one token of the prompt."""
    started = time.perf_counter()
    generator.logits(Task(target.window), ())
    return 1000 * (time.perf_counter() - started) / max(1, len(target.window.left_ids) + len(target.window.right_ids))


def _draw(reader: IndexReader, place: Place, draws: int, ms: dict[str, float]) -> dict[str, list[Hit]]:
    """What each arm draws, the hole's own place left out; the time goes into `ms`."""
    drawn = {}
    for name in DEFAULT_ARMS:
        started = time.perf_counter()
        hits = ARMS[name].draw(reader, place.query, draws)
        ms[name] = 1000 * (time.perf_counter() - started)
        drawn[name] = [hit for hit in hits if not place.leaks(hit)]
    return drawn


def _ranked(reader: IndexReader, place: Place, drawn: Mapping[str, Sequence[Hit]], action: Action) -> list[Hit]:
    arms = drawn if action.arms is None else action.arms
    if action.is_none:
        return []
    own = {arm: drawn[arm][: action.draws] for arm in arms}
    hits = rank(reader, place.query, own) if action.is_ranked else fuse(own)
    # A piece of what was drawn may be a copy of the place where the whole is none.
    return [hit for hit in hits if not place.leaks(hit)]


class _Scored:
    """The scores of one target; what enters the prompt alike is asked for once."""

    def __init__(self, target: Target, generator: LocalGenerator) -> None:
        self._target, self._generator = target, generator
        self._known: dict[tuple[int, tuple[Hit, ...]], float] = {}
        self._without = logprob(target, (), generator)
        self.gain: dict[str, float] = {}
        self.tokens: dict[str, int] = {}
        self.shares: dict[str, float] = {}

    def add(self, action: Action, hits: Sequence[Hit]) -> None:
        """Score what an action found."""
        budget = action.budget(self._generator.snippet_tokens)
        snippets = self._generator.fit(hits, budget)
        self.tokens[action.name] = sum(len(snippet.ids) for snippet in snippets)
        self.gain[action.name] = round(self._logprob(budget, tuple(hits)) - self._without, 5) if hits else 0.0
        if action == shipped(is_read=self._generator.pack.is_reader):
            shown = [{"arm": snippet.hit.arm, "tokens": len(snippet.ids)} for snippet in snippets]
            self.shares = {arm: round(share, 6) for arm, share in shares_of(shown).items()}

    def _logprob(self, budget: int, hits: tuple[Hit, ...]) -> float:
        key = budget, hits
        if key not in self._known:
            self._known[key] = logprob(self._target, hits, self._generator, budget)
        return self._known[key]
