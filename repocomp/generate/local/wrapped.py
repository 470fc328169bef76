"""A model that stands for another, for those who do something around its runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from repocomp.generate.local.decode import Ids, LanguageModel, Logits
from repocomp.model.shape import ModelShape


@dataclass(frozen=True, slots=True)
class WrappedModel:
    """Does as `inner` does. Who derives from it says what else happens in `run`."""

    inner: LanguageModel

    @property
    def shape(self) -> ModelShape:
        """Its sizes."""
        return self.inner.shape

    @property
    def device(self) -> str:
        """Where it runs."""
        return self.inner.device

    def new_buffers(self) -> Any:  # noqa: ANN401  (opaque: only the model that made it looks inside)
        """Room for one sequence."""
        return self.inner.new_buffers()

    def run(self, ids: Ids, past: int, buffers: Any, keep: int) -> Logits:  # noqa: ANN401
        """Append `ids` after the first `past` tokens; logits of the last `keep`."""
        return self.inner.run(ids, past, buffers, keep)
