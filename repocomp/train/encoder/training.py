"""Training the encoder: a question's vector should be nearer to the chunks that answer it than to others of its tree.

The network is as light as can be: rows of an embedding, pooled by weights that a token gives itself and its two
neighbours, and one hidden layer on what is pooled. A second weight of each token makes the sparse vector (as SPLADE,
without expansion). A step takes one repository, since retrieval never looks further, and scores its questions against
hundreds of its chunks at once: hard negatives are then in every batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from repocomp.model.encoder import CHUNK_TOKENS
from repocomp.progress import OnProgress, Progress, ignore
from repocomp.train.encoder.questions import Ids, Lesson, Question

Floats = npt.NDArray[np.float32]

HEADS = 2
SIGNALS = HEADS + 1
"""What a token says of itself and its neighbours: its weight in each head, and in the sparse vector."""
_NEIGHBOURS = 3
_RAREST = 5.0
_SHARP, _LOUD = 20.0, 0.2
"""What dense and sparse scores are multiplied by at first; both are learned."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train. `sparsity` weighs the mean sum of a chunk's sparse weights in the loss.

    `rate` is that of the tokens' weights, `slow_rate` that of all else, which would learn the repositories by heart;
    so would both if all tokens could always be seen: `kept` is the share that can.
    """

    d_model: int = 128
    d_hidden: int = 256
    questions: int = 96
    chunks: int = 384
    rate: float = 3e-3
    slow_rate: float = 1e-3
    kept: float = 0.7
    sparsity: float = 1e-4
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Flat:
    """Sequences laid end to end: ids [N], the sequence and the place in it of each, and where each begins [n]."""

    ids: Tensor
    owner: Tensor
    place: Tensor
    starts: Tensor

    @classmethod
    def of(cls, sequences: Sequence[Ids]) -> Flat:
        """Join them."""
        sizes = torch.tensor([len(one) for one in sequences])
        starts = torch.cumsum(sizes, 0) - sizes
        owner = torch.repeat_interleave(torch.arange(len(sequences)), sizes)
        ids = torch.tensor([token for one in sequences for token in one])
        return cls(ids, owner, torch.arange(len(ids)) - starts[owner], starts)


class Network(nn.Module):
    """The encoder. Tables hold the chunks' half first, then the questions'."""

    def __init__(self, vocab_size: int, settings: Settings) -> None:
        super().__init__()
        torch.manual_seed(settings.seed)
        d, hidden = settings.d_model, settings.d_hidden
        self.vocab_size = vocab_size
        self.embed = nn.Parameter(torch.randn(vocab_size, d) / math.sqrt(d))
        self.signal = nn.Parameter(torch.zeros(2 * vocab_size, _NEIGHBOURS * SIGNALS))
        self.place = nn.Parameter(torch.zeros(2 * CHUNK_TOKENS, SIGNALS))
        self.up = nn.Parameter(torch.randn(2, d, hidden) / math.sqrt(d))
        self.down = nn.Parameter(torch.zeros(2, hidden, d))
        with torch.no_grad():
            self.place[CHUNK_TOKENS:] = -torch.arange(CHUNK_TOKENS)[:, None] / 64
        self.scale = nn.Parameter(torch.log(torch.tensor([_SHARP, _LOUD])))

    def forward(self, flat: Flat, asked: bool) -> tuple[Tensor, Tensor]:
        """Vectors [n, d] of length one, and the weight [N] of each token."""
        said = self._signals(flat, asked)
        attention = torch.exp(said[:, :HEADS].clamp(-12, 12))
        total = torch.zeros(len(flat.starts), HEADS).index_add(0, flat.owner, attention)
        share = attention / total[flat.owner]
        parts = self.embed.chunk(HEADS, dim=1)
        pooled = torch.cat(
            [
                F.embedding_bag(flat.ids, part, flat.starts, mode="sum", per_sample_weights=share[:, head].contiguous())
                for head, part in enumerate(parts)
            ],
            dim=1,
        )
        pooled = F.normalize(pooled, dim=1)
        half = int(asked)
        mixed = pooled + torch.relu(pooled @ self.up[half]) @ self.down[half]
        return F.normalize(mixed, dim=1), torch.relu(said[:, HEADS])

    def arrays(self) -> dict[str, Floats]:
        """The weights by name."""
        return {name: value.detach().numpy() for name, value in self.state_dict().items()}

    def _signals(self, flat: Flat, asked: bool) -> Tensor:
        """What each token weighs [N, SIGNALS]: by itself, the token before it, the one after it, and its place."""
        own = self.signal[flat.ids + int(asked) * self.vocab_size].view(-1, SIGNALS, _NEIGHBOURS)
        same = (flat.owner[1:] == flat.owner[:-1]).float()[:, None]
        said = own[:, :, 0] + self.place[flat.place + int(asked) * CHUNK_TOKENS]
        before = F.pad(own[:-1, :, 1] * same, (0, 0, 1, 0))
        after = F.pad(own[1:, :, 2] * same, (0, 0, 0, 1))
        return said + before + after


def overlap(asked: Flat, asked_weights: Tensor, chunks: Flat, chunk_weights: Tensor) -> Tensor:
    """Products [q, c] of the sparse vectors, over the tokens that any question has."""
    columns, own = torch.unique(asked.ids, return_inverse=True)
    at = torch.searchsorted(columns, chunks.ids).clamp(max=len(columns) - 1)
    shared = columns[at] == chunks.ids
    left = _spread(asked.owner, own, asked_weights, len(asked.starts), len(columns))
    right = _spread(chunks.owner[shared], at[shared], chunk_weights[shared], len(chunks.starts), len(columns))
    return left @ right.T


def _spread(owner: Tensor, column: Tensor, weights: Tensor, rows: int, columns: int) -> Tensor:
    """Sparse vectors [rows, columns]: log(1 + sum) of the weights of a token that comes again."""
    places, which = torch.unique(owner * columns + column, return_inverse=True)
    sums = torch.zeros(len(places)).index_add(0, which, weights)
    return torch.zeros(rows * columns).index_put((places,), torch.log1p(sums)).view(rows, columns)


def start_from(network: Network, embedding: Floats) -> None:
    """Begin with the main directions of a language model's embedding [vocabulary, any width]."""
    centred = embedding - embedding.mean(0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    d = network.embed.shape[1]
    # Dealt out in turns, so that each head has a share of the strong ones.
    order = np.arange(d).reshape(-1, HEADS).T.ravel()
    table = centred @ axes[order].T
    with torch.no_grad():
        network.embed.copy_(torch.from_numpy(table / np.linalg.norm(table, axis=1).mean()))


def weigh_by_rarity(network: Network, lessons: Sequence[Lesson]) -> None:
    """Begin with sparse weights that fall with the share of chunks that hold a token, as BM25's do."""
    held = np.ones(network.vocab_size)
    for lesson in lessons:
        for ids in lesson.chunks:
            held[np.array(sorted(set(ids)), dtype=np.int64)] += 1
    rarity = np.log(sum(len(lesson.chunks) for lesson in lessons) / held).clip(0) / _RAREST
    with torch.no_grad():
        network.signal[:, HEADS * _NEIGHBOURS] = torch.from_numpy(np.concatenate([rarity, rarity])).float()


def train(
    network: Network,
    lessons: Sequence[Lesson],
    settings: Settings,
    done: Callable[[], float],
    progress: OnProgress = ignore,
) -> int:
    """Train until `done()` (0..1) is 1, the rate falling to zero; returns the number of steps."""
    rng = np.random.default_rng(settings.seed)
    quick = [network.signal, network.place, network.scale]
    slow = [network.embed, network.up, network.down]
    groups = [{"params": quick, "peak": settings.rate}, {"params": slow, "peak": settings.slow_rate}]
    optimiser = torch.optim.Adam(groups, betas=(0.9, 0.98))
    steps = 0
    while (far := done()) < 1:
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * min(1.0, (steps + 1) / 50) * (1 - far)
        dense, sparse, mass = losses(network, *_batch(lessons[int(rng.integers(len(lessons)))], settings, rng))
        optimiser.zero_grad()
        (dense + sparse + settings.sparsity * mass).backward()
        optimiser.step()
        steps += 1
        progress(Progress(far, 1.0, f"loss {dense.item():.3f} and {sparse.item():.3f}"))
    return steps


def losses(network: Network, asked: Flat, chunks: Flat, truth: Tensor, own: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Cross-entropy of both vectors' scores to the shares `truth` [q, c], and the mean sparse mass of a chunk.

    `own` [q, c] is true where a chunk is of the question's own file, which is no alternative.
    """
    question, question_weights = network(asked, asked=True)
    chunk, chunk_weights = network(chunks, asked=False)
    sharp, loud = torch.exp(network.scale)
    sparse = overlap(asked, question_weights, chunks, chunk_weights)
    scores = (sharp * question @ chunk.T, loud * sparse)
    dense_loss, sparse_loss = (
        -(truth * F.log_softmax(score.masked_fill(own, -1e4), dim=1)).sum(1).mean() for score in scores
    )
    return dense_loss, sparse_loss, torch.log1p(chunk_weights).sum() / len(chunks.starts)


def _batch(lesson: Lesson, settings: Settings, rng: np.random.Generator) -> tuple[Flat, Flat, Tensor, Tensor]:
    """Some questions, some of what answers them, and other chunks of the repository up to the number wanted."""
    count = min(settings.questions, len(lesson.questions))
    questions = [lesson.questions[at] for at in rng.choice(len(lesson.questions), count, replace=False)]
    wanted = [int(rng.choice(one.answers, p=one.shares / one.shares.sum())) for one in questions]
    others = rng.permutation(len(lesson.chunks))[: max(0, settings.chunks - count)]
    chosen = np.unique(np.concatenate([wanted, others]).astype(np.int64))
    chunks = [_some(lesson.chunks[at], settings.kept, rng) for at in chosen]
    asked = [_some(one.ids, settings.kept, rng) for one in questions]
    truth = torch.from_numpy(_shares(questions, chosen, len(lesson.chunks)))
    own = lesson.files[chosen][None, :] == np.array([one.file for one in questions])[:, None]
    return Flat.of(asked), Flat.of(chunks), truth, torch.from_numpy(own)


def _some(ids: Ids, share: float, rng: np.random.Generator) -> Ids:
    """A random `share` of the ids, in order."""
    seen = rng.random(len(ids)) < share
    return [token for token, is_seen in zip(ids, seen.tolist(), strict=True) if is_seen]


def _shares(questions: Sequence[Question], chosen: npt.NDArray[np.int64], count: int) -> Floats:
    """Shares [q, chosen] of the answers among the chosen chunks, summing to one."""
    table = np.zeros((len(questions), count), dtype=np.float32)
    for row, one in enumerate(questions):
        table[row, one.answers] = one.shares
    kept = table[:, chosen]
    return kept / kept.sum(1, keepdims=True)


def found(network: Network, lessons: Sequence[Lesson], top: int = 5) -> tuple[float, float]:
    """The mean share of the answers among the `top` chunks by dense and by sparse score; for choosing settings."""
    shares: list[list[float]] = [[], []]
    with torch.no_grad():
        for lesson in lessons:
            asked, chunks = Flat.of([one.ids for one in lesson.questions]), Flat.of(lesson.chunks)
            (question, question_weights), (chunk, chunk_weights) = network(asked, True), network(chunks, False)
            sparse = overlap(asked, question_weights, chunks, chunk_weights)
            own = lesson.files[None, :] == np.array([one.file for one in lesson.questions])[:, None]
            truth = _shares(lesson.questions, np.arange(len(lesson.chunks)), len(lesson.chunks))
            for kept, score in zip(shares, (question @ chunk.T, sparse), strict=True):
                best = np.argsort(-np.where(own, -np.inf, score.numpy()), axis=1)[:, :top]
                ideal = -np.sort(-truth, axis=1)[:, :top].sum(1)
                kept.append(float((np.take_along_axis(truth, best, 1).sum(1) / ideal).mean()))
    return float(np.mean(shares[0])), float(np.mean(shares[1]))
