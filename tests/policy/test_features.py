"""The features of a place: what they say, and that no source is in them."""

from __future__ import annotations

import json
from pathlib import Path

from repocomp.complete.pipeline import complete
from repocomp.document import Document
from repocomp.request import CompletionOptions, CompletionRequest
from tests.complete.fakes import ScriptedModel, parts

SOURCE = "import secretive\n\n\nclass Store:\n    def open(self):\n        return self.peculiar_na"


def test_features_describe_the_place_without_its_text() -> None:
    document = Document("src/store.py", SOURCE.encode())
    request = CompletionRequest(document, document.at_offset(len(SOURCE)), Path("/nowhere"))
    answer = complete(request, parts(ScriptedModel("me")))
    assert answer.features["place"] == "attribute"
    assert answer.features["language"] == "python"
    assert (answer.features["partial_chars"], answer.features["character_before"]) == (11, "word")
    assert (answer.features["indent_columns"], answer.features["file_lines"]) == (8, 6)
    assert answer.features["is_line_begun"] and not answer.features["is_line_continued"]
    text = json.dumps(answer.features)
    assert not [word for word in ("secretive", "peculiar", "Store") if word in text]
    assert answer.to_json()["features"] == answer.features


def test_another_decision_is_another_name_for_the_same_text() -> None:
    document = Document("a.py", b"x = ")
    ids = {
        complete(
            CompletionRequest(document, document.at_offset(4), None, CompletionOptions(retrieve=retrieve)),
            parts(ScriptedModel("1")),
        ).id
        for retrieve in ("always", "never", "never")
    }
    assert len(ids) == 2
