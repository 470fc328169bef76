"""Lines and the place they are said: what survives the journey, what is refused, what the client imports."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repocomp.serve import client, protocol

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_a_message_is_one_line_of_plain_json(message: dict[str, Any]) -> None:
    line = protocol.encode(message)
    assert line.count(b"\n") == 1
    assert json.loads(line) == protocol.decode(line) == message


@given(st.binary())
def test_any_bytes_survive(data: bytes) -> None:
    message = protocol.decode(protocol.encode({"stdin": protocol.to_text(data)}))
    assert protocol.to_bytes(message["stdin"]) == data


@given(st.binary())
def test_no_line_does_more_than_raise_value_error(line: bytes) -> None:
    try:
        assert isinstance(protocol.decode(line), dict)
    except ValueError:
        pass


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"1", b'{"a": 1} {"b": 2}', b"\xff", b"[" * 100_000])
def test_garbage_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match="."):
        protocol.decode(line)


def test_the_folder_is_the_users_alone(runtime_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime_folder))
    folder = Path(protocol.folder())
    assert folder == runtime_folder / "repocomp"
    assert not protocol.is_private(str(folder))
    folder.mkdir(mode=0o700)
    assert protocol.is_private(str(folder))
    folder.chmod(0o750)
    assert not protocol.is_private(str(folder))
    link = runtime_folder / "link"
    folder.chmod(0o700)
    link.symlink_to(folder)
    assert not protocol.is_private(str(link))


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser gives files away")
def test_somebody_elses_folder_is_not_entered(runtime_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime_folder))
    folder = Path(protocol.folder())
    folder.mkdir(mode=0o700)
    os.chown(folder, 12345, 12345)
    assert not protocol.is_private(str(folder))
    assert client.connect() is None


@pytest.mark.parametrize("runtime", ["", "relative", "/" + "long/" * 30])
def test_without_a_usable_runtime_folder_a_temporary_one_serves(runtime: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
    monkeypatch.delenv("TMPDIR", raising=False)
    assert protocol.folder() == f"/tmp/repocomp-{os.getuid()}"


@given(JSON)
def test_json_is_spelled_as_the_library_spells_it(value: Any) -> None:
    assert protocol.to_json(value) == json.dumps(value, ensure_ascii=False)
