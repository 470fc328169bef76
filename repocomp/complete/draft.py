"""A draft: what a generator wrote for a place, finished so that it fits there, and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from repocomp.complete.cursor_kind import kind_of
from repocomp.complete.figures import figures_of
from repocomp.complete.finish.finish import Finish
from repocomp.complete.place import Place
from repocomp.generate.generator import Generated
from repocomp.languages.language import TEXT
from repocomp.model.confidence import Confidence
from repocomp.policy.speak import Sureness
from repocomp.request import Candidate, DraftUse, Filter, Use

_NOBODY = DraftUse("", "skip", 0, None, 0.0, False)
_UNFINISHED = ("length", "deadline", "cancelled")


@dataclass(frozen=True, slots=True)
class Draft:
    """`text` is what of an answer is inserted, `filters` what finishing changed, `figures` what speaks for it.

    `sureness` is None where it is empty or the generator tells no probabilities. `use` says who wrote it, what was made
    of what was retrieved, and what it took.
    """

    generated: Generated
    text: str
    filters: tuple[Filter, ...]
    figures: Mapping[str, float]
    sureness: Sureness | None
    use: DraftUse = _NOBODY

    @classmethod
    def of(
        cls, generated: Generated, place: Place, finish: Finish, sources: Sequence[str], fit: Confidence | None
    ) -> Draft:
        """Finish an answer, which may have been copied from `sources`; `fit` judges it (None: the generic one)."""
        is_finished = generated.stop_reason not in _UNFINISHED
        text, filters = finish.trim(generated.text, is_finished=is_finished)
        region = finish.needs.start.region
        kind = kind_of(place.window.left, place.window.right, region, is_code=place.query.language != TEXT)
        figures = figures_of(generated, text, filters, place, kind, sources) if text else {}
        return cls(generated, text, filters, figures, Sureness.of(fit, figures))

    def judged(self, fit: Confidence | None, figures: Mapping[str, float]) -> Draft:
        """The same by more `figures`, which `fit` judges."""
        sureness = Sureness.of(fit, figures)
        known = replace(self, figures=figures, sureness=sureness)
        return replace(known, use=replace(self.use, confidence=rounded(known.confidence)))

    def by(self, model: str, action: Use, tokens_read: int, ms: float) -> Draft:
        """The same, with who wrote it and how."""
        return replace(self, use=DraftUse(model, action, tokens_read, rounded(self.confidence), round(ms, 3), False))

    def is_sure(self, least: float) -> bool:
        """Whether it is something to offer, and at least so sure."""
        return bool(self.text) and self.confidence is not None and self.confidence >= least

    def less_cached(self, tokens: int) -> Draft:
        """The same, where so many tokens of its prompt had been read for it just before."""
        counts = self.generated.tokens
        counts = replace(counts, cached=max(0, counts.cached - tokens))
        return replace(self, generated=replace(self.generated, tokens=counts))

    def worth(self, unknown: float) -> tuple[bool, bool, float, float]:
        """What drafts are ordered by: something to offer, written to its end, how sure (or `unknown`), how likely."""
        is_whole = self.generated.stop_reason not in ("deadline", "cancelled")
        sure = unknown if self.confidence is None else self.confidence
        return bool(self.text), is_whole, sure, self.logprob

    @property
    def confidence(self) -> float | None:
        """The chance (0..1) that a person would keep it."""
        return None if self.sureness is None else self.sureness.confidence

    @property
    def logprob(self) -> float:
        """The sum of its tokens' log-probabilities, in nats."""
        return sum(self.generated.token_logprobs or ())

    def candidate(self, newline: str) -> Candidate:
        """As it is told, with the line ends of its file."""
        logprobs = tuple(round(logprob, 4) for logprob in self.generated.token_logprobs or ())
        return Candidate(self.text.replace("\n", newline), round(self.logprob, 4), logprobs, rounded(self.confidence))


def rounded(confidence: float | None) -> float | None:
    """As it is told."""
    return None if confidence is None else round(confidence, 4)
