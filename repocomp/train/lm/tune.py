"""Multi-task tuning: one model learns to decide and to fill in (Repoformer, section 3.4).

    loss = weight * CE(the token after <decide>) + CE(the middle)

The two are means of their own: merged into one mean the decision drowns among the middle's tokens and the policy
always retrieves. Nothing else is supervised. An example where retrieval helped is read with its context; one where it
did not is read without, and now and then with it, the label still saying "skip": so that context that should not have
been fetched does little harm. Now and then the context is that of another place, which should do none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from repocomp.model.families import FimTokens
from repocomp.progress import OnProgress, Progress, ignore
from repocomp.prompt.repocomp import branch
from repocomp.train.lm.label import Example
from repocomp.train.lm.network import LanguageModel

_LEAST_STAKE = 0.1
"""A decision that changes nothing still costs or saves time."""


@dataclass(frozen=True, slots=True)
class TuneSettings:
    """How to tune. `batch` counts examples, rates are AdamW's.

    Of the examples where retrieval did not help `useless_share` are read with what it found, and of all `wrong_share`
    with what it found for another.
    """

    epochs: int = 2
    batch: int = 16
    rate: float = 4e-4
    decision_weight: float = 1.0
    useless_share: float = 0.5
    wrong_share: float = 0.1
    warmup_steps: int = 20
    seed: int = 0


def tune(
    model: LanguageModel,
    examples: Sequence[Example],
    tokens: FimTokens,
    settings: TuneSettings,
    *,
    progress: OnProgress = ignore,
    elapsed: Callable[[], float] | None = None,
) -> None:
    """Tune `model` in place. `elapsed` gives the share of a time budget spent, and then ends the run at 1.0."""
    rng = np.random.default_rng(settings.seed)
    optimiser = torch.optim.AdamW(model.parameters(), lr=settings.rate, betas=(0.9, 0.95), weight_decay=0.0)
    total = settings.epochs * math.ceil(len(examples) / settings.batch)
    for step, batch in enumerate(_batches(examples, settings, rng)):
        done = max(step / total, elapsed() if elapsed is not None else 0.0)
        if done >= 1.0:
            break
        for group in optimiser.param_groups:
            group["lr"] = settings.rate * min(1.0, (step + 1) / settings.warmup_steps) * max(0.02, 1 - done)
        decision, middle = _step(model, batch, tokens, settings, rng)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        progress(Progress(done, 1.0, f"decision {decision:.3f}, middle {middle:.3f}"))


@dataclass(frozen=True, slots=True)
class Row:
    """One training sequence: `ids` [T], the place of `<decide>` in it, and where the middle's tokens begin."""

    ids: list[int]
    decide: int
    middle: int

    @classmethod
    def of(cls, example: Example, snippets: list[int], tokens: FimTokens) -> Row:
        """Lay out `example` with `snippets` as its cross-file context, its true middle and `<end>`."""
        before = [*example.shared, *branch(snippets, example.shared, tokens)]
        return cls([*before, *example.middle, tokens.end], len(example.shared) - 1, len(before))


def _batches(examples: Sequence[Example], settings: TuneSettings, rng: np.random.Generator) -> Iterator[list[Example]]:
    """Shuffled batches whose members are of like length, so that little is padding."""
    for _ in range(settings.epochs):
        jitter = rng.normal(0, 40, len(examples))
        order = np.argsort([len(e.shared) + len(e.snippets) for e in examples] + jitter)
        batches = [order[at : at + settings.batch] for at in range(0, len(order), settings.batch)]
        for chosen in rng.permutation(len(batches)):
            yield [examples[int(number)] for number in batches[int(chosen)]]


def _step(
    model: LanguageModel,
    batch: Sequence[Example],
    tokens: FimTokens,
    settings: TuneSettings,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Accumulate the gradients of one batch; returns both losses in nats."""
    rows = [Row.of(example, context_of(example, batch, settings, rng), tokens) for example in batch]
    width = max(len(row.ids) for row in rows)
    ids = torch.tensor([row.ids + [tokens.pad] * (width - len(row.ids)) for row in rows])
    hidden = model.hidden(ids)
    decision = _decision_loss(model, hidden, rows, batch, tokens)
    middle = _middle_loss(model, hidden, rows)
    (settings.decision_weight * decision + middle).backward()
    return float(decision.detach()), float(middle.detach())


def context_of(
    example: Example, batch: Sequence[Example], settings: TuneSettings, rng: np.random.Generator
) -> list[int]:
    """The cross-file context that `example` is read with: its own, that of another in `batch`, or none."""
    if rng.random() < settings.wrong_share:
        return batch[int(rng.integers(len(batch)))].snippets
    return example.snippets if example.helped or rng.random() < settings.useless_share else []


def _decision_loss(
    model: LanguageModel,
    hidden: torch.Tensor,
    rows: Sequence[Row],
    batch: Sequence[Example],
    tokens: FimTokens,
) -> torch.Tensor:
    """CE over the whole vocabulary at `<decide>`, mean over the batch by `stake`. `hidden` is [B, T, D]."""
    places = torch.tensor([row.decide for row in rows])
    labels = torch.tensor([tokens.cc if example.helped else tokens.middle for example in batch])
    losses = functional.cross_entropy(model.head(hidden[torch.arange(len(rows)), places]), labels, reduction="none")
    stakes = torch.tensor([stake(example) for example in batch])
    return (losses * stakes).sum() / stakes.sum()


def stake(example: Example) -> float:
    """How much a decision matters: what edit similarity it moves.

    Greedy answers differ for small reasons: of 5,170 labels of a small model 34 % say that retrieval helped and 30 %
    that it harmed. The large differences are the ones to learn from.
    """
    return max(_LEAST_STAKE, abs(example.retrieved - example.without))


def _middle_loss(model: LanguageModel, hidden: torch.Tensor, rows: Sequence[Row]) -> torch.Tensor:
    """CE of the middles and their ends, mean over their tokens: position t predicts token t + 1."""
    number = torch.tensor([at for at, row in enumerate(rows) for _ in row.ids[row.middle :]])
    place = torch.tensor([t - 1 for row in rows for t in range(row.middle, len(row.ids))])
    target = torch.tensor([token for row in rows for token in row.ids[row.middle :]])
    return functional.cross_entropy(model.head(hidden[number, place]), target)
