"""Documents of `--json` against the schemas that the package ships."""

from __future__ import annotations

from typing import Any

import jsonschema

from repocomp.cli.formats import schema


def check(document: dict[str, Any]) -> dict[str, Any]:
    """`document`, which must be as its schemas say, without any field that they do not describe."""
    jsonschema.validate(document, schema("envelope"))
    if document["data"] is not None:
        jsonschema.validate(document["data"], strict(schema(document["command"])))
    return document


def strict(content: Any) -> Any:
    """A schema that allows no more than it describes: readers must bear new fields, we must describe them."""
    if isinstance(content, list):
        return [strict(one) for one in content]
    if not isinstance(content, dict):
        return content
    inner = {key: strict(value) for key, value in content.items()}
    is_object = inner.get("type") in ("object", ["object", "null"]) and "properties" in inner
    return {"additionalProperties": False, **inner} if is_object else inner
