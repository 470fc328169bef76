"""A Ray cluster of three nodes on this machine: results as in one process; killed workers and nodes lose nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from repocomp.errors import RepocompError, TrainError, WorkerError
from repocomp.executor.ordered import MOST_LOSSES
from repocomp.executor.workers import Workers
from tests.executor.conftest import STORE_BYTES
from tests.executor.jobs import Deadly, Looking, Meeting, Reading, Slow, Squares, StillBorn

pytestmark = [pytest.mark.cluster, pytest.mark.filterwarnings("ignore")]


def test_results_are_those_of_one_process(cluster: Any, tmp_path: Path) -> None:
    job = Squares(tmp_path / "log")
    with Workers(cluster=cluster.address).executor() as executor, executor.run(job) as run:
        found = list(run(range(30)))
        assert [square for square, _ in found] == [number**2 for number in range(30)]
        assert len({process for _, process in found}) <= 3
        with pytest.raises(TrainError, match="-1 is negative") as raised:
            list(run([1, -1]))
        assert raised.value.hint == "ask for another"


def test_several_workers_share_the_tasks(cluster: Any, tmp_path: Path) -> None:
    with Workers(cluster=cluster.address).executor() as executor, executor.run(Meeting(tmp_path)) as run:
        assert 1 < len(set(run(range(30)))) <= 3


def test_workers_import_nothing_from_the_working_directory(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hostile").mkdir()
    monkeypatch.chdir(tmp_path / "hostile")
    with Workers(cluster=cluster.address).executor() as executor, executor.run(Looking()) as run:
        for seen in run(range(3)):
            assert not [path for path in seen if "hostile" in path or path in ("", ".")]


def test_killed_workers_lose_nothing(cluster: Any, tmp_path: Path) -> None:
    with Workers(cluster=cluster.address).executor() as executor:
        with executor.run(Deadly(tmp_path, (3, 7))) as run:
            assert list(run(range(12))) == list(range(12))
        with executor.run(Deadly(tmp_path, (5,), MOST_LOSSES)) as run, pytest.raises(WorkerError):
            list(run(range(12)))


def test_workers_that_do_not_start_end_the_run(cluster: Any) -> None:
    with Workers(cluster=cluster.address).executor() as executor, executor.run(StillBorn()) as run:
        with pytest.raises(WorkerError, match="before they are ready") as raised:
            list(run([1]))
    assert "pip install" in str(raised.value.hint)


def test_a_file_reaches_each_machine_once_and_in_pieces(cluster: Any, tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(os.urandom(1 << 20) * 100)
    with Workers(cluster=cluster.address).executor() as executor:
        shared = executor.share(path)
        with executor.run(Reading(shared)) as run:
            assert bytes(run(range(50))) == path.read_bytes()[:50]
        assert path.stat().st_size > STORE_BYTES
        assert executor.sent_bytes() == path.stat().st_size  # type: ignore[attr-defined]
        path.write_bytes(b"other")
        changed = executor.share(tmp_path / "small") if (tmp_path / "small").write_bytes(b"ab") else shared
        (tmp_path / "small").write_bytes(b"cd")
        with executor.run(Reading(changed)) as run, pytest.raises(WorkerError, match="changed while it was sent"):
            list(run([0]))


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:10001", "local"])
def test_no_cluster_is_one_clear_line(address: str) -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    with pytest.raises(RepocompError) as raised, Workers(cluster=address).executor():
        pass
    assert raised.value.hint


def test_a_killed_node_loses_nothing(cluster: Any) -> None:
    with Workers(cluster=cluster.address).executor() as executor, executor.run(Slow()) as run:
        results = run(range(24))
        first = [next(results) for _ in range(6)]
        cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
        assert first + list(results) == list(range(24))
