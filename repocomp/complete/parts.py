"""What a completion stands on, opened once per process and handed in: models, and the index if there is one.

Tests hand in fakes; evaluation hands in a retriever that cannot see the answer. Nothing is opened at import.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from repocomp.document import Document, Position
from repocomp.generate.local.decode import DRAFT_TOKENS, LanguageModel
from repocomp.generate.local.kv_cache import KvCache, KvCaches
from repocomp.model.pack import Pack, load_pack
from repocomp.policy.learned import Learned, load_learned, path_for
from repocomp.policy.select import Action, Known, actions, choose, look
from repocomp.prompt.window import Context, context
from repocomp.request import Choice
from repocomp.retrieve.query import Query
from repocomp.retrieve.retrieve import DEFAULT_ARMS, Hidden, Retrieved, retrieve
from repocomp.store.index.reader import IndexReader


class TextCodec(Protocol):
    """Text to ids and back. `encode` never yields a special token, whatever the text spells."""

    def encode(self, text: str) -> list[int]:
        """Ids of `text`."""

    def decode(self, ids: list[int]) -> str:
        """Text of `ids`, incomplete characters at the end held back."""

    def able_to_spell(self, text: str) -> list[int]:
        """Tokens that may come first when what is written must begin with `text`."""

    @property
    def line_breaks(self) -> frozenset[int]:
        """The tokens that end a line."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A pack that is ready to run, the key/value caches it fills, and how many tokens are guessed at a time."""

    pack: Pack
    tokenizer: TextCodec
    model: LanguageModel
    caches: KvCaches
    draft_tokens: int = DRAFT_TOKENS

    @property
    def cache(self) -> KvCache:
        """The sequence used last."""
        return self.caches.newest

    def context(self, document: Document, cursor: Position) -> Context:
        """The file around `cursor`, cut to the budgets of the pack."""
        return context(document, cursor, self.pack.budgets, self.tokenizer.encode, self.pack.tokens)


class Retriever(Protocol):
    """Finds chunks of other places for a cursor."""

    def find(
        self, query: Query, action: Action, hidden: Hidden | None = None, deadline: float | None = None
    ) -> Retrieved:
        """Ranked chunks by `action`, best first; nothing that the prompt already shows, nor what is `hidden`.

        Arms whose turn comes after the `deadline` (`time.monotonic` seconds) are left out.
        """


@dataclass(frozen=True, slots=True)
class IndexRetriever:
    """The retriever over a repository's index."""

    reader: IndexReader

    def find(
        self, query: Query, action: Action, hidden: Hidden | None = None, deadline: float | None = None
    ) -> Retrieved:
        """Ask the arms of `action` and order what they draw."""
        return retrieve(
            self.reader,
            query,
            arms=action.arms,
            top_k=action.draws,
            hidden=hidden,
            is_ranked=action.is_ranked,
            deadline=deadline,
        )


@dataclass(frozen=True, slots=True)
class Selector:
    """What was learned in a repository, and the index that it looks at."""

    reader: IndexReader
    learned: Learned

    def choose(self, query: Query, known: Known, *, may_skip: bool) -> tuple[Action, Choice, Known] | None:
        """An action for the place, and all that is known of it; None where nothing was learned."""
        if self.learned.parameters is None:
            return None
        seen = {**known, **look(self.reader, query)}
        return *choose(self.learned.parameters, seen, query, may_skip=may_skip), seen

    def threshold(self, mode: str) -> float | None:
        """The retrieval threshold that was learned for a mode."""
        return None if self.learned.parameters is None else self.learned.parameters.thresholds.get(mode)


def actions_of(pack: Pack) -> tuple[Action, ...]:
    """What may be chosen among with this generator, the shipped action first."""
    return actions(DEFAULT_ARMS, is_read=pack.is_reader)


def open_selector(root: Path, reader: IndexReader, generator: Loaded) -> Selector:
    """What was learned in the repository at `root`. Raises nothing: what cannot be used says so."""
    pack = generator.pack
    return Selector(reader, load_learned(path_for(root), pack.digest, actions_of(pack)))


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything `complete` needs. The same pack in both roles is the same object, so its prefill is shared.

    Without a `selector` the shipped arms are asked.
    """

    policy: Loaded
    generator: Loaded
    retriever: Retriever | None
    selector: Selector | None = None


def load(pack_name: str) -> Loaded:
    """Open a pack by name or folder. Raises PackError."""
    from repocomp.model.session import Session
    from repocomp.model.tokenizer import Tokenizer

    pack = load_pack(pack_name)
    session = Session.open(pack)
    return Loaded(pack, Tokenizer.load(pack), session, KvCaches(session))


@contextmanager
def open_parts(root: Path | None, policy: str = "default", generator: str = "default") -> Iterator[Parts]:
    """Open the packs and the index of the work tree `root`, and close the index at the end.

    Raises PackError, and StoreError for a damaged index. A work tree without an index has no retriever.
    """
    generating = load(generator)
    deciding = generating if policy == generator else load(policy)
    reader = IndexReader.open(root) if root is not None else None
    try:
        if root is None or reader is None:
            yield Parts(deciding, generating, None)
        else:
            yield Parts(deciding, generating, IndexRetriever(reader), open_selector(root, reader, generating))
    finally:
        if reader is not None:
            reader.close()
