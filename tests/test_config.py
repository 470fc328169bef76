"""Which value wins, where it came from, and what a repository may not decide."""

from __future__ import annotations

from pathlib import Path

import pytest

from repocomp.config import load_settings, load_with_origin, user_file
from repocomp.errors import ConfigError


def write_user(text: str) -> None:
    user_file().parent.mkdir(parents=True, exist_ok=True)
    user_file().write_text(text)


def test_flags_beat_variables_beat_the_repository_beat_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_with_origin(tmp_path, {})["mode"] == ("auto", "default")
    write_user('mode = "line"\n')
    assert load_with_origin(tmp_path, {})["mode"] == ("line", str(user_file()))
    (tmp_path / ".repocomp.toml").write_text('mode = "block"\n')
    assert load_with_origin(tmp_path, {})["mode"] == ("block", str(tmp_path / ".repocomp.toml"))
    monkeypatch.setenv("REPOCOMP_MODE", "auto")
    assert load_with_origin(tmp_path, {})["mode"] == ("auto", "REPOCOMP_MODE")
    assert load_with_origin(tmp_path, {"mode": "line", "arms": None})["mode"] == ("line", "flag")


def test_a_repository_may_not_name_a_model(tmp_path: Path) -> None:
    (tmp_path / ".repocomp.toml").write_text('generator = "./evil"\n')
    with pytest.raises(ConfigError, match="may not set 'generator'"):
        load_settings(tmp_path, {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour = 1\n", "no setting 'colour'"),
        ('mode = "word"\n', "mode cannot be 'word'"),
        ('max_new_tokens = "many"\n', "must be a whole number"),
        ("max_new_tokens = true\n", "must be a whole number"),
        ("max_new_tokens = 1.5\n", "must be a whole number"),
        ("max_new_tokens = 0\n", "from 1 to"),
        (f"max_new_tokens = {10**18}\n", "from 1 to"),
        ("max_new_tokens = " + "9" * 5000 + "\n", "config.toml"),
        ("max_new_tokens = " + "[" * 20000 + "\n", "config.toml"),
        (f"colour = '{'x' * 70_000}'\n", "larger than 64 KiB"),
        (f"max_new_tokens = '{'x' * 9000}'\n", r"x\.\.\.$"),
        ("retention_days = 99999999\n", "from 0 to"),
        ("threshold = -1\n", "must be a number"),
        ("threshold = nan\n", "from 0 to 1"),
        ("threshold = inf\n", "from 0 to 1"),
        ("deadline_ms = inf\n", "from 0 to"),
        ("mode = [1]\n", "mode cannot be"),
        ("generator = 3\n", "must be text"),
        ("mode = \n", "config.toml"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_its_file(tmp_path: Path, text: str, message: str) -> None:
    write_user(text)
    with pytest.raises(ConfigError, match=message) as raised:
        load_settings(tmp_path, {})
    assert str(user_file()) in raised.value.message


def test_text_of_the_environment_becomes_numbers_and_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPOCOMP_THRESHOLD", "0.4")
    monkeypatch.setenv("REPOCOMP_ARMS", "bm25, jaccard")
    settings = load_settings(None, {})
    assert (settings.threshold, settings.arm_names) == (0.4, ("bm25", "jaccard"))


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "2", "1e400", " ", "0x1", "9" * 5000])
def test_variables_out_of_range_are_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    for name in ("THRESHOLD", "DEADLINE_MS", "MAX_NEW_TOKENS", "RETENTION_DAYS"):
        monkeypatch.setenv("REPOCOMP_" + name, value)
        if name == "THRESHOLD" or value != "2":
            with pytest.raises(ConfigError, match=f"REPOCOMP_{name}") as raised:
                load_settings(None, {})
            assert len(raised.value.message) < 200
        monkeypatch.delenv("REPOCOMP_" + name)


def test_a_byte_order_mark_does_not_count(tmp_path: Path) -> None:
    user_file().parent.mkdir(parents=True)
    user_file().write_bytes(b"\xef\xbb\xbfthreshold = 0.5\r\n")
    assert load_settings(tmp_path, {}).threshold == 0.5


def test_relative_folders_of_the_desktop_standard_are_ignored(monkeypatch: pytest.MonkeyPatch, isolated: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "config")
    assert user_file() == isolated / ".config" / "repocomp" / "config.toml"


def test_a_link_of_the_user_is_followed_and_one_of_the_repository_is_not(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.toml").write_text("threshold = 0.5\n")
    user_file().parent.mkdir(parents=True)
    user_file().symlink_to(tmp_path / "elsewhere.toml")
    assert load_settings(tmp_path, {}).threshold == 0.5
    (tmp_path / ".repocomp.toml").symlink_to(tmp_path / "elsewhere.toml")
    with pytest.raises(ConfigError, match="repocomp.toml"):
        load_settings(tmp_path, {})
