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
        ('max_new_tokens = "many"\n', "must be a number"),
        ("max_new_tokens = true\n", "must be a number"),
        ("threshold = -1\n", "must be a number"),
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
