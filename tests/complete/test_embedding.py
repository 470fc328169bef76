"""Completions in code that another file holds: asked as code, answered as the file writes it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from repocomp.complete.pipeline import complete
from repocomp.document import Document
from repocomp.request import CompletionOptions, CompletionRequest
from tests.complete.fakes import FixedRetriever, ScriptedModel, hit, parts, writer

CELL = 'import json\n\n\ndef f(path):\n    x = 1\n    if x:\n        print("a")\n'


def note(cell: str, line_end: str = "\n") -> bytes:
    source = cell.splitlines(keepends=True)
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["it's (\n"]},
        {"cell_type": "code", "metadata": {}, "outputs": [], "source": source},
    ]
    return json.dumps({"cells": cells, "metadata": {}}, indent=1).replace("\n", line_end).encode()


def ask(path: str, data: bytes, place: bytes, min_confidence: float = 0.0) -> CompletionRequest:
    document = Document(path, data)
    cursor = document.at_offset(data.index(place) + len(place))
    return CompletionRequest(document, cursor, Path("/work"), CompletionOptions(min_confidence=min_confidence))


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_cell_gets_strings_of_json(line_end: str) -> None:
    request = ask("a.ipynb", note(CELL, line_end), b"if x:")
    pieces: list[str] = []
    answer = complete(request, parts(ScriptedModel('\n        g("a")\n        h()\n    return x\n')), pieces.append)
    assert answer.text == f'\\n",{line_end}    "        g(\\"a\\")\\n",{line_end}    "        h()'
    assert "".join(pieces) == answer.text
    assert [candidate.text for candidate in answer.candidates] == [answer.text]
    assert answer.range.start == answer.range.end == request.cursor
    data, offset = request.document.data, request.cursor.offset
    written = json.loads(data[:offset] + answer.text.encode() + data[offset:])
    assert '    if x:\n        g("a")\n        h()\n' in "".join(written["cells"][1]["source"])


def test_what_is_withheld_is_told_as_the_file_would_hold_it() -> None:
    answer = complete(ask("a.ipynb", note(CELL), b"x = 1"), parts(ScriptedModel(' + g("a")\n')))
    quiet = complete(ask("a.ipynb", note(CELL), b"x = 1", min_confidence=1.0), parts(ScriptedModel(' + g("a")\n')))
    assert (quiet.text, quiet.withheld) == ("", answer.text)
    assert '\\"a\\"' in answer.text


def test_the_model_and_the_arms_see_code() -> None:
    some = parts(ScriptedModel("1\n", odds=9.0), retriever := FixedRetriever([hit("def best():\n    return 1")]))
    complete(ask("a.ipynb", note(CELL), b"x = 1"), some)
    (query,) = retriever.queries
    assert (query.language, query.prefix) == ("python", "# it's (\n\n" + CELL[: CELL.index("1") + 1])
    # What an index holds of the notebook has other line numbers.
    assert query.visible[0] == 1
    assert query.visible[1] > 10_000
    assert b"cell_type" not in bytes(max(0, token - 8) for token in writer(some).cache.tokens)


@pytest.mark.parametrize(
    ("path", "before", "after", "line"),
    [
        ("a.md", b"It's (\n\n```python\n", b"```\n", "# It's ("),
        ("a.vue", b"<p>It's (</p>\n<script lang='ts'>\n", b"</script>\n", "// <p>It's (</p>"),
        ("a.py", b"<<<<<<< a\nx = (\n=======\n", b">>>>>>> b\n", "# x = ("),
    ],
)
def test_what_is_no_code_is_a_comment_of_it(path: str, before: bytes, after: bytes, line: str) -> None:
    retriever = FixedRetriever([hit("def best():\n    return 1")])
    answer = complete(ask(path, before + b"f(1\n" + after, b"f(1"), parts(ScriptedModel(", 2)\n", odds=9.0), retriever))
    assert answer.text == ", 2)"
    assert line in retriever.queries[0].prefix
    assert retriever.queries[0].language in ("python", "typescript")


def test_in_a_diff_every_line_is_one_that_is_added() -> None:
    patch = b"--- a/a.py\n+++ b/a.py\n@@ -1 +1,2 @@\n import os\n+if os:\n"
    answer = complete(ask("fix.diff", patch, b"if os:"), parts(ScriptedModel("\n    a()\n    b()\nc()\n")))
    assert answer.text == "\n+    a()\n+    b()"


def test_other_files_are_what_they_are() -> None:
    retriever = FixedRetriever([hit("def best():\n    return 1")])
    for path, data in (("a.vue", b"<p>f(</p>\n"), ("a.md", b"f(\n"), ("a.ipynb", b'{"f(": 1}\n'), ("a.diff", b"f(\n")):
        complete(ask(path, data, b"f("), parts(ScriptedModel("1)\n", odds=9.0), retriever))
    assert {query.language for query in retriever.queries} == {"text"}
