"""An index is the same however it came to be: in one go, by edits, after kills, by two writers at once."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repocomp.errors import StoreError
from repocomp.index import walk
from repocomp.index.build import build, build_from, update
from repocomp.index.read import READING
from repocomp.index.status import status
from repocomp.index.write import CUTS
from repocomp.secrets.redaction import redact
from repocomp.store.index.reader import IndexReader
from repocomp.store.index.rows import ChunkKind
from repocomp.store.index.swap import replacing_index
from repocomp.store.paths import index_path
from tests.conftest import Repository, write_files

PYTHON = (
    "class Base:\n    def run(self, x):\n        return helper(x)\n\n\n"
    "def helper(y):\n    '''Help.'''\n    return y + 1\n"
)
SECRET = "AKIA" + "ABCDEFGHIJKLMNOP"


def dump(reader: IndexReader) -> dict[str, Any]:
    """What an index says, by path and text, whatever its row numbers are."""
    contents = {row.content_id: row.path for row in reader.files.all()}
    postings: dict[Any, Any] = {}
    for kind in CUTS:
        segments = {segment.id: segment for segment in reader.segments.all(kind)}
        for found in reader.segments.all_postings(kind):
            segment = segments[found.segment_id]
            dead = reader.segments.dead(segment)
            counts = found.counts if found.counts is not None else np.ones(len(found.places))
            for place, count in zip(found.places, counts, strict=True):
                if dead is None or not dead[place]:
                    (chunk,) = reader.chunks.by_id([int(segment.chunks[place])])
                    where = (contents[chunk.content_id], chunk.start_line, chunk.end_line)
                    postings[kind, found.term, where] = (int(count), int(segment.lengths[place]))
    symbols = {
        (row.path, symbol.qualified, symbol.signature, symbol.start_line)
        for row in reader.files.all()
        for symbol in reader.symbols.of(row.content_id)
    }
    texts = {row.path: reader.contents.text(row.content_id) for row in reader.files.all()}
    return {"texts": texts, "symbols": symbols, "postings": postings, "skipped": skipped(reader)}


def skipped(reader: IndexReader) -> dict[str, str]:
    with closing(sqlite3.connect(reader.path)) as connection:
        return dict(connection.execute("SELECT path, skipped FROM file WHERE skipped IS NOT NULL"))


def dump_of(root: Path) -> dict[str, Any]:
    reader = IndexReader.open(root)
    assert reader is not None
    with reader:
        return dump(reader)


def age(root: Path) -> None:
    """Make every file old enough for its time stamp to be trusted."""
    for path in root.rglob("*"):
        if path.is_file() and ".git" not in path.parts:
            os.utime(path, (path.stat().st_mtime - 100,) * 2)


def test_a_version_that_reads_differently_reads_every_file_once_more(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = repository({"a.py": PYTHON, "b.txt": "plain words\n", ".env": "x\n"})
    build(root)
    age(root)
    build(root)
    monkeypatch.setattr("repocomp.index.read.READING", READING + 1)
    monkeypatch.setattr("repocomp.index.build.READING", READING + 1)
    assert [build(root).indexed, build(root).indexed] == [2, 0]
    assert skipped_in(root) == {".env": "secret"}


def skipped_in(root: Path) -> dict[str, str]:
    reader = IndexReader.open(root)
    assert reader is not None
    with reader:
        return skipped(reader)


def test_a_second_run_reads_nothing(repository: Repository) -> None:
    root = repository({"a.py": PYTHON, "b.txt": "plain words\n"})
    age(root)
    first, second = build(root), build(root)
    assert (first.indexed, first.unchanged) == (2, 0)
    assert (second.indexed, second.reused, second.unchanged) == (0, 0, 2)


def test_a_change_with_equal_size_and_time_is_seen(repository: Repository) -> None:
    root = repository({"a.py": "alpha_one = 1\n", "b.py": "b = 1\n"})
    age(root)
    build(root)
    before = (root / "a.py").stat()
    (root / "a.py").write_text("beta__two = 2\n")
    os.utime(root / "a.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert status(root)["stale"] == 1
    report = build(root)
    assert (report.indexed, report.unchanged, status(root)["stale"]) == (1, 1, 0)
    assert dump_of(root)["texts"]["a.py"] == "beta__two = 2\n"


def test_a_file_that_took_the_place_of_another_is_seen(repository: Repository) -> None:
    root = repository({"a.py": "alpha_one = 1\n"})
    write_files(root.parent, {"other": "beta__two = 2\n"})
    age(root.parent)
    build(root)
    os.utime(root.parent / "other", ns=((root / "a.py").stat().st_mtime_ns,) * 2)
    (root.parent / "other").rename(root / "a.py")
    assert build(root).indexed == 1


def test_a_file_written_just_now_is_read_again(repository: Repository) -> None:
    root = repository({"a.py": PYTHON})
    build(root)
    assert build(root).reused == 1


def test_a_rename_and_a_branch_that_comes_back_parse_nothing(repository: Repository) -> None:
    root = repository({"a.py": PYTHON, "b.py": "x = 1\n"})
    build(root)
    (root / "a.py").rename(root / "c.py")
    assert build(root).indexed == 0
    (root / "b.py").write_text("x = 2\n")
    assert build(root).indexed == 1
    (root / "b.py").write_text("x = 1\n")
    assert build(root).indexed == 0


def test_the_work_tree_is_not_written(repository: Repository) -> None:
    root = repository({"a.py": PYTHON})
    before = sorted((str(path), path.stat().st_mtime_ns) for path in root.rglob("*"))
    build(root)
    assert sorted((str(path), path.stat().st_mtime_ns) for path in root.rglob("*")) == before


NAMES = st.sampled_from(["a.py", "b.py", "d/c.py", "d/t.txt", "e.js"])
TEXTS = st.sampled_from([PYTHON, "x = 1\n", "function f(a) { return a }\n", "alpha beta\n" * 30, "def g(): pass\n"])
EDITS = st.lists(st.lists(st.tuples(NAMES, st.none() | TEXTS), min_size=1, max_size=3), min_size=1, max_size=14)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(EDITS)
def test_base_and_deltas_equal_a_rebuild(tmp_path_factory: pytest.TempPathFactory, script: Any) -> None:
    root = tmp_path_factory.mktemp("tree")
    for edits in script:
        for name, text in edits:
            if text is None:
                (root / name).unlink(missing_ok=True)
            else:
                write_files(root, {name: text})
        build(root)
    grown = dump_of(root)
    build(root, rebuild=True)
    assert dump_of(root) == grown


def test_many_small_runs_do_not_leave_many_segments(repository: Repository) -> None:
    root = repository({"a.py": PYTHON})
    for number in range(40):
        write_files(root, {f"f{number}.py": f"def f{number}(x):\n    return x + {number}\n"})
        build(root)
    reader = IndexReader.open(root)
    assert reader is not None
    with reader:
        assert all(len(reader.segments.all(kind)) <= 9 for kind in ChunkKind)
        assert len(reader.files.all()) == 41


def test_dead_contents_are_dropped_when_they_outweigh_the_living(repository: Repository) -> None:
    root = repository({"a.py": PYTHON, "b.py": "y = 2\n"})
    for number in range(12):
        write_files(root, {"a.py": f"value_{number} = {number}\n"})
        build(root)
    with sqlite3.connect(index_path(root)) as connection:
        live, total = connection.execute("SELECT sum(live), count(*) FROM content").fetchone()
    assert total <= 2 * live + 1


def test_secrets_never_reach_the_disk(repository: Repository, isolated: Path) -> None:
    key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEAuniquekeymaterial\n-----END RSA PRIVATE KEY-----"
    root = repository(
        {
            "a.py": f'KEY = "{SECRET}"\npassword = "hunter2-Zx81-qq"\nBLOCK = """{key}"""\n',
            ".env": "TOKEN=plainsecretvalue\n",
            "id_rsa": "privatematerial\n",
        }
    )
    build(root)
    raw = b"".join(path.read_bytes() for path in isolated.rglob("index.db*"))
    with IndexReader.open_at(index_path(root)) as reader:
        texts = "".join(reader.contents.text(row.content_id) for row in reader.files.all())
        assert skipped(reader) == {".env": "secret", "id_rsa": "secret"}
    for word in (SECRET, "hunter2", "uniquekeymaterial", "plainsecretvalue", "privatematerial"):
        assert word not in texts
        assert word.lower().encode() not in raw.lower()


def test_files_are_private(repository: Repository) -> None:
    root = repository({"a.py": PYTHON})
    build(root)
    assert index_path(root).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("damage", [b"not a database, not at all" * 100, b"SQLite format 3\0" + b"?" * 4080])
def test_a_damaged_database_is_named_with_the_command_that_mends_it(repository: Repository, damage: bytes) -> None:
    root = repository({"a.py": PYTHON})
    build(root)
    for path in index_path(root).parent.glob("index.db-*"):
        path.unlink()
    index_path(root).write_bytes(damage)
    with pytest.raises(StoreError) as raised:
        IndexReader.open(root)
    assert "repocomp index" in (raised.value.hint or "")
    build(root, rebuild=True)
    assert dump_of(root)["texts"] == {"a.py": PYTHON}


def test_an_index_of_a_newer_version_is_refused_and_kept(repository: Repository) -> None:
    root = repository({"a.py": PYTHON})
    build(root)
    with sqlite3.connect(index_path(root)) as connection:
        connection.execute("PRAGMA user_version = 99")
    for attempt in (lambda: build(root), lambda: IndexReader.open(root)):
        with pytest.raises(StoreError, match="newer"):
            attempt()


def test_sources_that_lie_on_no_disk(tmp_path: Path) -> None:
    build_from(tmp_path / "x" / "index.db", [("a.py", PYTHON.encode()), ("bin", b"\0")])
    with IndexReader.open_at(tmp_path / "x" / "index.db") as reader:
        assert dump(reader)["texts"] == {"a.py": PYTHON}
        assert [symbol.qualified for symbol in reader.symbols.definitions(["run", "helper"])] == ["helper", "Base.run"]
        assert reader.symbols.references(["helper"])["helper"] == [(1, 3), (1, 6)]


def run_index(root: Path) -> subprocess.Popen[bytes]:
    quiet = subprocess.DEVNULL
    return subprocess.Popen([sys.executable, "-m", "repocomp", "index", str(root)], stdout=quiet, stderr=quiet)


def big_tree(repository: Repository, files: int) -> Path:
    body = "\n".join(f"def function_{n}(alpha, beta):\n    return alpha * {n} + beta\n" for n in range(120))
    return repository({f"pkg{n % 7}/module_{n}.py": f"NAME_{n} = {n}\n{body}" for n in range(files)})


def kill_at_random_moments(root: Path, times: int) -> None:
    rng = np.random.default_rng(0)
    for _ in range(times):
        process = run_index(root)
        time.sleep(float(rng.uniform(0.2, 1.5)))
        process.send_signal(signal.SIGKILL)
        process.wait()
        if index_path(root).exists() and index_path(root).stat().st_size:
            try:
                reader = IndexReader.open(root)
            except StoreError as error:
                assert "older" in str(error)  # killed before the schema was there
                continue
            assert reader is not None
            with reader:
                for row in reader.files.all()[:5]:
                    assert reader.contents.text(row.content_id)


def assert_equals_one_made_in_one_go(root: Path) -> None:
    assert run_index(root).wait() == 0
    killed = dump_of(root)
    assert build(root, rebuild=True).files
    assert dump_of(root) == killed


def test_kills_leave_a_usable_index_that_the_next_run_completes(repository: Repository) -> None:
    root = big_tree(repository, 60)
    kill_at_random_moments(root, 4)
    assert_equals_one_made_in_one_go(root)


@pytest.mark.slow
def test_two_hundred_kills(repository: Repository) -> None:
    root = big_tree(repository, 400)
    kill_at_random_moments(root, 200)
    assert_equals_one_made_in_one_go(root)


def test_readers_see_the_old_index_until_the_new_one_is_whole(repository: Repository) -> None:
    root = repository({f"m{n}.py": PYTHON.replace("helper", f"helper_{n}") for n in range(20)})
    build(root)
    seen: list[int] = []

    def look(_: Any) -> None:
        """What others see while the new index is made: readers opened before and now, and a run beside it."""
        seen.extend((len(before.files.all()), len(dump_of(root)["texts"])))
        write_files(root, {"beside.py": "beside = 1\n"})
        assert update(root, ["beside.py"]).indexed == 1

    with IndexReader.open_at(index_path(root)) as before:
        texts = dump(before)["texts"]
        version = before.version
        with before.snapshot():
            build(root, rebuild=True, progress=look, jobs=1)
            assert dump(before)["texts"] == texts
        assert before.version != version
        assert set(dump(before)["texts"]) == {*texts, "beside.py"}
    assert seen == [20, 20]


def test_a_rebuild_that_was_ended_leaves_the_old_index(repository: Repository) -> None:
    root = repository({"a.py": PYTHON})
    build(root)

    def end(_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(root, rebuild=True, progress=end)
    assert dump_of(root)["texts"] == {"a.py": PYTHON}
    (index_path(root).parent / "rebuild.db").write_bytes(b"half of one")
    build(root, rebuild=True)
    assert {path.name for path in index_path(root).parent.glob("*.db")} == {"index.db"}
    assert index_path(root).stat().st_mode & 0o777 == 0o600


def test_one_rebuild_at_a_time(tmp_path: Path) -> None:
    with (
        replacing_index(tmp_path / "index.db") as fresh,
        pytest.raises(StoreError, match="another process"),
        replacing_index(tmp_path / "index.db", wait_ms=0),
    ):
        pass
    assert not fresh.exists()


def test_a_rebuild_does_not_wait_for_ever(repository: Repository) -> None:
    path = index_path(repository({"a.py": PYTHON}))
    build_from(path, [("a.py", PYTHON.encode())])
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another process holds"), replacing_index(path, wait_ms=10) as fresh:
            build_from(fresh, [("b.py", b"b = 1\n")])
    with IndexReader.open_at(path) as reader:
        assert [row.path for row in reader.files.all()] == ["a.py"]


def test_two_runs_at_once(repository: Repository) -> None:
    root = big_tree(repository, 40)
    processes = [run_index(root), run_index(root)]
    assert [process.wait() for process in processes] == [0, 0]
    assert_equals_one_made_in_one_go(root)


def test_readers_do_not_wait_for_a_writer(repository: Repository) -> None:
    root = repository({"a.py": PYTHON})
    build(root)
    writer = sqlite3.connect(index_path(root), isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    try:
        assert dump_of(root)["texts"] == {"a.py": PYTHON}
    finally:
        writer.execute("ROLLBACK")
        writer.close()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_workers_end_with_a_parent_that_was_killed() -> None:
    code = (
        "import os\n"
        "from repocomp.index.workers import reading\n"
        "if __name__ == '__main__':\n"
        "    with reading(2) as submit:\n"
        "        submit([('a.py', b'x = 1\\n' * 999)])()\n"
        "        import multiprocessing\n"
        "        print(*[child.pid for child in multiprocessing.active_children()], flush=True)\n"
        "        os.kill(os.getpid(), 9)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    workers = [int(pid) for pid in done.stdout.split()]
    assert workers
    for _ in range(200):
        if not any(_is_there(pid) for pid in workers):
            return
        time.sleep(0.05)
    pytest.fail("a worker waits for work that never comes")


def _is_there(pid: int) -> bool:
    """Whether a process runs; one that ended and nobody has asked about does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_names_that_an_index_holds_are_not_searched_for_secrets_again(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = repository({"a.py": "x = 1\n", "b.py": "y = 2\n"})
    build(root)
    looked_at: list[str] = []

    def looking(name: str) -> str:
        looked_at.append(name)
        return redact(name)

    monkeypatch.setattr(walk, "redact", looking)
    (root / "c.py").write_text("z = 3\n")
    build(root)
    update(root, ["a.py"])
    assert looked_at == ["c.py"]
    # An index of a version that reads in another way says nothing of names.
    monkeypatch.setattr("repocomp.index.build.READING", 0)
    build(root)
    assert looked_at[1:] == ["a.py", "b.py", "c.py"]
