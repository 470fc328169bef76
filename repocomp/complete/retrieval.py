"""The retrieval step of a completion: carry out the decision, by the arms that were chosen, cut to the budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from repocomp.budget import Budget
from repocomp.complete.parts import Parts
from repocomp.complete.place import Place
from repocomp.policy.decide import Decision
from repocomp.policy.features import features
from repocomp.policy.select import Action, Known, arm_propensities, asked, shipped
from repocomp.prompt.snippets import Snippet
from repocomp.request import ArmUse, Choice, ChunkUse, CompletionOptions, Retrieval
from repocomp.retrieve.hit import Hit
from repocomp.retrieve.retrieve import Retrieved
from repocomp.retrieve.trace import trace


@dataclass(frozen=True, slots=True)
class CrossFileContext:
    """The outcome of the decision: what to report, the `snippets` of the prompt, and the `hits` to copy from.

    `known` is what the choice of arms was made by, where there was one, `drawn` what each arm found.
    """

    retrieval: Retrieval
    snippets: tuple[Snippet, ...] = ()
    hits: tuple[Hit, ...] = ()
    known: Known = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    drawn: Mapping[str, Sequence[Hit]] = field(default_factory=dict)

    def read(self, chance: float) -> CrossFileContext:
        """The same, where reading is expected to help by a `chance`."""
        return replace(self, retrieval=replace(self.retrieval, reading=round(chance, 4)))

    def unread(self, chance: float | None = None) -> CrossFileContext:
        """The same with nothing of it read, since that helps by no more than a `chance` (None: it is not needed)."""
        if not self.snippets:
            return self
        chunks = tuple(replace(chunk, tokens=0) for chunk in self.retrieval.chunks)
        reading = None if chance is None else round(chance, 4)
        retrieval = replace(
            self.retrieval,
            chunks=chunks,
            draws=trace(self.drawn, self.hits, self.hits),
            budget_tokens=0,
            action="copy",
            reading=reading,
        )
        return replace(self, retrieval=retrieval, snippets=())


def retrieve_context(
    options: CompletionOptions, parts: Parts, place: Place, decision: Decision, budget: Budget
) -> CrossFileContext:
    """Carry out the decision; what is found is cut to the generator's budget of cross-file tokens."""
    action, choice, known = _choose(options, parts, place, decision)

    def report(outcome: Literal["skipped", "used", "unavailable"], reason: str) -> Retrieval:
        return Retrieval(outcome, decision.rule, reason, decision.probability, decision.threshold, choice=choice)

    if not decision.retrieve:
        return CrossFileContext(report("skipped", _why_skipped(decision)))
    if parts.retriever is None:
        return CrossFileContext(report("unavailable", "this work tree has no index"))
    if action.is_none:
        return CrossFileContext(report("skipped", "what was learned here expects no help"), known=known)
    found = parts.retriever.find(place.query, action, deadline=budget.deadline)
    tokens = action.budget(parts.snippet_tokens(options))
    snippets = parts.generator.fit(found.hits, tokens)
    # Whatever the prompt has room for, everything can be a copy source.
    kept = [snippet.hit for snippet in snippets] if tokens else found.hits
    draws = trace(found.drawn, found.hits, kept)
    uses = _uses(parts, choice, found)
    if not snippets:
        nothing = report("unavailable", "the index holds nothing near this place")
        nothing = replace(nothing, arms=uses, draws=draws, budget_tokens=tokens)
        return CrossFileContext(nothing, known=known, failed=found.failed)
    chunks = tuple(_chunk_use(snippet) for snippet in reversed(snippets))
    reason = "cross-file context is expected to help" + ("" if tokens else "; used as copy sources")
    used = replace(
        report("used", reason),
        arms=uses,
        chunks=chunks,
        draws=draws,
        budget_tokens=tokens,
        action="read" if tokens else "copy",
    )
    return CrossFileContext(used, tuple(snippets), tuple(found.hits), known, found.failed, found.drawn)


def _choose(
    options: CompletionOptions, parts: Parts, place: Place, decision: Decision
) -> tuple[Action, Choice | None, Known]:
    """What to ask: what the request names, else what was learned, else what is shipped."""
    is_read = parts.generator.snippet_tokens > 0
    wanted = options.arms is None and decision.retrieve and parts.retriever is not None
    if not wanted or parts.selector is None or parts.selector.learned.parameters is None:
        return asked(options.arms, is_read=is_read), None, {}
    known = features(place.document, place.query, place.window, place.mode)
    if decision.probability is not None:
        known["probability"] = round(decision.probability, 6)
    made = parts.selector.choose(place.query, known, may_skip=decision.rule in ("greedy", "threshold"))
    return made if made is not None else (shipped(is_read=is_read), None, {})


def _uses(parts: Parts, choice: Choice | None, found: Retrieved) -> tuple[ArmUse, ...]:
    parameters = parts.selector.learned.parameters if parts.selector is not None else None
    drawn = {name: len(hits) for name, hits in found.drawn.items()}
    if choice is None or parameters is None:
        return tuple(ArmUse(name, count) for name, count in drawn.items())
    share = arm_propensities(parameters, choice, tuple(drawn))
    return tuple(ArmUse(name, count, share[name]) for name, count in drawn.items())


def _why_skipped(decision: Decision) -> str:
    if decision.probability is None or decision.threshold is None:
        return "retrieval is off"
    return f"the policy expects no help ({decision.probability:.2f} <= {decision.threshold:.2f})"


def _chunk_use(snippet: Snippet) -> ChunkUse:
    hit = snippet.hit
    return ChunkUse(hit.path, hit.start_line, hit.end_line, round(hit.score, 4), hit.arm, len(snippet.ids))


def warnings(parts: Parts, failed: Mapping[str, str]) -> tuple[str, ...]:
    """What users should know of the index, of arms that failed, and of what was learned."""
    if parts.retriever is None:
        return ("no index: only the file itself is read; run: repocomp index",)
    learned = parts.selector.learned.warning if parts.selector is not None else None
    arms = (f"the arm {name!r} did not answer: {reason}" for name, reason in failed.items())
    return (*arms, *((learned,) if learned is not None else ()))
