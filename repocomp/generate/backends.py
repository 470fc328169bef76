"""What can write, by the scheme of its name: `SCHEME:ADDRESS`, and a bare name is a pack on this machine."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from repocomp.generate.generator import Generator

BACKENDS = {"pack": "repocomp.generate.local.generator"}
"""By scheme: the module whose `load(address)` opens a generator."""


def is_pack(name: str) -> bool:
    """Whether `name` means a pack on this machine and no other back end."""
    return name.partition(":")[0] not in BACKENDS.keys() - {"pack"}


def open_generator(name: str) -> Generator:
    """Open what `name` names. Raises PackError, or what the back end raises for the user to fix."""
    scheme, colon, address = name.partition(":")
    if not colon or scheme not in BACKENDS:
        scheme, address = "pack", name
    load: Callable[[str], Generator] = import_module(BACKENDS[scheme]).load
    return load(address)
