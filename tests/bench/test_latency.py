"""From key to text: how samples become rows, and one small run with real daemons."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from pathlib import Path

import pytest

from repocomp.bench.latency import Sample, _Key, _summed, _typing
from repocomp.bench.units import unit_of
from repocomp.cli import app
from repocomp.document import Document
from repocomp.errors import BenchError
from tests.conftest import Repository


def sample(way: str, policy: str, wall: float, *, rest: bool = False, cached: int = 90) -> Sample:
    timings = {"total": wall - 20, "prefill": 10.0 if policy == "always" else 5.0, "decode": 9.0}
    return Sample(way, policy, wall, 16.0, timings, {"prompt": 100, "cached": cached}, policy == "always", rest, "x")


def test_rests_count_for_who_waits_and_for_nothing_else() -> None:
    samples = [sample("typing", policy, wall) for policy in ("never", "threshold", "always") for wall in (40.0, 60.0)]
    samples += [sample("typing", "threshold", 20.0, rest=True, cached=0), sample("place", "threshold", 100.0)]
    found = _summed({}, samples, [(15.0, 12.0), (17.0, 14.0)], [False, True])
    rows = {(row.way, row.policy): row for row in found.rows}
    row = rows["typing", "threshold"]
    assert (row.requests, row.rests, row.wall_p50, row.written_p50) == (3, 1, 40.0, 50.0)
    assert (row.answer_p50, row.client_p50) == (30.0, 20.0)
    assert (row.cached_with_rests_percent, row.cached_percent) == (60.0, 90.0)
    assert (row.cached_retrieved_percent, row.cached_skipped_percent) == (None, 90.0)
    assert rows["typing", "always"].retrieved == 2
    assert rows["typing", "always"].cached_retrieved_percent == 90.0
    assert found.prefill_saved_ms["typing"] == 5.0
    assert (found.bare_ms[0], found.client_cpu_ms, found.compared, found.differing) == (16.0, 16.0, 2, 1)
    assert found.ratios["always / threshold, typing"] == 1.25


def test_keys_type_what_stood_there() -> None:
    data = b"".join(b"value_%d = compute(%d)\n" % (number, number) for number in range(300))
    keys = _typing([Document("short.py", b"x = 1\n"), Document("long.py", data)], 40)
    assert [key.path for key in keys] == ["long.py"] * 41
    typed, behind = keys[-1].data[: keys[-1].offset], keys[-1].data[keys[-1].offset :]
    assert data.startswith(typed)
    assert behind.startswith(b"\n")
    assert data.endswith(behind)
    for before, after in zip(keys, keys[1:], strict=False):
        assert after.offset == before.offset + 1
        assert after.data[: before.offset] == before.data[: before.offset]
        assert after.data[after.offset :] == before.data[before.offset :]
    with pytest.raises(BenchError, match="long enough"):
        _typing([Document("short.py", b"x = 1\n")], 40)


def test_keys_are_shared_among_files_that_are_whole_before_they_are_typed_in() -> None:
    source = (Path(__file__).parents[2] / "repocomp" / "index" / "chunk.py").read_bytes()
    documents = [Document(f"{number % 11}.py", source) for number in range(14)]
    documents.append(Document("prose.txt", source))
    keys = _typing(documents, 100)
    firsts = [key for key in keys if not key.typed]
    assert [key.path for key in firsts] == [f"{number}.py" for number in range(8)]
    assert len(keys) == 108
    for key in firsts:
        ast.parse(key.data)
        last = max(other.typed for other in keys if other.path == key.path)
        assert last in (12, 13)
        typed = next(other for other in keys if (other.path, other.typed) == (key.path, last))
        assert typed.data[key.offset : typed.offset] == source[key.offset : typed.offset]
        assert typed.data[: key.offset] + typed.data[typed.offset :] == key.data


def test_silence_is_counted() -> None:
    shown, silent = sample("typing", "never", 40.0), replace(sample("typing", "never", 60.0), text="")
    (row,) = _summed({}, [shown, silent, silent], [(15.0, 12.0)], []).rows
    assert (row.requests, row.rests, row.silent) == (3, 0, 2)


@pytest.mark.parametrize(
    ("source", "unit"),
    [
        ("def a():\n    return 1\n\n\ndef b():\n    return 2\n", "def b():\n    return 2\n"),
        ("if x:\n    a = 1\n    b = 1\n    c = 1\nelse:\n    d = 1\n", "    c = 1\n"),
        ("f(\n    1,\n    2,\n    3,\n)\nx = [\n    1,\n]\ny = 1\n", "x = [\n    1,\n]\n"),
    ],
)
def test_a_unit_is_whole_and_near_the_middle(source: str, unit: str) -> None:
    # Long enough, and the middle stays where it is.
    lead, trail = "# above\n" * 300, "# below\n" * 300
    found = unit_of(Document("a.py", f"{lead}{source}{trail}".encode()), len(unit) - 1)
    assert found is not None
    start, end = found
    assert (lead + source)[start:end] == unit


@pytest.mark.parametrize(
    ("policy", "how"), [("threshold", ["--select", "threshold"]), ("always", ["--retrieve", "always"])]
)
def test_a_policy_is_an_option(policy: str, how: list[str]) -> None:
    assert _Key("a.py", b"", 7).arguments(policy)[-2:] == how


@pytest.mark.slow
def test_a_small_run(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    source = (Path(__file__).parents[2] / "repocomp" / "index" / "chunk.py").read_text()
    monkeypatch.chdir(repository({"a.py": source, "b.py": source.replace("chunk", "piece")}))
    app.run(["index"])
    capsysbinary.readouterr()
    assert app.run(["bench", "latency", "--keys", "3", "--places", "1", "--json"]) == 0
    data = json.loads(capsysbinary.readouterr().out)["data"]
    assert {(row["way"], row["policy"]) for row in data["rows"]} == {
        (way, policy) for way in ("process", "place", "typing") for policy in ("never", "threshold", "always")
    }
    assert (data["compared"], data["differing"]) == (3, 0)
