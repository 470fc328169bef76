"""One hole with both answers, as a flat record: what reports keep, summaries count and comparisons pair.

Both answers come from one pass, the second on the key/value cache of the first. What an answer would have cost from
nothing is therefore `ms` of the two in the way that `Case.cost` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from repocomp.complete.parts import Parts
from repocomp.evaluate.baselines import copied_answer, ngram_answer
from repocomp.evaluate.counterfactual import Attempt, Cut, Outcome, uncut
from repocomp.evaluate.likelihood import Floats, Target, logprobs
from repocomp.evaluate.metrics import edit_similarity, exact_match, identifier_f1, identifier_match, ratio_similarity
from repocomp.evaluate.silence import Judged, is_kept
from repocomp.generate.local.generator import LocalGenerator
from repocomp.languages.table import language_of
from repocomp.request import CompletionOptions, Tokens
from repocomp.retrieve.hit import Hit

_NONE = Tokens(0, 0, 0)
LINES_BEFORE, LINES_AFTER = 8, 2
_MOST_CHARS = 400
STEPS = ("prefill", "policy", "retrieve", "copy", "decode")


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said, in scores of 0..1 and milliseconds by step; `prompt`, `cached` and `generated` count tokens.

    `exact` and `similarity` are RepoEval's, `ratio`, `names_exact` and `names` (F1) CrossCodeEval's; `passed` is what
    unit tests said, where they were run. `bits` and `likelihood` are what the model gave the truth instead: its bits in
    all, and the weighted mean log-probability of a token (nats). `confidence` is the answer's own that it is `kept`
    (`evaluate.silence`).
    """

    text: str
    exact: bool
    similarity: float
    ratio: float
    names_exact: bool
    names: float
    prompt: int
    cached: int
    generated: int
    ms: dict[str, float]
    logprobs: tuple[float, ...] = ()
    passed: bool | None = None
    bits: float = 0.0
    likelihood: float = 0.0
    confidence: float | None = None
    kept: bool = False

    @classmethod
    def of(
        cls, text: str, truth: str, language: str, tokens: Tokens = _NONE, ms: dict[str, float] | None = None
    ) -> Answer:
        """Score a text; an empty one counts like any other."""
        return cls(
            text=text,
            exact=exact_match(text, truth),
            similarity=round(edit_similarity(text, truth), 4),
            ratio=round(ratio_similarity(text, truth), 4),
            names_exact=identifier_match(text, truth, language),
            names=round(identifier_f1(text, truth, language), 4),
            kept=is_kept(text, truth),
            prompt=tokens.prompt,
            cached=tokens.cached,
            generated=tokens.generated,
            ms=ms or dict.fromkeys(STEPS, 0.0),
        )

    @classmethod
    def of_attempt(cls, attempt: Attempt, truth: str, language: str, likely: Floats, weights: Floats) -> Answer:
        """Score what the pipeline answered; `likely` [T] are the log-probabilities of the truth, `weights` [T] theirs.

        T may be 0.
        """
        done = attempt.completion
        ms = {step: getattr(done.timings_ms, step) for step in STEPS}
        return replace(
            cls.of(attempt.text, truth, language, done.tokens, ms),
            logprobs=done.candidates[0].token_logprobs if done.candidates else (),
            confidence=done.confidence,
            bits=round(float(-likely.sum() / np.log(2)), 3),
            likelihood=round(float(likely @ weights / max(1.0, weights.sum())), 4),
        )


@dataclass(frozen=True, slots=True)
class PairAnswer:
    """What two packs that share the work answered, and whether the first draft was enough, or what was found was read.

    `ms` is what all of it took, with nothing read before.
    """

    answer: Answer
    is_first_kept: bool
    has_read: bool
    ms: float

    @classmethod
    def of(cls, attempt: Attempt, truth: str, language: str) -> PairAnswer:
        """Score what the pipeline answered."""
        drafts = attempt.completion.drafts
        answer = replace(Answer.of(attempt.text, truth, language), confidence=attempt.completion.confidence)
        has_read = any(draft.tokens_read for draft in drafts[1:])
        return cls(answer, len(drafts) == 1, has_read, attempt.completion.timings_ms.total)


@dataclass(frozen=True, slots=True)
class Case:
    """A hole: where it is, what stood there, both answers, and what the policy thought of it.

    `measured_bytes` of the truth are in the budget of one answer; the model's bits are for those. `policy_ms` is what
    it takes to ask a policy that is not the generator. `before` and `after` are a few lines around the hole. What is
    less sure than `min_confidence` would be withheld.
    """

    path: str
    line: int
    start: int
    kind: str
    truth: str
    probability: float
    threshold: float
    without: Answer
    retrieved: Answer
    chunks: tuple[str, ...]
    jaccard: float
    baselines: dict[str, Answer]
    measured_bytes: int = 0
    policy_ms: float = 0.0
    before: str = ""
    after: str = ""
    language: str = ""
    min_confidence: float = 0.0
    pair: PairAnswer | None = None

    @classmethod
    def of(cls, outcome: Outcome, parts: Parts, cut: Cut = uncut) -> Case:
        """Flatten an outcome of `parts`, and let the baselines answer too, `cut` alike."""
        hole, generator = outcome.hole, _scorer(parts)
        truth = hole.answer.replace("\r\n", "\n")
        language = language_of(hole.document.path)
        chunks = outcome.retrieved.completion.retrieval.chunks
        target = Target.of(hole, generator)

        def scored(attempt: Attempt, hits: Sequence[Hit]) -> Answer:
            return Answer.of_attempt(attempt, truth, language, logprobs(target, hits, generator), target.weights)

        return cls(
            path=hole.document.path,
            before=_around(hole.document.data[: hole.start], slice(-LINES_BEFORE, None)),
            after=_around(hole.document.data[hole.end :], slice(LINES_AFTER)),
            line=hole.document.at_offset(hole.start).line,
            start=hole.start,
            kind=hole.kind,
            truth=truth,
            probability=round(outcome.probability, 6),
            threshold=parts.policy.thresholds[hole.mode],
            without=scored(outcome.without, ()),
            retrieved=scored(outcome.retrieved, outcome.found),
            chunks=tuple(f"{chunk.path}:{chunk.start_line}-{chunk.end_line}" for chunk in chunks),
            jaccard=round(outcome.best_jaccard, 4),
            baselines={
                "n-gram cache": Answer.of(cut(ngram_answer(outcome, generator), hole), truth, language),
                "copy a line": Answer.of(cut(copied_answer(outcome), hole), truth, language),
            },
            policy_ms=round(outcome.policy_ms, 3),
            measured_bytes=len(generator.tokenizer.decode(target.middle).encode()),
            language=language,
            min_confidence=parts.least_confidence(CompletionOptions()),
            pair=None if outcome.pair is None else PairAnswer.of(outcome.pair, truth, language),
        )

    @property
    def key(self) -> tuple[str, int, str]:
        """What names the hole in every run with the same files and seed."""
        return self.path, self.start, self.kind

    @property
    def helped(self) -> bool:
        """Retrieval brought the answer closer to the truth."""
        return self.retrieved.similarity > self.without.similarity

    @property
    def harmed(self) -> bool:
        """Retrieval led away from the truth."""
        return self.retrieved.similarity < self.without.similarity

    @property
    def shipped(self) -> Answer:
        """The answer that users get: a pair's, else the one by the policy's own decision."""
        if self.pair is not None:
            return self.pair.answer
        return self.retrieved if self.probability > self.threshold else self.without

    @property
    def judged(self) -> Judged:
        """That answer as silence sees it."""
        answer = self.shipped
        return Judged(answer.confidence, answer.similarity, answer.kept, bool(answer.text.strip()))

    def cost(self, retrieve: bool) -> dict[str, float]:
        """Milliseconds by step of one answer from nothing: what one had read for the other is charged to both."""
        if not retrieve:
            return self.without.ms
        shared = self.without.ms["prefill"] * self.retrieved.cached / max(1, self.without.prompt)
        return {**self.retrieved.ms, "prefill": shared + self.retrieved.ms["prefill"]}

    def to_json(self) -> dict[str, Any]:
        """Plain values, read back by `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Case:
        """A case as `to_json` wrote it."""
        sides = {side: _answer(content[side]) for side in ("without", "retrieved")}
        baselines = {name: _answer(answer) for name, answer in content["baselines"].items()}
        pair = content["pair"]
        if pair is not None:
            pair = PairAnswer(**{**pair, "answer": _answer(pair["answer"])})
        return cls(**{**content, **sides, "chunks": tuple(content["chunks"]), "baselines": baselines, "pair": pair})


def _around(data: bytes, lines: slice) -> str:
    """Some lines of what stands on one side of a hole, for people; long ones are cut."""
    text = data.decode(errors="replace").replace("\r\n", "\n")
    return "".join(line[-_MOST_CHARS:] for line in text.splitlines(keepends=True)[lines])


def _answer(content: dict[str, Any]) -> Answer:
    return Answer(**{**content, "logprobs": tuple(content["logprobs"])})


def _scorer(parts: Parts) -> LocalGenerator:
    """What can say how probable a given text is: the generator where it is local, else the pack that decides."""
    for each in (parts.generator, parts.policy):
        if isinstance(each, LocalGenerator):
            return each
    raise ValueError("neither the generator nor the policy can tell how probable a text is")
