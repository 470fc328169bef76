"""Vectors in an index: whole after any end, made once, and joined without a change when segments are."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repocomp.index.build import build, build_from
from repocomp.index.vectors import build_vectors, encode_at
from repocomp.model.encoder import Encoded
from repocomp.progress import Progress
from repocomp.store.index.facts import ENCODER
from repocomp.store.index.reader import IndexReader
from repocomp.store.index.rows import WEIGHT_STEP, ChunkKind
from repocomp.store.paths import index_path
from tests.conftest import Repository, write_files


@dataclass
class Hashing:
    """An encoder that knows nothing: a vector and three tokens by the digest of the text. Counts what it reads."""

    digest: str = "one"
    stop_at: int = 10**9
    read: list[str] = field(default_factory=list)

    def encode_chunks(self, texts: Sequence[str]) -> Encoded:
        if len(self.read) >= self.stop_at:
            raise KeyboardInterrupt
        self.read.extend(texts)
        dense = np.array([_vector(text) for text in texts], dtype=np.float32).reshape(-1, 4)
        tokens = [
            sorted({byte % 50 for byte in hashlib.blake2b(text.encode(), digest_size=3).digest()}) for text in texts
        ]
        owners = np.repeat(np.arange(len(texts)), [len(own) for own in tokens])
        flat = np.array([token for own in tokens for token in own], dtype=np.int64)
        return Encoded(dense, owners, flat, (1 + flat / 50).astype(np.float32))


def _vector(text: str) -> np.ndarray:
    raw = np.frombuffer(hashlib.blake2b(text.encode(), digest_size=4).digest(), np.uint8).astype(np.float64) - 127.5
    return raw / np.linalg.norm(raw)


def held(path: Path) -> dict[str, tuple[list[float], dict[str, float]]]:
    """What live chunks have: by text, the vector and the weights by term."""
    found = {}
    with IndexReader.open_at(path) as reader:
        vectors = {one.segment_id: one for one in reader.segments.vectors()}
        for segment in reader.segments.all(ChunkKind.ENCODED):
            dead = reader.segments.dead(segment)
            lists = [
                one
                for one in reader.segments.postings(ChunkKind.ENCODED, [str(n) for n in range(50)])
                if one.segment_id == segment.id
            ]
            own = vectors[segment.id]
            assert len(own.scales) == len(segment.chunks)
            for place, chunk in enumerate(reader.chunks.by_id(segment.chunks.tolist())):
                if dead is not None and dead[place]:
                    continue
                text = "\n".join(reader.contents.lines(chunk.content_id)[chunk.start_line - 1 : chunk.end_line])
                terms = {
                    one.term: float(one.counts[one.places == place][0]) * WEIGHT_STEP
                    for one in lists
                    if one.counts is not None and place in one.places
                }
                found[text] = ((own.levels[place] * own.scales[place]).tolist(), terms)
    return found


def check(path: Path) -> int:
    """Every live chunk has what its own text asks for; returns how many there are."""
    found = held(path)
    for text, (vector, terms) in found.items():
        fresh = Hashing().encode_chunks([text])
        assert vector == pytest.approx(fresh.dense[0], abs=0.01)
        expected = {str(token): float(own) for token, own in zip(fresh.tokens, fresh.weights, strict=True)}
        assert terms == pytest.approx(expected, abs=WEIGHT_STEP)
    return len(found)


def files(count: int, salt: str = "") -> dict[str, str]:
    return {f"m{number}.py": f"def f{number}{salt}():\n    return {number}\n\n\n" * 3 for number in range(count)}


def test_every_chunk_gets_its_own_vector_and_weights(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    build_from(path, [(name, text.encode()) for name, text in files(9).items()])
    report = encode_at(path, Hashing())
    assert report.encoded == check(path) > 0


def test_only_new_contents_are_read(repository: Repository) -> None:
    root = repository(files(5))
    build(root, jobs=1)
    first = Hashing()
    known = build_vectors(root, first).encoded
    again = Hashing()
    assert build_vectors(root, again).encoded == 0
    write_files(root, {"new.py": "def added():\n    return 1\n"})
    build(root, jobs=1)
    report = build_vectors(root, again)
    assert (report.encoded, report.known) == (len(again.read), known)
    assert again.read == ["def added():\n    return 1"]


def test_a_tree_may_lose_all_it_held_and_get_some_again(repository: Repository) -> None:
    root = repository({"a.py": "def f(x):\n    return x\n"})
    for text in ("", "def g(x):\n    return x\n", "", "", "def h(x):\n    return x\n"):
        write_files(root, {"a.py": text})
        build(root)
        build_vectors(root, Hashing())
    (text,) = held(index_path(root))
    assert "def h" in text


def test_a_run_that_was_ended_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("repocomp.index.vectors._BATCH_CHUNKS", 4)
    path = tmp_path / "index.db"
    build_from(path, [(name, text.encode()) for name, text in files(12).items()])
    ended = Hashing(stop_at=5)
    with pytest.raises(KeyboardInterrupt):
        encode_at(path, ended)
    rest = Hashing()
    assert encode_at(path, rest).known == len(ended.read)
    assert not set(ended.read) & set(rest.read)
    assert check(path) == len(ended.read) + len(rest.read)


def test_another_encoder_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    build_from(path, [(name, text.encode()) for name, text in files(3).items()])
    count = encode_at(path, Hashing()).encoded
    assert encode_at(path, Hashing("two")).encoded == count
    with IndexReader.open_at(path) as reader:
        assert reader.fact(ENCODER) == "two"
        assert sum(len(one.scales) for one in reader.segments.vectors()) == count


def test_progress_ends_with_all_done(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    build_from(path, [(name, text.encode()) for name, text in files(3).items()])
    told: list[Progress] = []
    count = encode_at(path, Hashing(), told.append).encoded
    assert told[-1] == Progress(count, count, "encoding")


def test_an_index_can_be_used_before_it_has_vectors(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    build_from(path, [(name, text.encode()) for name, text in files(2).items()])
    with IndexReader.open_at(path) as reader:
        assert reader.segments.vectors() == []
        assert reader.fact(ENCODER) is None


def test_a_reader_keeps_the_vectors_that_did_not_change(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    build_from(path, [(name, text.encode()) for name, text in files(2).items()])
    encode_at(path, Hashing())
    with IndexReader.open_at(path) as reader:
        first = reader.segments.vectors()
        build_from(path, [("b.py", b"def other():\n    return 2\n")])
        encode_at(path, Hashing())
        second = reader.segments.vectors()
        assert second[0] is first[0]
        assert len(second) == 2


EDITS = st.lists(st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 5), max_size=4), min_size=1, max_size=12)


@settings(max_examples=5)
@given(edits=EDITS)
def test_any_edits_leave_the_vectors_of_a_full_run(
    edits: list[dict[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("tree")
    for edit in edits:
        for name, version in edit.items():
            path = root / f"{name}.py"
            if version:
                path.write_text(f"def {name}{version}():\n    return {version}\n" * 2)
            else:
                path.unlink(missing_ok=True)
        build(root, jobs=1)
        build_vectors(root, Hashing())
    grown = _by_text(root)
    build(root, jobs=1, rebuild=True)
    build_vectors(root, Hashing())
    assert grown == _by_text(root)


def _by_text(root: Path) -> dict[str, tuple[list[float], dict[str, float]]]:
    from repocomp.store.paths import index_path

    assert check(index_path(root)) >= 0
    return held(index_path(root))
