"""One completion, from cursor to text: the only place that knows the order of the steps.

Cut the context at stable anchors, prefill, read the decision at the self-evaluation token, then either decode at once
or retrieve, append the cross-file context and decode; trim. The answer depends on the request, the index and the packs
alone: the same request on the same state gives the same text.

One step after the other: retrieving beside the prefill was measured on two cores (busy ones, in turns) to gain nothing
where it is used (x 0.96 to 1.06) and to slow down by x 1.25 to 2.3 what needs no retrieval.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

from repocomp.complete import copy_sources as repeats
from repocomp.complete import trim
from repocomp.complete.clock import Clock
from repocomp.complete.parts import Loaded, Parts
from repocomp.complete.retrieval import Fetched, Place, fetch, warnings
from repocomp.complete.stream import Stream
from repocomp.document import Document, Position, Range
from repocomp.generate.local.decode import DeadlinePassed, Generated, Logits, decode, prefill
from repocomp.generate.local.ngram_cache import NgramCache
from repocomp.languages.table import language_of
from repocomp.policy.decide import Decision, Rule, decide, probability
from repocomp.policy.features import features
from repocomp.prompt import window as prompt
from repocomp.request import Candidate, Completion, CompletionRequest, Filter, Mode, Retrieval, Tokens
from repocomp.retrieve.query import Query

_NOT_DECIDED = Fetched(Retrieval("skipped", "never", "the deadline passed before the decision"))


def complete(request: CompletionRequest, parts: Parts, emit: Callable[[str], None] | None = None) -> Completion:
    """Answer one request. Raises RepocompError for what the user can mend; an empty answer carries its reason.

    `emit` is given the text piece by piece, each as soon as nothing can take it back.
    """
    clock = Clock.starting(request.deadline_ms)
    generator = parts.generator
    pack = generator.pack
    context = generator.context(request.document, request.cursor)
    query = query_of(request.document, request.cursor, context)
    surroundings = trim.Surroundings.of(context.left, context.right)
    mode = trim.choose_mode(context.left, surroundings) if request.mode == "auto" else request.mode
    shared = prompt.shared_ids(context, pack.tokens, pack.layout)
    cache = generator.caches.take(shared)
    # Within a word the prompt stays the same: then what was read at its end is known, and the snippets may stay too.
    rows: Logits | None = cache.recall(shared)
    cached = cache.reuse(shared) if rows is None else len(shared)
    stream = Stream(emit, request.document.newline)
    fetched, branch = _NOT_DECIDED, list[int]()
    try:
        if rows is None:
            # The end of the branch that skips rides along: most keystrokes take that way, and save a run.
            asked = [*shared[cached:], pack.tokens.middle]
            rows = prefill(generator.model, cache, asked, keep=2, deadline=clock.deadline)
            cache.remember(len(shared), rows[:1])
        elif clock.is_up:
            raise DeadlinePassed
        clock.lap("prefill")
        decision = _decide(request, parts, mode, rows[:1])
        clock.lap("policy")
        fetched = fetch(request, parts, Place(query, context, mode), decision, clock.deadline)
        clock.lap("retrieve")
        branch = prompt.branch_ids(fetched.ids, shared, pack.tokens)
        logits = rows[1:]
        if fetched.ids or not len(logits):
            kept = cache.reuse([*shared, *branch]) - len(shared)
            logits = prefill(generator.model, cache, branch[kept:], deadline=clock.deadline)
            cached += kept
        clock.lap("prefill")
        encode = generator.tokenizer.encode
        ngrams = repeats.ngram_cache(request.document, request.cursor, context, fetched.hits, encode, pack.cache.vote)
        clock.lap("copy")
        generated = _generate(request, generator, mode, surroundings, context.begun, logits, ngrams, clock, stream)
        clock.lap("decode")
    except DeadlinePassed:
        generated = Generated([], [], "deadline")
    finished = generated.stop_reason not in ("length", "deadline")
    raw = generator.tokenizer.decode(generated.ids)[len(context.begun) :]
    text, filters = trim.trim(raw, mode, surroundings, finished=finished)
    stream.pass_on(text)
    clock.lap("post")
    counts = Tokens(len(shared) + len(branch), cached, len(generated.ids))
    answer = _answer(request, parts, fetched, generated, (text, tuple(filters)), counts, clock)
    known = fetched.known or features(request.document, query, context, mode)
    return replace(answer, features=dict(known))


def expectation(request: CompletionRequest, policy: Loaded, mode: Mode) -> float:
    """The probability, by a policy that is not the generator, that retrieval helps; it reads the file itself."""
    logits = _read_decision(request, policy)
    return probability(logits[-1], policy.pack.tokens, policy.pack.calibration[mode])


def _decide(request: CompletionRequest, parts: Parts, mode: Mode, logits: Logits) -> Decision:
    """Ask the policy. With one pack in both roles `logits` already holds its answer."""
    policy = parts.policy
    if policy is parts.generator:
        said = probability(logits[-1], policy.pack.tokens, policy.pack.calibration[mode])
    elif request.retrieve == "auto":
        said = expectation(request, policy, mode)
    else:
        return Decision(request.retrieve == "always", request.retrieve, None, None)
    threshold = request.threshold
    if threshold is None and parts.selector is not None:
        threshold = parts.selector.threshold(mode)
    if threshold is None:
        threshold = policy.pack.thresholds[mode]
    rule: Rule = request.select if request.retrieve == "auto" else request.retrieve
    return decide(rule, said, threshold)


def _read_decision(request: CompletionRequest, policy: Loaded) -> Logits:
    pack = policy.pack
    ids = prompt.shared_ids(policy.context(request.document, request.cursor), pack.tokens, pack.layout)
    cache = policy.caches.take(ids)
    return prefill(policy.model, cache, ids[cache.reuse(ids) :])


def query_of(document: Document, cursor: Position, context: prompt.Context) -> Query:
    """What retrieval is asked for a cursor whose prompt shows `context`."""
    above, below = prompt.unseen(document, cursor, context)
    return Query(
        path=document.path,
        language=language_of(document.path),
        prefix=context.left,
        suffix=context.right,
        visible=(context.first_line, context.last_line),
        above=above,
        below=below,
    )


def _generate(
    request: CompletionRequest,
    generator: Loaded,
    mode: Mode,
    surroundings: trim.Surroundings,
    begun: str,
    logits: Logits,
    ngrams: NgramCache,
    clock: Clock,
    stream: Stream,
) -> Generated:
    should_stop = trim.stop_rule(mode, surroundings)
    tokenizer = generator.tokenizer

    def stop(ids: list[int]) -> str | None:
        text = tokenizer.decode(ids)[len(begun) :]
        if stream.emit is not None:
            stream.pass_on(trim.settled(text, mode, surroundings))
        return should_stop(text)

    def allowed(ids: list[int]) -> list[int] | None:
        """What may come next until the word that the cursor cuts is written again."""
        written = tokenizer.decode(ids) if begun else ""
        return tokenizer.able_to_spell(begun[len(written) :]) if len(written) < len(begun) else None

    return decode(
        generator.model,
        generator.cache,
        logits,
        max_new_tokens=min(request.max_new_tokens, generator.pack.budgets.middle),
        stop=stop,
        allowed=allowed,
        barred=lambda ids: repeats.said_twice(ids, tokenizer.line_breaks),
        tokens=generator.pack.tokens,
        ngrams=ngrams,
        deadline=clock.deadline,
        draft_tokens=generator.draft_tokens,
        mixture=generator.pack.cache,
    )


def _answer(
    request: CompletionRequest,
    parts: Parts,
    fetched: Fetched,
    generated: Generated,
    trimmed: tuple[str, tuple[Filter, ...]],
    counts: Tokens,
    clock: Clock,
) -> Completion:
    text, filters = trimmed
    retrieval = fetched.retrieval
    text = text.replace("\n", request.document.newline)
    here = Range(request.cursor, request.cursor)
    policy, generator = parts.policy.pack, parts.generator
    return Completion(
        id=identity(request, generator.pack.digest, retrieval, text),
        text=text,
        range=here,
        candidates=_candidates(text, generated),
        stop_reason=generated.stop_reason,
        retrieval=retrieval,
        models={"policy": policy.name, "generator": generator.pack.name, "device": generator.model.device},
        tokens=counts,
        timings_ms=clock.timings(),
        filters=filters,
        warnings=warnings(parts, fetched.failed),
        reason=None if text else _why_empty(generated, filters),
    )


def _candidates(text: str, generated: Generated) -> tuple[Candidate, ...]:
    if not text:
        return ()
    logprobs = tuple(round(logprob, 4) for logprob in generated.logprobs)
    return (Candidate(text, round(sum(generated.logprobs), 4), logprobs),)


def identity(request: CompletionRequest, pack_digest: str, retrieval: Retrieval, text: str) -> str:
    """A name for this answer that the same request on the same state gets again; another decision is another name."""
    digest = hashlib.blake2b(digest_size=8)
    shown = [f"{chunk.path}:{chunk.start_line}-{chunk.end_line}" for chunk in retrieval.chunks]
    for part in (request.document.path, pack_digest, str(request.cursor.offset), text, retrieval.decision, *shown):
        digest.update(part.encode() + b"\0")
    digest.update(request.document.data)
    return f"c_{digest.hexdigest()}"


def _why_empty(generated: Generated, filters: tuple[Filter, ...]) -> str:
    if generated.stop_reason == "deadline":
        return "the deadline passed before anything was finished"
    if not generated.ids:
        return "the model sees nothing to add here"
    dropped = next((item.rule for item in filters if item.action == "dropped"), None)
    return f"what was generated was dropped by the rule {dropped!r}" if dropped else "only white space was generated"
