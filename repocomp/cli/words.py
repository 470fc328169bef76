"""What arguments stand for, so that a shell can complete them: files with a cursor, packs, recipes, strategies."""

from __future__ import annotations

import os
from collections.abc import Iterable

import click
from click.shell_completion import CompletionItem

Items = list[CompletionItem]


class _Word(click.types.StringParamType):
    """A text, of which a shell may complete what `known` lists, and file names where it may be one."""

    may_be_file = False

    def known(self) -> Iterable[str]:
        """The words that there are."""
        return ()

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
        """The known words that begin so; files where none does, or where the text is a path already."""
        is_path = os.sep in incomplete or incomplete.startswith((".", "~"))
        words = [] if self.may_be_file and is_path else [word for word in self.known() if word.startswith(incomplete)]
        if not words and self.may_be_file:
            return [CompletionItem(incomplete, type="file")]
        return [CompletionItem(word) for word in words]


class _FileName(_Word):
    """The name of a file, perhaps with a cursor behind it."""

    may_be_file = True


class _Pack(_Word):
    """A pack by its name, or its folder."""

    may_be_file = True

    def known(self) -> Iterable[str]:
        from repocomp.model.library import pack_names

        return pack_names()


class _AddedPack(_Word):
    """A pack that the user added."""

    def known(self) -> Iterable[str]:
        from repocomp.model.library import added_packs

        return added_packs()


class _CatalogueModel(_Word):
    """A model that can be pulled."""

    def known(self) -> Iterable[str]:
        from repocomp.model.catalogue import CATALOGUE

        return [entry.name for entry in CATALOGUE]


class _Recipe(_Word):
    """A built-in recipe, or a file."""

    may_be_file = True

    def known(self) -> Iterable[str]:
        from repocomp.train.recipe import BUILT_IN

        return sorted(path.stem for path in BUILT_IN.glob("*.toml"))


class _Setting(_Word):
    """A setting."""

    def known(self) -> Iterable[str]:
        from repocomp.config import names

        return names()


class _Impression(_Word):
    """A completion by its identifier; `last` is the newest one."""

    def known(self) -> Iterable[str]:
        return ("last",)


class _Several(_Word):
    """Names with commas between them; the last one is completed."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
        done, comma, _ = incomplete.rpartition(",")
        taken = done.split(",")
        words = [f"{done}{comma}{word}" for word in self.known() if word not in taken]
        return [CompletionItem(word) for word in words if word.startswith(incomplete)]


class _Arms(_Several):
    """Retrieval strategies."""

    def known(self) -> Iterable[str]:
        from repocomp.retrieve.retrieve import ARMS

        return sorted(ARMS)


class _HoleKinds(_Several):
    """Kinds of holes that a benchmark cuts."""

    def known(self) -> Iterable[str]:
        from repocomp.bench.holes import ALL, GROUPS

        return (*GROUPS, *ALL)


CURSOR = FILE_NAME = _FileName()
PACK = _Pack()
ADDED_PACK = _AddedPack()
CATALOGUE_MODEL = _CatalogueModel()
RECIPE = _Recipe()
SETTING = _Setting()
IMPRESSION = _Impression()
ARMS = _Arms()
HOLE_KINDS = _HoleKinds()
