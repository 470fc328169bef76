"""The packs there are: built in, added by the user, or in a folder of their own; read, written and removed here."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from repocomp.errors import PackError, did_you_mean
from repocomp.model.home import packs_folder
from repocomp.model.integrity import REPAIR, check_files, file_digest, remember
from repocomp.model.manifest import parse_manifest
from repocomp.model.pack import BUILT_IN, MANIFEST, MODEL, TOKENIZER, Pack, manifest_text
from repocomp.named_files import read_regular

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MANIFEST_BYTES = 1 << 22
SERVERS = frozenset(("llamacpp", "openai", "ollama"))
"""Names that begin so, with a colon behind, are no packs."""


def load_pack(name_or_path: str | Path) -> Pack:
    """Open a pack by its name, or by its folder. Raises PackError with what fixes it.

    A bare name never means a folder of the working directory; write `./name` for that.
    """
    if str(name_or_path).partition(":")[0] in SERVERS:
        raise PackError(
            "a pack is needed here: servers do not tell how probable a given text is",
            "name a pack, such as default; `generator` in config.toml may name a server",
        )
    folder = folder_of(name_or_path)
    try:
        text = read_regular(folder / MANIFEST, _MANIFEST_BYTES).decode()
    except (FileNotFoundError, NotADirectoryError) as error:
        known = ", ".join(pack_names()) or "none is built in"
        hint = f"name a folder that holds a {MANIFEST}, or a pack (there are: {known})"
        message = f"there is no model pack {str(name_or_path)!r}.{did_you_mean(str(name_or_path), pack_names())}"
        raise PackError(message, hint) from error
    except (OSError, UnicodeDecodeError) as error:
        raise PackError(f"cannot read {folder / MANIFEST}: {error}", REPAIR) from error
    pack = parse_manifest(text, folder)
    check_files(folder, pack.digests)
    return pack


def built_in_packs() -> list[str]:
    """Names of the packs that ship with the package."""
    return _names_in(BUILT_IN)


def added_packs() -> list[str]:
    """Names of the packs that the user added."""
    return [name for name in _names_in(packs_folder()) if is_name(name)]


def pack_names() -> list[str]:
    """Names of all packs, the built-in ones first."""
    return [*built_in_packs(), *(name for name in added_packs() if name not in built_in_packs())]


def is_name(text: str) -> bool:
    """Whether `text` may name a pack; anything else is a path."""
    return _NAME.fullmatch(text) is not None


def folder_of(name_or_path: str | Path) -> Path:
    """Where a pack lies: a built-in or an added one by its name, any other by its path."""
    if not isinstance(name_or_path, str) or not is_name(name_or_path):
        # Unlike `Path.expanduser` this leaves the home of nobody as it is written.
        return Path(os.path.expanduser(name_or_path))
    built_in = BUILT_IN / name_or_path
    return built_in if (built_in / MANIFEST).exists() else packs_folder() / name_or_path


def write_pack(pack: Pack, files: Mapping[str, bytes]) -> Pack:
    """Write `pack` and its files to `pack.folder`, replacing what is there; returns it with its digests.

    Raises PackError where a file that a pack needs is not given.
    """
    if missing := {MODEL, TOKENIZER} - files.keys():
        raise PackError(f"a pack needs {', '.join(sorted(missing))}")
    with new_folder(pack.folder) as folder:
        for name, data in files.items():
            (folder / name).write_bytes(data)
        return seal(pack, folder)


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """An empty folder that takes the place of `target` where the block ends well, and else is removed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as temporary:
        fresh, stale = Path(temporary, "new"), Path(temporary, "old")
        fresh.mkdir()
        yield fresh
        if target.exists():
            target.rename(stale)
        fresh.rename(target)


def seal(pack: Pack, folder: Path) -> Pack:
    """Digest the files in `folder` and write the manifest of `pack` beside them; returns it with its digests."""
    digests = {path.name: file_digest(path) for path in sorted(folder.iterdir()) if path.name != MANIFEST}
    pack = replace(pack, digests=digests)
    (folder / MANIFEST).write_text(manifest_text(pack), "utf-8")
    return pack


def amend(pack: Pack, name: str, data: bytes) -> Pack:
    """Write the small file `name` of `pack`, and its digest into the manifest; returns the pack with it."""
    (pack.folder / name).write_bytes(data)
    amended = replace(pack, digests=dict(sorted({**pack.digests, name: file_digest(pack.folder / name)}.items())))
    revise(amended)
    return amended


def revise(pack: Pack) -> None:
    """Write the manifest of `pack` anew, in one step; its files stay as they are."""
    fresh = pack.folder / f".{MANIFEST}"
    fresh.write_text(manifest_text(pack), "utf-8")
    fresh.replace(pack.folder / MANIFEST)


def remember_files(pack: Pack) -> None:
    """Spare the next start the digests of large files that were written just now."""
    for name, digest in pack.digests.items():
        remember(pack.folder / name, digest)


def remove_pack(name: str) -> None:
    """Remove a pack that the user added. Raises PackError where there is none of that name."""
    if name not in added_packs():
        hint = "it ships with the package" if name in built_in_packs() else f"there are: {', '.join(added_packs())}"
        raise PackError(f"no pack {name!r} was added", hint)
    shutil.rmtree(packs_folder() / name)


def _names_in(folder: Path) -> list[str]:
    return sorted(path.parent.name for path in folder.glob(f"*/{MANIFEST}"))
