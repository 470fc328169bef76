"""What can write, by the scheme of its name: `SCHEME:ADDRESS`, and a bare name is a pack on this machine."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from repocomp.generate.access import Access
from repocomp.generate.generator import Generator

BACKENDS = {
    "llamacpp": "repocomp.generate.http.llamacpp",
    "openai": "repocomp.generate.http.openai",
    "ollama": "repocomp.generate.http.ollama",
}
"""By scheme: the module whose `load(address, access)` opens a generator."""


def is_pack(name: str) -> bool:
    """Whether `name` means a pack on this machine and no other back end."""
    return name.partition(":")[0] not in BACKENDS


def open_generator(name: str, access: Access | None = None) -> Generator:
    """Open what `name` names. Raises PackError, or what the back end raises for the user to fix.

    Without `access` no other machine is asked.
    """
    scheme, _, address = name.partition(":")
    if is_pack(name):
        from repocomp.generate.local.generator import load as load_pack

        return load_pack(name)
    load: Callable[[str, Access], Generator] = import_module(BACKENDS[scheme]).load
    return load(address, access or Access())
