"""A Ray cluster on this machine, for the tests that are marked with `cluster`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

STORE_BYTES = 80_000_000
NODE = {"num_cpus": 1, "object_store_memory": STORE_BYTES}


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Three nodes with a processor and 80 MB of object store each; this process is at the first."""
    cluster_utils = pytest.importorskip("ray.cluster_utils", reason="Ray is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("nodes")))
        found = cluster_utils.Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
        for _ in range(2):
            found.add_node(**NODE)
        yield found
        found.shutdown()
