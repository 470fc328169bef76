"""What a URI names: a file of this system, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from repocomp.document import PositionEncoding
from repocomp.serve.lsp.documents import Documents, to_path


def test_a_uri_names_the_file_that_is_called_so() -> None:
    assert to_path("file:///tmp/%C3%A4%20b.py") == Path("/tmp/ä b.py")
    # Names of files are bytes: those that are no UTF-8 come percent-encoded.
    assert to_path("file:///tmp/%FF.py") == Path("/tmp/\udcff.py")
    assert to_path("untitled:Untitled-1") is None


@pytest.mark.parametrize("uri", ["file:relative", "file:///a%00b", "file:///\ud800.py", "file:///a\udfff/b.py"])
def test_what_can_be_no_name_is_refused(uri: str) -> None:
    with pytest.raises(ValueError):
        to_path(uri)


@pytest.mark.parametrize(("uri", "name"), [("untitled:\ud800b", "?b"), ("untitled:%00", "untitled"), ("x:/a/b", "b")])
def test_a_document_without_a_file_has_a_name_that_one_could_have(uri: str, name: str) -> None:
    documents = Documents(PositionEncoding.UTF16)
    assert documents.open({"textDocument": {"uri": uri, "text": ""}}, Path("/work")).path == Path("/work") / name
