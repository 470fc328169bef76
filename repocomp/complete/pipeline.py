"""One completion, from cursor to text: the only place that knows the order of the steps.

Cut the window, ask the policy, retrieve or skip, let the generator write, finish, decide whether to speak. The answer
depends on the request, the index and the packs alone: the same request on the same state gives the same text.

One step after the other: retrieving beside the prefill was measured on two cores (busy ones, in turns) to gain nothing
where it is used (x 0.96 to 1.06) and to slow down by x 1.25 to 2.3 what needs no retrieval.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

from repocomp.budget import UNLIMITED, Budget
from repocomp.complete.clock import Clock
from repocomp.complete.draft import Draft
from repocomp.complete.drafting import Drafts, write_drafts
from repocomp.complete.embedding import Embedding
from repocomp.complete.parts import Parts
from repocomp.complete.place import Place
from repocomp.complete.retrieval import CrossFileContext, retrieve_context, warnings
from repocomp.complete.stream import Stream
from repocomp.document import Range
from repocomp.generate.generator import Expectation, Generated, Policy, expects
from repocomp.policy.decide import Decision, Rule, decide
from repocomp.policy.features import features
from repocomp.policy.speak import is_withheld
from repocomp.request import Completion, CompletionRequest, Filter, Mode, Retrieval, Tokens

Emit = Callable[[str], None]


def complete(
    request: CompletionRequest, parts: Parts, emit: Emit | None = None, clock: Clock | None = None
) -> Completion:
    """Answer one request. Raises RepocompError for what the user can fix; an empty answer carries its reason.

    `emit` is given the text piece by piece, each as soon as nothing can take it back: where an answer may still be
    withheld, or another one preferred, not before it is chosen. `clock` is one that runs already, with the budget that
    the answer has; without one it starts now.
    """
    embedding = Embedding.of(request)
    if embedding is None:
        return _complete(request, parts, emit, clock)

    def passed(text: str) -> None:
        if emit is not None:
            emit(embedding.written(text))

    return embedding.answer(_complete(embedding.request, parts, passed if emit is not None else None, clock))


def _complete(request: CompletionRequest, parts: Parts, emit: Emit | None, clock: Clock | None) -> Completion:
    options = request.options
    clock = clock or Clock.starting(options.deadline_ms)
    window = parts.generator.window(request.document, request.cursor)
    place = Place.of(request.document, request.cursor, window, options.mode)
    expected = _expectation(request, parts, place, clock.budget)
    clock.lap("prefill")
    if expected is not None and expected.stopped is not None:
        given_up = Draft(_given_up(expected), "", (), {}, None)
        drafts = Drafts((given_up,), _undecided(expected.stopped))
        return _answer(request, parts, place, drafts, None, clock)
    decision = _decide(request, parts, expected, place.mode)
    clock.lap("policy")
    context = retrieve_context(options, parts, place, decision, clock.budget)
    clock.lap("retrieve")
    least = parts.least_confidence(options)
    newline = request.document.newline_at(request.cursor)
    stream = Stream(emit, newline, may_begin=options.candidates == 1, may_be_withheld=bool(least))
    drafts = write_drafts(options, parts, place, context, clock, stream)
    if expected is not None and parts.is_self_selecting:
        # What the policy has read of the shared prompt was read for this answer.
        drafts = drafts.less_cached(expected.read_tokens)
    completion = _answer(request, parts, place, drafts, least, clock)
    stream.pass_on(completion.text.replace(stream.newline, "\n"))
    return completion


def expectation(request: CompletionRequest, policy: Policy, mode: Mode) -> float | None:
    """The probability, by a policy that is not the generator, that retrieval helps; it reads the file itself."""
    embedding = Embedding.of(request)
    asked = request if embedding is None else embedding.request
    window = policy.window(asked.document, asked.cursor)
    return expects(policy, policy.expectation(window, UNLIMITED), mode)


def _expectation(request: CompletionRequest, parts: Parts, place: Place, budget: Budget) -> Expectation | None:
    """What the policy expects, where it is asked: always where one pack has both roles, since it costs nothing then."""
    if parts.is_self_selecting:
        return parts.policy.expectation(place.window, budget)
    if request.options.retrieve != "auto":
        return None
    return parts.policy.expectation(parts.policy.window(request.document, request.cursor), budget)


def _decide(request: CompletionRequest, parts: Parts, expected: Expectation | None, mode: Mode) -> Decision:
    """Apply the rule of the request to what the policy expects."""
    options = request.options
    probability = expects(parts.policy, expected, mode)
    if probability is None:
        # A policy that cannot tell leaves the lookup, which is cheap, to the arms.
        rule: Rule = "never" if options.retrieve == "never" else "always"
        return Decision(rule == "always", rule, None, None)
    threshold = options.threshold
    if threshold is None and parts.selector is not None:
        threshold = parts.selector.threshold(mode)
    if threshold is None:
        threshold = parts.policy.thresholds[mode]
    return decide(options.select if options.retrieve == "auto" else options.retrieve, probability, threshold)


def _given_up(expected: Expectation) -> Generated:
    cached = expected.prompt_tokens - expected.read_tokens
    return Generated("", (), expected.stopped or "deadline", Tokens(expected.prompt_tokens, cached, 0))


def _undecided(reason: str) -> CrossFileContext:
    why = "the deadline passed before the decision" if reason == "deadline" else "nobody waits for the answer any more"
    return CrossFileContext(Retrieval("skipped", "never", why))


def _answer(
    request: CompletionRequest, parts: Parts, place: Place, drafts: Drafts, least: float | None, clock: Clock
) -> Completion:
    """The surest of `drafts`, or silence where even that one is less sure than `least`."""
    newline = request.document.newline_at(request.cursor)
    ranked, generator, context = drafts.by_worth(), parts.generator, drafts.context
    best, retrieval = ranked[0], context.retrieval
    candidates = [draft.candidate(newline) for draft in ranked if draft.text]
    is_quiet = bool(candidates) and is_withheld(best.confidence, least or 0.0)
    text = candidates[0].text if candidates and not is_quiet else ""
    known = context.known or features(place.document, place.query, place.window, place.mode)
    return Completion(
        id=identity(request, generator.digest, retrieval, text),
        text=text,
        range=Range(request.cursor, request.cursor),
        candidates=() if is_quiet else tuple(candidates),
        stop_reason=best.generated.stop_reason,
        retrieval=retrieval,
        models={"policy": parts.policy.name, "generator": generator.name, "device": generator.device},
        tokens=best.generated.tokens,
        timings_ms=clock.timings(),
        filters=best.filters,
        warnings=warnings(parts, context.failed),
        reason=None if text else "quiet" if is_quiet else _why_empty(best.generated, best.filters),
        features=dict(known),
        confidence=candidates[0].confidence if candidates else None,
        min_confidence=least or 0.0,
        withheld=candidates[0].text if is_quiet else None,
        # What judges drafts beside each other is not what a pack judges its own by.
        score=None if best.sureness is None or drafts.is_pair else round(best.sureness.score, 4),
        figures={name: round(value, 4) for name, value in best.figures.items()},
        drafts=tuple(replace(draft.use, chosen=draft is best) for draft in drafts.written),
    )


def identity(request: CompletionRequest, generator_digest: str, retrieval: Retrieval, text: str) -> str:
    """A name for this answer that the same request on the same state gets again; another decision is another name."""
    digest = hashlib.blake2b(digest_size=8)
    shown = [f"{chunk.path}:{chunk.start_line}-{chunk.end_line}" for chunk in retrieval.chunks]
    offset = str(request.cursor.offset)
    for part in (request.document.path, generator_digest, offset, text, retrieval.decision, *shown):
        digest.update(part.encode() + b"\0")
    digest.update(request.document.data)
    return f"c_{digest.hexdigest()}"


def _why_empty(generated: Generated, filters: tuple[Filter, ...]) -> str:
    if generated.stop_reason in ("deadline", "cancelled"):
        ended = "the deadline passed" if generated.stop_reason == "deadline" else "the request was cancelled"
        return f"{ended} before anything was finished"
    if not generated.tokens.generated:
        return "the model sees nothing to add here"
    dropped = next((item.rule for item in filters if item.action == "dropped"), None)
    return f"what was generated was dropped by the rule {dropped!r}" if dropped else "only white space was generated"
