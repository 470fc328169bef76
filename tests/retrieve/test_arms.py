"""The arms are exact: what they return is what a naive reference over the same texts returns, with ties in order."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repocomp.errors import ConfigError
from repocomp.index.build import build_from
from repocomp.retrieve.arms.bm25 import K1, B, Bm25, term_weights
from repocomp.retrieve.arms.jaccard import Jaccard
from repocomp.retrieve.arms.structured import Structured
from repocomp.retrieve.query import Query
from repocomp.retrieve.retrieve import ARMS, DEFAULT_ARMS, retrieve
from repocomp.store.index.reader import IndexReader
from repocomp.store.index.rows import ChunkKind
from repocomp.terms import parts, words

FAR = (10_000, 10_001)
LINE = st.lists(st.sampled_from(["alpha", "beta", "gammaDelta", "open_file", "x1"]), max_size=5).map(" ".join)
FILES = st.dictionaries(
    st.sampled_from(["a.txt", "b.txt", "d/c.txt"]), st.lists(LINE, min_size=1, max_size=60).map("\n".join), min_size=1
)
KEPT = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def opened(folder: Path, files: dict[str, str]) -> IndexReader:
    path = folder / "index.db"
    for old in folder.glob("index.db*"):
        old.unlink()
    build_from(path, [(name, (text + "\n").encode()) for name, text in files.items()])
    return IndexReader.open_at(path)


def ask(prefix: str, suffix: str = "", path: str = "q.txt") -> Query:
    return Query(path, "text", prefix, suffix, FAR)


@KEPT
@given(FILES, LINE)
def test_jaccard_is_exact(tmp_path: Path, files: dict[str, str], line: str) -> None:
    asked = set(words(line))
    with opened(tmp_path, files) as reader:
        hits = Jaccard().draw(reader, ask(line), 1000)
        scores = Counter(round(hit.score, 9) for hit in hits)
        expected: Counter[float] = Counter()
        for row in reader.files.all():
            lines = reader.contents.lines(row.content_id)
            for chunk in reader.chunks.of(row.content_id, ChunkKind.WINDOW_20):
                window = set(words("\n".join(lines[chunk.start_line - 1 : chunk.end_line])))
                if asked & window:
                    expected[round(len(asked & window) / len(asked | window), 9)] += 1
    # Windows whose following lines are blank give nothing to show, so they may be missing, never the reverse.
    assert scores <= expected
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


@KEPT
@given(FILES, LINE)
def test_bm25_is_exact(tmp_path: Path, files: dict[str, str], line: str) -> None:
    query = ask(line)
    weights = term_weights(query)
    with opened(tmp_path, files) as reader:
        hits = {(hit.path, hit.start_line): hit.score for hit in Bm25().draw(reader, query, 1000)}
        documents: dict[tuple[str, int], Counter[str]] = {}
        for row in reader.files.all():
            lines = reader.contents.lines(row.content_id)
            for chunk in reader.chunks.of(row.content_id, ChunkKind.SYNTAX):
                text = "\n".join(lines[chunk.start_line - 1 : chunk.end_line])
                found = (part for word in words(text) for part in parts(word))
                key = (reader.files.paths_of(row.content_id)[0], chunk.start_line)
                documents[key] = Counter(part for part in found if not part.isdigit())
    mean = sum(d.total() for d in documents.values()) / len(documents) or 1.0
    expected = {}
    for key, document in documents.items():
        norm = K1 * (1 - B + B * document.total() / mean)
        score = 0.0
        for term, weight in weights.items():
            df = sum(term in other for other in documents.values())
            idf = math.log(1 + (len(documents) - df + 0.5) / (df + 0.5))
            score += weight * idf * (K1 + 1) * document[term] / (document[term] + norm) if document[term] else 0.0
        if score:
            expected[key] = score
    assert hits.keys() == expected.keys()
    for key, score in hits.items():
        assert score == pytest.approx(expected[key])


STORE = (
    "import os\n\n\nclass Base:\n    pass\n\n\nclass Store(Base):\n    '''Keeps rows.'''\n\n"
    "    def open_connection(self, path, timeout):\n        '''Open it.'''\n        return os.open(path)\n\n"
    "    def close(self):\n        return None\n\n\ndef helper(a, b):\n    return a + b\n"
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[IndexReader]:
    other = "class Cursor:\n    def close(self):\n        return 1\n"
    files = {"app/store.py": STORE, "lib/cursor.py": other, "app/main.py": "from app.store import Store\n"}
    with opened(tmp_path, files) as reader:
        yield reader


@pytest.mark.parametrize(
    ("prefix", "first"),
    [
        ("value = helper(1, ", ("app/store.py", "def helper")),
        ("s = Store()\ns.open_connection(", ("app/store.py", "    def open_connection")),
        ("c = Cursor()\nc.close(", ("lib/cursor.py", "    def close")),
        ("s = Store()\ns.close(", ("app/store.py", "    def close")),
        ("def f(c: Cursor):\n    c.", ("lib/cursor.py", "class Cursor")),
        ("class Mine(Store):\n    def ", ("app/store.py", "class Store")),
    ],
)
def test_structured_answers_with_the_definition_asked_for(
    store: IndexReader, prefix: str, first: tuple[str, str]
) -> None:
    hit = Structured().draw(store, Query("app/main.py", "python", prefix, "", FAR), 5)[0]
    assert (hit.path, hit.text.split("\n")[0][: len(first[1])]) == first


def test_a_class_is_shown_by_its_signatures(store: IndexReader) -> None:
    hits = Structured().draw(store, Query("app/main.py", "python", "s = Store()\ns.", "", FAR), 5)
    text = next(hit.text for hit in hits if hit.text.startswith("class Store"))
    assert "Keeps rows." in text
    assert "def open_connection(self, path, timeout):" in text
    assert "os.open" not in text


@pytest.mark.parametrize("arm", DEFAULT_ARMS)
def test_what_the_prompt_shows_is_not_proposed(store: IndexReader, arm: str) -> None:
    lines = STORE.count("\n")
    query = Query("app/store.py", "python", STORE, "", (1, lines))
    assert all(hit.path != "app/store.py" for hit in retrieve(store, query, arms=[arm]).hits)


@pytest.mark.parametrize(
    "prefix", ["", "\n\n", "((((", "x" * 10**6, "1 2 3", "é 𝒳 \t", "a.b.c.d(e(f[g", "@", "import "]
)
def test_no_query_is_too_odd(store: IndexReader, prefix: str) -> None:
    first, second = (retrieve(store, ask(prefix)) for _ in range(2))
    assert first == second
    assert len(first.hits) <= 10 * len(ARMS)


def test_an_unknown_arm_is_named_with_those_there_are(store: IndexReader) -> None:
    with pytest.raises(ConfigError, match="nope") as raised:
        retrieve(store, ask("x"), arms=["nope"])
    assert "bm25, dense, hybrid, jaccard, memory, near, sparse, structured, usage" in (raised.value.hint or "")
