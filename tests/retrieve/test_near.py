"""What imports resolve to, what lies near a cursor, and how a name is used elsewhere."""

from __future__ import annotations

import math
import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repocomp.index.build import build, build_from
from repocomp.retrieve.arms.near import Near, near_contents, word_weights
from repocomp.retrieve.arms.structured import Structured
from repocomp.retrieve.arms.usage import Usage
from repocomp.retrieve.query import Query
from repocomp.retrieve.resolve import bindings
from repocomp.store.index.reader import IndexReader
from repocomp.store.index.rows import ChunkKind
from repocomp.terms import words
from tests.conftest import Repository, write_files


def opened(folder: Path, files: dict[str, str]) -> IndexReader:
    build_from(folder / "index.db", [(name, text.encode()) for name, text in files.items()])
    return IndexReader.open_at(folder / "index.db")


@pytest.mark.parametrize(
    ("path", "language", "line", "found"),
    [
        ("pkg/app.py", "python", "from pkg.store import Row", ("pkg/store.py",)),
        ("src/pkg/app.py", "python", "import deep.inner as di", ("src/deep/inner/__init__.py",)),
        ("pkg/sub/app.py", "python", "from ..store import Row", ("pkg/store.py",)),
        ("pkg/app.py", "python", "from . import store", ("pkg/store.py",)),
        ("pkg/app.py", "python", "import os", ()),
        ("web/view/a.ts", "typescript", "import { x } from '../lib/tool'", ("web/lib/tool.ts",)),
        ("web/view/a.js", "javascript", "const x = require('../lib')", ("web/lib/index.js",)),
        ("src/main/java/org/App.java", "java", "import org.data.Row;", ("src/main/java/org/data/Row.java",)),
        ("src/main.rs", "rust", "use crate::store::Row;", ("src/store.rs",)),
        ("cmd/main.go", "go", 'import "example.org/tool/internal/db"', ("internal/db/a.go", "internal/db/b.go")),
        ("src/a.c", "c", '#include "tool/list.h"', ("include/tool/list.h",)),
        ("lib/a.rb", "ruby", 'require "tool/list"', ("lib/tool/list.rb",)),
    ],
)
def test_imports_resolve_to_files(tmp_path: Path, path: str, language: str, line: str, found: tuple[str, ...]) -> None:
    names = (
        *("pkg/store.py", "src/deep/inner/__init__.py", "web/lib/tool.ts", "web/lib/index.js", "src/store.rs"),
        *("src/main/java/org/data/Row.java", "internal/db/a.go", "internal/db/b.go", "internal/db/deep/c.go"),
        *("include/tool/list.h", "lib/tool/list.rb"),
    )
    with opened(tmp_path, {name: f"// {name}\n" for name in names}) as reader:
        (binding, *_) = bindings(reader, Query(path, language, f"{line}\n", "", (1, 2)))
        assert binding.paths == found


def test_an_import_out_of_sight_counts(tmp_path: Path) -> None:
    with opened(tmp_path, {"pkg/store.py": "class Row:\n    pass\n"}) as reader:
        query = Query("main.py", "python", "x = ", "", (900, 910), above="from pkg.store import Row\n")
        assert [(b.alias, b.name, b.paths) for b in bindings(reader, query)] == [("Row", "Row", ("pkg/store.py",))]


def test_each_kind_of_nearness_counts(repository: Repository) -> None:
    names = ("a/here.py", "a/sibling.py", "a/deep/below.py", "b/imported.py", "b/edited.py", "c/far.py")
    root = repository({name: f"value = {at}\n" for at, name in enumerate(names)})
    for at in range(9):
        write_files(root, {f"c/old{at}.py": f"old = {at}\n"})
    for path in root.rglob("*.py"):
        os.utime(path, (1_000_000 + 600 * (path.name == "edited.py"),) * 2)
    build(root)
    reader = IndexReader.open(root)
    assert reader is not None
    with reader:
        query = Query("a/here.py", "python", "import b.imported\n", "", (1, 2))
        near = near_contents(reader, query)
        found = {reader.files.paths_of(content)[0]: value for content, value in near.items()}
    assert set(found) == {"a/here.py", "a/sibling.py", "b/imported.py", "b/edited.py"}
    assert found["a/here.py"] > found["b/imported.py"] > found["a/sibling.py"]


FAR = "\n".join(f"line_{at} = {at}" for at in range(40))
CALLS = f"{FAR}\nwith open_store(path) as store:\n    store.write_rows(rows)\n    store.flush_all()\n{FAR}\n"


def test_near_shows_the_file_itself_out_of_sight(tmp_path: Path) -> None:
    with opened(tmp_path, {"a/here.py": CALLS, "z/far.py": CALLS + "\n"}) as reader:
        hits = Near().draw(reader, Query("a/here.py", "python", "with open_store(", "", (60, 70)), 3)
        assert {hit.path for hit in hits} == {"a/here.py"}
        assert "write_rows" in hits[0].text
        assert not Near().draw(reader, Query("a/here.py", "python", "", "", (60, 70)), 3)


def test_usage_shows_how_a_rare_name_is_used(tmp_path: Path) -> None:
    with opened(tmp_path, {"a.py": CALLS, "b.py": f"{FAR}\n{FAR}\n"}) as reader:
        (hit,) = Usage().draw(reader, Query("c.py", "python", "line = 1\nx = open_store(", "", (1, 2)), 1)
        assert (hit.path, hit.start_line) == ("a.py", 39)
        assert "store.flush_all()" in hit.text


SERVICE = (
    "class Service:\n    retries = 3\n\n    def __init__(self):\n        self.endpoint = None\n\n"
    "    def fetch_page(self):\n        '''Get it.'''\n        return self.endpoint\n\n"
    "    def last(self):\n        return 1\n"
)


@pytest.mark.parametrize(
    ("prefix", "path", "wanted"),
    [
        ("def f():\n    s = make()\n    s.", "lib/make.py", "def fetch_page(self):"),
        ("import lib.make\nx = fetch_", "lib/service.py", "def fetch_page(self):"),
        ("import lib.make as m\nm.", "lib/make.py", "def make() -> Service:"),
        ("from lib.make import ", "lib/make.py", "def make() -> Service:"),
        ("class Mine:\n    def f(self):\n        self.", "app.py", "self.colour = 1"),
    ],
)
def test_structured_resolves_what_the_place_asks_for(tmp_path: Path, prefix: str, path: str, wanted: str) -> None:
    own = "class Mine:\n" + "    # a note\n" * 50 + "    def __init__(self):\n        self.colour = 1\n"
    files = {"lib/service.py": SERVICE, "lib/make.py": f"{FAR}\n\ndef make() -> Service:\n    pass\n", "app.py": own}
    with opened(tmp_path, files) as reader:
        hits = Structured().draw(reader, Query("app.py", "python", prefix, "", (1, 20)), 5)
        assert wanted in "\n".join(hit.text for hit in hits[:3])
        assert path in {hit.path for hit in hits}


LINE = st.lists(st.sampled_from(["alpha", "beta", "gammaDelta", "open_file", "x1"]), max_size=5).map(" ".join)
FILES = st.dictionaries(
    st.sampled_from(["a.py", "b.py", "d/c.py"]), st.lists(LINE, min_size=1, max_size=40).map("\n".join), min_size=1
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FILES, LINE)
def test_near_is_exact(tmp_path: Path, files: dict[str, str], line: str) -> None:
    for old in tmp_path.glob("index.db*"):
        old.unlink()
    query = Query("q.py", "python", line, "", (10_000, 10_001))
    with opened(tmp_path, {name: text + "\n" for name, text in files.items()}) as reader:
        near, weights = near_contents(reader, query), word_weights(query)
        windows = [
            (
                row.content_id,
                chunk,
                set(words("\n".join(reader.contents.lines(row.content_id)[chunk.start_line - 1 :][:10]))),
            )
            for row in {row.content_id: row for row in reader.files.all()}.values()
            for chunk in reader.chunks.of(row.content_id, ChunkKind.WINDOW_10)
        ]
        frequency = Counter(word for _, _, held in windows for word in held)
        expected = {}
        for content, chunk, held in windows:
            rarity = {word: math.log(1 + len(windows) / (1 + frequency[word])) for word in held & set(weights)}
            score = near.get(content, 0.0) * sum(weights[word] * value for word, value in rarity.items())
            if score > 0:
                expected[content, chunk.start_line] = score
        found = {(hit.content_id, hit.start_line): hit.score for hit in Near().draw(reader, query, 1000)}
    assert found.keys() == expected.keys()
    assert all(score == pytest.approx(expected[key]) for key, score in found.items())
