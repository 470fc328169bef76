"""What writes a completion, above text: a task goes in, text comes out. Nobody above this room knows tokens.

A generator says by flags what it can do besides; whoever needs more than text asks for it, and else uses a local pack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from repocomp.budget import Budget, Reason
from repocomp.document import Document, Position
from repocomp.model.confidence import Confidence
from repocomp.model.pack import Calibration
from repocomp.prompt.snippets import Snippet
from repocomp.prompt.window import Window
from repocomp.request import Mode, Tokens
from repocomp.retrieve.hit import Hit

Emit = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class CopySources:
    """Text that an answer may copy from, whether or not the model reads it.

    `hits` were retrieved, the best one first; `before` stands above the window's first line, `after` behind the cursor.
    """

    hits: tuple[str, ...] = ()
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be completed: the window, the snippets to read beside it in prompt order, and what may be copied.

    `expected` are answers that others gave. Where they agree with the generator's own it is faster, never another one.
    """

    window: Window
    snippets: tuple[Snippet, ...] = ()
    sources: CopySources = CopySources()
    expected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DecodingRules:
    """Where an answer ends. `stop` is asked after each step with the text so far, and gives the reason to end there."""

    max_new_tokens: int
    stop: Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class TokenEvidence:
    """What speaks for one token beside its log-probability.

    `margin` is how far it is ahead of the second best token, `alone` its log-probability before repeated text was mixed
    in, both in nats. `copied` is the length in tokens of the longest repeated text that goes on with it. `end_bytes` is
    the length of the answer up to its end.
    """

    margin: float
    alone: float
    copied: int
    end_bytes: int


@dataclass(frozen=True, slots=True)
class Generated:
    """An answer: its `text`, which continues exactly at the cursor, and the log-probability (nats) of each token.

    `token_logprobs` is None where the back end tells none, `evidence` empty where it tells no more than these.
    `stop_reason` is "end" (the model ended it), "length", "deadline", "cancelled", or what the stop rule returned.
    `spent_ms` is wall-clock time by step.
    """

    text: str
    token_logprobs: tuple[float, ...] | None
    stop_reason: str
    tokens: Tokens
    spent_ms: Mapping[str, float] = field(default_factory=dict)
    evidence: tuple[TokenEvidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a policy expects of retrieval: `log_odds` (nats) that it helps, None where it was `stopped` before.

    `prompt_tokens` are those that were needed, `read_tokens` those of them that were not known already.
    """

    log_odds: float | None
    prompt_tokens: int
    read_tokens: int
    stopped: Reason | None = None


class Policy(Protocol):
    """What judges whether retrieval helps. `calibration` and `thresholds` are by mode, "line" and "block"."""

    @property
    def name(self) -> str:
        """What users call it."""

    @property
    def calibration(self) -> Mapping[str, Calibration]:
        """From its log-odds to probabilities."""

    @property
    def thresholds(self) -> Mapping[str, float]:
        """The probability from which retrieval pays."""

    def window(self, document: Document, cursor: Position, share: float = 1.0) -> Window:
        """The file around `cursor`, as much as it reads, or a `share` (0..1) of that."""

    def expectation(self, window: Window, budget: Budget) -> Expectation | None:
        """Whether retrieval would help here; None where it cannot tell at all."""


class Generator(Protocol):
    """What writes."""

    @property
    def name(self) -> str:
        """What users call it."""

    @property
    def version(self) -> str:
        """Which one of that name it is; nothing where that cannot be told."""

    @property
    def digest(self) -> str:
        """The identity of what writes: with another one the same request may get another answer."""

    @property
    def device(self) -> str:
        """Where it runs: "cpu", "cuda", or the address of a server."""

    @property
    def snippet_tokens(self) -> int:
        """The tokens of cross-file context it reads; 0: retrieved text is only copied from."""

    @property
    def confidence(self) -> Confidence | None:
        """How its answers are judged, where that was fitted."""

    @property
    def tells_probabilities(self) -> bool | None:
        """Whether it tells how probable its tokens were, so that its answers can be judged; None: not known yet."""

    @property
    def answer_tokens(self) -> int:
        """The tokens of the longest answer it is good for; what a request asks for may be less."""

    def window(self, document: Document, cursor: Position, share: float = 1.0) -> Window:
        """The file around `cursor`, as much as it reads, or a `share` (0..1) of that."""

    def fit(self, hits: Sequence[Hit], tokens: int) -> list[Snippet]:
        """The snippets of `hits`, best first, that so many tokens hold; in prompt order."""

    def complete(self, task: Task, rules: DecodingRules, budget: Budget, emit: Emit | None = None) -> Generated:
        """Answer one task; what is there when the `budget` is spent is returned.

        `emit` is given the whole text so far after each step.
        """

    def several(self, task: Task, rules: DecodingRules, budget: Budget) -> Iterator[Generated]:
        """The answer of `complete`, then others, each written when it is asked for; the prompt is read once."""


def expects(policy: Policy, expectation: Expectation | None, mode: Mode) -> float | None:
    """The calibrated probability that retrieval helps; None where the policy did not say."""
    if expectation is None or expectation.log_odds is None:
        return None
    return policy.calibration[mode].apply(expectation.log_odds)
