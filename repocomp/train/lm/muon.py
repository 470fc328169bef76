"""Muon (Jordan et al. 2024) for hidden matrices, AdamW for the embedding and the norms.

Muon steps along the orthogonalised momentum of a matrix: all directions are learnt at one rate, which at a few million
parameters halves the tokens a loss needs.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from repocomp.train.lm.network import LanguageModel

_MOMENTUM = 0.95
_DECAY = 0.1
_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5


class Muon:
    """Both optimisers behind one step. Rates are scaled by `factor` at each step."""

    def __init__(self, model: LanguageModel, muon_rate: float, adam_rate: float) -> None:
        named = list(model.named_parameters())
        self._matrices = [p for name, p in named if p.ndim == 2 and name != "embed.weight"]
        self._others = [p for name, p in named if p.ndim != 2 or name == "embed.weight"]
        self._momenta = [torch.zeros_like(p) for p in self._matrices]
        self._adam = torch.optim.AdamW(self._others, lr=adam_rate, betas=(0.9, 0.95), weight_decay=0.0)
        self._muon_rate, self._adam_rate = muon_rate, adam_rate
        # Matrices of one shape step together: on an accelerator, many small products cost more than one large.
        self._by_shape: dict[tuple[int, ...], list[int]] = {}
        for number, matrix in enumerate(self._matrices):
            self._by_shape.setdefault(tuple(matrix.shape), []).append(number)

    @torch.no_grad()
    def step(self, factor: float) -> None:
        """Apply the gradients at `factor` times the base rates, and clear them."""
        torch.nn.utils.clip_grad_norm_(self._others, 1.0)
        for group in self._adam.param_groups:
            group["lr"] = self._adam_rate * factor
        self._adam.step()
        rate = self._muon_rate * factor
        for same in self._by_shape.values():
            updates = orthogonalise(torch.stack([self._nesterov(number) for number in same]))
            for number, update in zip(same, updates, strict=True):
                weight = self._matrices[number]
                weight.mul_(1 - _DECAY * rate)
                weight.add_(update, alpha=-rate * max(1.0, weight.shape[0] / weight.shape[1]) ** 0.5)
        for weight in (*self._matrices, *self._others):
            weight.grad = None

    def _nesterov(self, number: int) -> Tensor:
        gradient, momentum = self._matrices[number].grad, self._momenta[number]
        assert gradient is not None
        momentum.mul_(_MOMENTUM).add_(gradient)
        return gradient.add(momentum, alpha=_MOMENTUM)

    def state(self) -> dict[str, Any]:
        """Everything that a resumed run needs."""
        return {"adam": self._adam.state_dict(), "momenta": self._momenta}

    def load(self, state: dict[str, Any]) -> None:
        """Continue from `state`."""
        self._adam.load_state_dict(state["adam"])
        for momentum, saved in zip(self._momenta, state["momenta"], strict=True):
            momentum.copy_(saved)


def orthogonalise(gradients: Tensor) -> Tensor:
    """The nearest semi-orthogonal matrices to [N, A, B], roughly: five quintic Newton-Schulz steps.

    Singular values end in 0.7..1.2, so bfloat16 is good enough where it is fast.
    """
    a, b, c = _NEWTON_SCHULZ
    x = gradients.bfloat16() if gradients.is_cuda else gradients
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    tall = x.shape[1] > x.shape[2]
    x = x.mT if tall else x
    for _ in range(_ITERATIONS):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return (x.mT if tall else x).to(gradients.dtype)
