"""A model behind a server. It writes; whether retrieval helps is judged by a pack on this machine.

What is sent was read by `secrets` first: of the buffer and of other files nothing leaves that an index would not hold.
Tokens are counted by the shipped pack, whose tokens are shorter than those of larger vocabularies: what fits there fits
here.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from repocomp.budget import UNLIMITED, Budget, BudgetSpent
from repocomp.document import Document, Position
from repocomp.generate.access import Access
from repocomp.generate.generator import DecodingRules, Emit, Generated, Task
from repocomp.generate.http.address import Address
from repocomp.generate.http.breaker import Breaker
from repocomp.generate.http.exchange import Connections, Exchange, HttpRequest
from repocomp.generate.http.faults import ServerFault
from repocomp.generate.http.wire import Message, Piece, Reading, Wire
from repocomp.model.confidence import Confidence
from repocomp.prompt import window as windows
from repocomp.prompt.snippets import Snippet, fit
from repocomp.prompt.spelled import stops_of
from repocomp.prompt.window import Window
from repocomp.request import Tokens
from repocomp.retrieve.hit import Hit
from repocomp.secrets.redaction import REDACTED, redact, redact_around

LEFT_TOKENS, RIGHT_TOKENS, SNIPPET_TOKENS, ANSWER_TOKENS = 2048, 512, 1024, 128
"""Of the shipped pack. With an answer they fit into 4,096 tokens of any vocabulary."""


@dataclass(frozen=True)
class HttpGenerator:
    """A server at `address` that speaks the protocol `wire`."""

    address: Address
    wire: Wire
    key: str | None = field(repr=False)
    connections: Connections
    breaker: Breaker
    lacks: set[str] = field(default_factory=set)
    """What the server has refused: "logprobs", "grammar"."""

    @classmethod
    def of(cls, address: Address, wire: Wire, access: Access) -> HttpGenerator:
        """The generator at `address`; nothing is sent yet. Raises ConfigError where the user has not allowed it."""
        address.check(access)
        return cls(address, wire, access.key, Connections(address), Breaker())

    @property
    def name(self) -> str:
        """The protocol and the model, not where it is."""
        return f"{self.address.scheme}:{self.address.model}" if self.address.model else self.address.scheme

    @cached_property
    def digest(self) -> str:
        """Of the address and the model: what a server has loaded cannot be seen from here."""
        named = f"{self.address.scheme} {self.address.url} {self.address.model} {self.address.family}"
        return hashlib.blake2b(named.encode(), digest_size=16).hexdigest()

    @property
    def version(self) -> str:
        """Nothing: a server may have any of its model."""
        return ""

    @property
    def device(self) -> str:
        """Where text is sent: host and port."""
        return self.address.place

    @property
    def snippet_tokens(self) -> int:
        """The tokens of cross-file context that are sent."""
        return SNIPPET_TOKENS

    @property
    def confidence(self) -> Confidence | None:
        """Nothing was fitted to what a server may have loaded."""
        return None

    @property
    def tells_probabilities(self) -> bool | None:
        """Seen in its answers: a server may leave out what it was asked for without a word."""
        return False if "logprobs" in self.lacks else None

    @property
    def answer_tokens(self) -> int:
        """The longest answer that benchmarks ask for."""
        return ANSWER_TOKENS

    def window(self, document: Document, cursor: Position, share: float = 1.0) -> Window:
        """The file around `cursor`, as much as is sent, or a `share` (0..1) of that."""
        left, right = int(share * LEFT_TOKENS), int(share * RIGHT_TOKENS)
        return windows.cut(document, cursor, left, right, self._encode, "words")

    def fit(self, hits: Sequence[Hit], tokens: int) -> list[Snippet]:
        """The snippets of `hits`, best first, that so many tokens hold; in prompt order."""
        return fit(hits, lambda path, text: self._encode(f"{path}\n{text}"), tokens)

    def request(self, task: Task, rules: DecodingRules) -> HttpRequest:
        """What `complete` sends."""
        window = _presentable(task.window)
        if not self.wire.heals or "grammar" in self.lacks:
            window = replace(window, open_end="")
        reading = Reading(window, tuple(_without_secrets(each) for each in task.snippets))
        body = self.wire.body(self.address, reading, rules.max_new_tokens, logprobs="logprobs" not in self.lacks)
        return HttpRequest(self.address, self.wire.path, body, self.key, window.open_end)

    def complete(
        self, task: Task, rules: DecodingRules, budget: Budget = UNLIMITED, emit: Emit | None = None
    ) -> Generated:
        """Answer one task. Raises GeneratorError where the server fails, or has failed a moment ago."""
        self.breaker.check()
        try:
            return self._ask(task, rules, budget, emit)
        except ServerFault as fault:
            if fault.kind not in ("logprobs", "grammar") or fault.kind in self.lacks:
                self.breaker.failed(fault)
                raise
            # Nothing was done yet: it is asked again for what it can tell.
            self.lacks.add(fault.kind)
        return self.complete(task, rules, budget, emit)

    def _ask(self, task: Task, rules: DecodingRules, budget: Budget, emit: Emit | None) -> Generated:
        """One request and what comes of it. Raises ServerFault."""
        request = self.request(task, rules)
        answer = _Answer(rules, emit, self.address, request.open_end)
        exchange = Exchange(self.connections, request)
        try:
            for message in exchange.messages(budget):
                piece = self._piece(message)
                if piece.text and piece.logprobs is None:
                    self.lacks.add("logprobs")
                if answer.take(piece):
                    break
            else:
                raise ServerFault(self.address.scheme, "half")
        except BudgetSpent as spent:
            answer.reason = spent.reason
            if spent.reason == "deadline" and answer.is_silent:
                self.breaker.was_slow(ServerFault(self.address.scheme, "silent"))
            return self._generated(answer, task)
        finally:
            if not answer.is_over:
                exchange.close()
        self.breaker.worked()
        return self._generated(answer, task)

    def several(self, task: Task, rules: DecodingRules, budget: Budget) -> Iterator[Generated]:
        """The one answer: asked again, a server that takes the likeliest tokens says the same."""
        yield self.complete(task, rules, budget)

    def _piece(self, message: Message) -> Piece:
        try:
            return self.wire.piece(message)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            raise ServerFault(self.address.scheme, "protocol") from None

    def _generated(self, answer: _Answer, task: Task) -> Generated:
        read = len(task.window.left_ids) + len(task.window.right_ids) + sum(len(each.ids) for each in task.snippets)
        prompt, cached, generated = answer.counts
        counts = Tokens(
            read if prompt is None else prompt,
            cached or 0,
            len(self._encode(answer.text)) if generated is None else generated,
        )
        logprobs = tuple(answer.logprobs) if answer.logprobs is not None and answer.is_told else None
        return Generated(answer.text, logprobs, answer.reason, counts, answer.spent_ms)

    @cached_property
    def _encode(self) -> Callable[[str], list[int]]:
        from repocomp.model.library import load_pack
        from repocomp.model.tokenizer import Tokenizer

        return Tokenizer.load(load_pack("default")).encode


@dataclass(slots=True)
class _Answer:
    """An answer that still grows. `take` says whether it is finished."""

    rules: DecodingRules
    emit: Emit | None
    address: Address
    owed: str
    """What it begins with, which stands before the cursor already."""
    raw: str = ""
    text: str = ""
    reason: str = "end"
    is_over: bool = False
    is_told: bool = True
    logprobs: list[float] | None = None
    counts: tuple[int | None, int | None, int | None] = (None, None, None)
    laps: list[float] = field(default_factory=lambda: [time.perf_counter()])

    @property
    def is_silent(self) -> bool:
        """Whether nothing has come yet."""
        return len(self.laps) == 1

    @property
    def spent_ms(self) -> dict[str, float]:
        """Until the first message, and from there."""
        first, now = self.laps[-1], time.perf_counter()
        prefill = (first if not self.is_silent else now) - self.laps[0]
        return {"prefill": 1000 * prefill, "decode": 1000 * (now - self.laps[0] - prefill)}

    def take(self, piece: Piece) -> bool:
        """Add what came: line by line, since the rule to stop may end it within. Raises ServerFault."""
        if self.is_silent:
            self.laps.append(time.perf_counter())
        if piece.text and piece.logprobs is None:
            # Some of them would say nothing of the answer, and what is out cannot be taken back.
            self.is_told = False
        if piece.logprobs is not None and self.is_told:
            self.logprobs = [*(self.logprobs or ()), *piece.logprobs]
        told = (piece.prompt_tokens, piece.cached_tokens, piece.generated_tokens)
        self.counts = tuple(new if isinstance(new, int) else old for new, old in zip(told, self.counts, strict=True))  # type: ignore[assignment]
        # The connection is then free for another request, whether or not the rules end the answer before its end.
        self.is_over = piece.end is not None
        for stretch in piece.text.splitlines(keepends=True):
            if self._grows_by(stretch):
                return True
        if piece.end is not None:
            self.reason = piece.end
        return piece.end is not None

    def _grows_by(self, stretch: str) -> bool:
        self.raw += stretch
        if not self.raw.startswith(self.owed[: len(self.raw)]):
            raise ServerFault(self.address.scheme, "grammar")
        self.text = self.raw[len(self.owed) :]
        if not self.text:
            return False
        ends = [at for stop in self._stops() if (at := self.text.find(stop)) >= 0]
        if ends:
            # A control token that the server let through as text.
            self.text = self.text[: min(ends)]
        if self.emit is not None:
            self.emit(self.text)
        stopped = "end" if ends else self.rules.stop(self.text)
        if stopped is not None:
            self.reason = stopped
        return stopped is not None

    def _stops(self) -> Iterator[str]:
        yield from () if self.address.family is None else stops_of(self.address.family)


def _presentable(window: Window) -> Window:
    """What may be seen of a window."""
    left, right = redact_around(window.left, window.right, window.path)
    path = redact(window.path).replace(REDACTED, "")
    left, right = left.replace(REDACTED, ""), right.replace(REDACTED, "")
    open_end = window.open_end if left.endswith(window.open_end) else ""
    return replace(window, path=path, left=left, right=right, open_end=open_end)


def _without_secrets(snippet: Snippet) -> Snippet:
    """Once more, by today's rules: the index may be older than they are."""
    return replace(snippet, text=redact(snippet.text, snippet.hit.path).replace(REDACTED, ""))
