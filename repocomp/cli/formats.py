"""Man pages of the formats, made from their JSON Schemas: `repocomp-json(5)` and `repocomp-pack(5)`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from repocomp import __version__
from repocomp.cli import roff
from repocomp.cli.app import VERBS, WITHOUT_JSON

Schema = Mapping[str, Any]

SCHEMAS = Path(__file__).parents[1] / "schemas"

_JSON = """
With --json every verb prints one JSON document on standard output, on errors too; repocomp complete --stream prints
{"text": ...} lines before it, and repocomp index --watch one document per change.

The schemas of these documents are files in the package, in the folder repocomp/schemas. Within a version of the
envelope fields are added, never changed or removed, so a reader should ignore what it does not know.
"""
_PACK = """
A model pack is a folder that holds a model and all that is needed to ask it. Packs are written once and never changed.
The manifest, pack.json, is one JSON object. It names the digest of every other file, and a file that does not have its
digest is refused, so a damaged copy is an error and never a strange completion.

A pack plays the role of generator, of policy, or both. Thresholds and calibration are given for each mode: line, for
the rest of a line, and block, for several lines.
"""
_PACK_FILES = (
    ("pack.json", "The manifest."),
    ("model.onnx", "The model with its weights."),
    ("tokenizer.json", "The vocabulary, in the format of Hugging Face tokenizers."),
    ("cuda-fp16.onnx", "The model for CUDA, in half precision; optional."),
    ("encoder.onnx", "From tokens to vectors, for retrieval; optional."),
    ("confidence.json", "How sure answers are, and from when on they are shown; optional."),
    ("pairing.json", "How the pack decides for a generator that reads, and drafts before it does; optional."),
    ("learned.json", "Which retrieval strategies help where, as a team has learned it (repocomp fleet); optional."),
    ("MODEL_CARD.md", "What the model was trained on and how good it is, for people; optional."),
)


def format_pages() -> dict[str, str]:
    """The pages by their paths."""
    pages = {
        "man/man5/repocomp-json.5": _page("repocomp-json", "what repocomp prints with --json", _JSON, _documents()),
        "man/man5/repocomp-pack.5": _page("repocomp-pack", "the manifest of a model pack", _PACK, _manifest()),
    }
    return {path: "\n".join(lines) + "\n" for path, lines in pages.items()}


def schema(name: str) -> dict[str, Any]:
    """The schema of a verb's data, of the envelope around it, or of a pack's manifest."""
    content: dict[str, Any] = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    return content


def _page(title: str, summary: str, description: str, body: Iterator[str]) -> list[str]:
    return [
        *roff.header(title, 5, __version__, summary),
        ".SH DESCRIPTION",
        *roff.paragraphs(description),
        *body,
        *roff.see_also((("repocomp", "1"), ("repocomp-model", "1"), ("repocomp-protocol", "7"))),
    ]


def _documents() -> Iterator[str]:
    yield ".SH ENVELOPE"
    yield from roff.tagged(_fields(schema("envelope")))
    yield ".SH DATA"
    for verb in VERBS:
        if verb in WITHOUT_JSON:
            continue
        content = schema(verb)
        for one in content.get("anyOf", [content]):
            yield f".SS {roff.escape(one['title'])}"
            yield from roff.paragraphs(one["description"])
            yield from roff.tagged(_fields(one))


def _manifest() -> Iterator[str]:
    yield ".SH MANIFEST"
    yield from roff.tagged(_fields(schema("pack")))
    yield from roff.section("FILES", _PACK_FILES)


def _fields(content: Schema, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every field below an object with its path, as in `retrieval.arms[].name`, its type and what it says."""
    dot = f"{prefix}." if prefix else ""
    for name, field in content.get("properties", {}).items():
        yield _row(dot + name, field)
        yield from _fields(field, dot + name)
    for key, suffix in (("items", "[]"), ("additionalProperties", ".NAME")):
        inner = content.get(key)
        if isinstance(inner, dict) and ("properties" in inner or "items" in inner):
            yield from _fields(inner, prefix + suffix if prefix else suffix.removeprefix("."))


def _row(path: str, field: Schema) -> tuple[str, str]:
    kinds = field.get("type", ())
    words = [kinds] if isinstance(kinds, str) else list(kinds)
    values = field.get("enum", [field["const"]] if "const" in field else [])
    allowed = f" One of: {', '.join(map(str, values))}." if len(values) > 1 else f" {values[0]}." if values else ""
    return f"{path} ({' or '.join(words)})" if words else path, field["description"] + allowed
