"""A server's generator up to the moment of sending: what a dry run shows."""

from __future__ import annotations

from dataclasses import dataclass, field

from repocomp.budget import UNLIMITED, Budget
from repocomp.generate.generator import DecodingRules, Emit, Generated, Task
from repocomp.generate.http.exchange import HttpRequest
from repocomp.generate.http.generator import HttpGenerator
from repocomp.request import Tokens


@dataclass(frozen=True)
class Rehearsal(HttpGenerator):
    """Keeps what it would have sent in `requests`, and sends nothing."""

    requests: list[HttpRequest] = field(default_factory=list)

    @classmethod
    def of_generator(cls, generator: HttpGenerator) -> Rehearsal:
        """A rehearsal of `generator`."""
        return cls(generator.address, generator.wire, generator.key, generator.connections, generator.breaker)

    def complete(
        self, task: Task, rules: DecodingRules, budget: Budget = UNLIMITED, emit: Emit | None = None
    ) -> Generated:
        """Keep the request; the answer is empty."""
        self.requests.append(self.request(task, rules))
        return Generated("", None, "end", Tokens(0, 0, 0))
