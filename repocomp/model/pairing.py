"""How a small pack and a generator that reads answer together, as data beside the pack that decides.

The small one drafts first, in a tenth of the time. Its draft is the answer where it is sure enough; else the generator
writes too, having read what was retrieved where that is expected to help. The surer draft is the answer.
Fitted to one generator and used with any (`repocomp train policy`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from repocomp.errors import PackError
from repocomp.model.confidence import Confidence

PAIRING = "pairing.json"
"""The file of a pack that holds it."""
FORMAT = 3

Author = Literal["first", "unread", "read"]
"""What a draft is: the small pack's, or the generator's, without what was retrieved or having read it."""
AUTHORS: tuple[Author, ...] = get_args(Author)


@dataclass(frozen=True, slots=True)
class Pairing:
    """`keep` is the confidence from which a first draft is the answer, and the generator is not asked.

    `reading` gives the chance that the generator's draft gets better by reading what was retrieved, which it does from
    `reading.threshold` on. `drafts` judges each kind of draft by its figures and how alike the others are. `fitted`
    says on what, for people.
    """

    keep: float
    reading: Confidence
    drafts: Mapping[Author, Confidence]
    fitted: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """As the file of a pack."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Pairing:
        """As `to_json` wrote it. Raises PackError."""
        try:
            content = json.loads(text)
            if content["format"] != FORMAT:
                raise ValueError("it is of another format")
            keep, fitted = float(content["keep"]), dict(content["fitted"])
            if not 0 <= keep <= 1:
                raise ValueError("a chance is outside of 0 .. 1")
            reading = Confidence.of_values(content["reading"])
            drafts = {author: Confidence.of_values(content["drafts"][author]) for author in AUTHORS}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PackError(f"{PAIRING}: {error}", "repocomp train policy PACK GENERATOR LABELS") from error
        return cls(keep, reading, drafts, fitted)
