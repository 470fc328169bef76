"""What goes into a completion and what comes out: frozen values, and the JSON that scripts rely on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from repocomp.document import Document, Position, Range

RetrieveMode = Literal["auto", "always", "never"]
SelectRule = Literal["greedy", "threshold"]
FillMode = Literal["auto", "line", "block"]
Mode = Literal["line", "block"]
DaemonMode = Literal["auto", "always", "never"]


@dataclass(frozen=True, slots=True)
class CompletionOptions:
    """How a completion is made. `threshold` None means the pack's own, `arms` None those that are on.

    An answer less sure than `min_confidence` is withheld (None: the generator's own bound; 0: nothing is). So many
    `candidates` are written. `deadline_ms` bounds the work and not the answer: what is finished by then is returned.
    """

    retrieve: RetrieveMode = "auto"
    select: SelectRule = "threshold"
    threshold: float | None = None
    mode: FillMode = "auto"
    max_new_tokens: int = 64
    deadline_ms: float | None = None
    arms: tuple[str, ...] | None = None
    min_confidence: float | None = None
    candidates: int = 1


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """One question: complete `document` at `cursor`. `root` is the work tree whose index may help, if any."""

    document: Document
    cursor: Position
    root: Path | None
    options: CompletionOptions = CompletionOptions()


@dataclass(frozen=True, slots=True)
class ArmUse:
    """One retrieval strategy that was asked: how many chunks it drew, and with what probability it was chosen."""

    name: str
    drawn: int
    propensity: float = 1.0


@dataclass(frozen=True, slots=True)
class ChunkUse:
    """A chunk that was used, lines from 1, inclusive; `tokens` of the prompt are its, 0: it was only copied from."""

    path: str
    start_line: int
    end_line: int
    score: float
    arm: str
    tokens: int


@dataclass(frozen=True, slots=True)
class Draw:
    """A chunk that an arm drew, its `rank` (from 1) and `score` there, and whether it entered the prompt, with why.

    `fused` is its score in the union, None for a copy of a better one.
    """

    arm: str
    rank: int
    path: str
    start_line: int
    end_line: int
    score: float
    fused: float | None
    kept: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Choice:
    """The action that was drawn from what was learned (its version `parameters`), and the `propensity` it had.

    `propensities` are those of all actions; `seed` (32 bits, of the place) decided among them.
    """

    action: str
    propensity: float
    seed: int
    parameters: int
    propensities: dict[str, float]


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Whether cross-file context was fetched, and why. `probability` is the policy's, None when it was not asked.

    `choice` is None where nothing was learned.
    `draws` are all chunks that were considered, of which `chunks` fitted into `budget_tokens`.
    """

    decision: Literal["skipped", "used", "unavailable"]
    rule: Literal["greedy", "threshold", "always", "never"]
    reason: str
    probability: float | None = None
    threshold: float | None = None
    arms: tuple[ArmUse, ...] = ()
    chunks: tuple[ChunkUse, ...] = ()
    draws: tuple[Draw, ...] = ()
    budget_tokens: int | None = None
    choice: Choice | None = None

    def to_json(self) -> dict[str, Any]:
        """The `retrieval` object of `--json`."""
        return {**asdict(self), "skipped": self.decision != "used"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text the generator offers, with the natural log-probabilities of its tokens and their sum.

    `confidence` is the chance (0..1) that a person would keep it, None where nothing is known.
    """

    text: str
    logprob: float
    token_logprobs: tuple[float, ...] = ()
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """A change made to the generated text after decoding, by rule."""

    rule: str
    action: Literal["trimmed", "dropped"]


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token counts: the whole prompt, the part answered from a cache, and what was generated."""

    prompt: int
    cached: int
    generated: int


@dataclass(frozen=True, slots=True)
class Timings:
    """Wall-clock milliseconds of the steps of one completion; `copy` is reading what may be copied."""

    total: float = 0.0
    prefill: float = 0.0
    policy: float = 0.0
    retrieve: float = 0.0
    copy: float = 0.0
    decode: float = 0.0
    post: float = 0.0


@dataclass(frozen=True, slots=True)
class Completion:
    """The answer: `text` replaces `range`. An empty text has a `reason`, "quiet" where the answer was `withheld`.

    `candidates` are the surest first, and none where the answer is empty. `confidence` is the chance (0..1) that a
    person keeps what was written, `min_confidence` the bound it was held against, `score` (nats) and `figures` what
    it was computed from. `features` describe the place as it was known before retrieval.
    `continues` names the answer that this is the untyped rest of, where the model was not asked again.
    """

    id: str
    text: str
    range: Range
    candidates: tuple[Candidate, ...]
    stop_reason: str
    retrieval: Retrieval
    models: dict[str, str]
    tokens: Tokens
    timings_ms: Timings
    filters: tuple[Filter, ...] = ()
    warnings: tuple[str, ...] = ()
    reason: str | None = field(default=None)
    features: dict[str, str | int | float | bool] = field(default_factory=dict)
    continues: str | None = None
    confidence: float | None = None
    min_confidence: float = 0.0
    withheld: str | None = None
    score: float | None = None
    figures: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The `data` object of `repocomp complete --json`."""
        return {**asdict(self), "retrieval": self.retrieval.to_json()}
