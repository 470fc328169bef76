"""`repocomp model`: adding, listing, using, checking and removing packs, and what each fault says."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from repocomp import directories
from repocomp.cli import app
from repocomp.config import user_file
from repocomp.model import catalogue
from repocomp.model.catalogue import Entry, Url
from repocomp.model.home import packs_folder
from repocomp.model.library import load_pack
from repocomp.model.pack import ALONE
from tests.conftest import Repository
from tests.model.importing import tiny
from tests.train.repositories import code


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, Any]:
    code = app.run(["model", *map(str, arguments), "--json"])
    envelope = json.loads(capsys.readouterr().out)
    return code, envelope["data"] if code == 0 else envelope["errors"][0]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tiny.write_gguf(tmp_path / "Tiny Model.Q8_0.gguf", tiny.random_weights(), kind="Q8_0")


def test_a_file_becomes_the_generator_and_goes_again(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, facts = run(capsys, "add", file)
    assert (code, facts["name"], facts["family"]) == (0, "tiny-model.q8_0", "qwen2.5-coder")
    code, listed = run(capsys, "list")
    assert [pack["name"] for pack in listed["packs"]] == ["default", "tiny-model.q8_0"]
    code, used = run(capsys, "use", "tiny-model.q8_0")
    assert used["roles"] == ["generator"]
    assert tomllib.loads(user_file().read_text()) == {"generator": "tiny-model.q8_0"}
    code, listed = run(capsys, "list")
    assert [pack["used_as"] for pack in listed["packs"]] == [["policy"], ["generator"]]
    code, report = run(capsys, "check", "tiny-model.q8_0", "--against", file, "--tokens", 40)
    assert report["tokens"] == 40
    assert report["kl"] < 0.01
    assert run(capsys, "remove", "tiny-model.q8_0") == (0, {"removed": "tiny-model.q8_0"})
    code, error = run(capsys, "show", "tiny-model.q8_0")
    assert (code, error["code"]) == (2, "pack")


def test_a_pack_is_tuned_to_code_that_lies_here(
    file: Path, repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    root = repository({f"module_{number}.py": code("tuned", number) for number in range(3)})
    run(capsys, "add", file, "--name", "toy")
    before = load_pack("toy")
    code_, found = run(capsys, "tune", "toy", root, "--holes", 6)
    assert code_ == 0
    assert found["tokens"] > 6
    assert found["similarity"].keys() == {"0", "0.5", "1", "alone"}
    after = load_pack("toy")
    assert (
        (after.cache != ALONE) == found["mixed"] == (max(found["similarity"].values()) > found["similarity"]["alone"])
    )
    assert replace(after, cache=before.cache) == before
    assert not list((directories.cache() / "tuning").iterdir())


def test_tuning_refuses_what_ships_tuned_and_trees_without_code(
    file: Path, repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    root = repository({"notes.txt": "nothing to complete\n"})
    code_, error = run(capsys, "tune", "default", root)
    assert (code_, error["code"]) == (2, "pack")
    run(capsys, "add", file, "--name", "toy")
    code_, error = run(capsys, "tune", "toy", root)
    assert (code_, error["code"]) == (2, "train")


def test_settings_beside_it_stay(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    user_file().parent.mkdir(parents=True)
    user_file().write_text('# mine\nmode = "line"\n  generator = "old" # why\nmax_new_tokens = 9\n')
    run(capsys, "add", file, "--name", "toy")
    assert run(capsys, "use", "toy")[0] == 0
    assert user_file().read_text() == '# mine\nmode = "line"\n  generator = "toy" # why\nmax_new_tokens = 9\n'


def test_a_pack_that_cannot_decide_is_no_policy(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "add", file, "--name", "toy")
    code, error = run(capsys, "use", "toy", "--as", "both")
    assert (code, error["message"]) == (2, "the pack 'toy' cannot be a policy")
    assert not user_file().exists()


def test_a_model_is_pulled_from_a_file_at_hand(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = file.read_bytes()
    entry = Entry(
        "toy", "A toy", "Apache-2.0", hashlib.sha256(data).hexdigest(), len(data), (Url("https://127.0.0.1:9/"),)
    )
    monkeypatch.setattr(catalogue, "CATALOGUE", (entry,))
    code, facts = run(capsys, "pull", "toy", "--from", file)
    assert (code, facts["licence"]) == (0, "Apache-2.0")
    code, error = run(capsys, "pull", "toy")
    assert (code, error["message"]) == (2, "toy is there already")
    run(capsys, "remove", "toy")
    code, error = run(capsys, "pull", "toy")
    assert code == 2
    assert "could not be fetched (127.0.0.1:9" in error["message"]
    assert error["hint"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "nothing.gguf"),
        ("add", "/dev/zero"),
        ("add", "/"),
        ("pull", "gpt-7"),
        ("remove", "default"),
        ("show", "nothing"),
        ("use", "nothing"),
        ("check", "nothing"),
        ("check", "default", "--against", "nothing.gguf"),
    ],
)
def test_every_fault_is_one_line_and_a_hint(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    code, error = run(capsys, *arguments)
    assert code == 2
    assert error["hint"]
    assert "\n" not in error["message"]


def test_for_people(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["model", "add", str(file), "--name", "toy"]) == 0
    assert "repocomp model use toy" in capsys.readouterr().out
    assert app.run(["model"]) == 0
    said = capsys.readouterr().out
    assert "toy" in said and "repocomp model pull NAME" in said
    assert app.run(["model", "check", "toy"]) == 0
    assert app.run(["model", "use", "toy"]) == 0
    assert "toy is now the generator" in capsys.readouterr().out
    assert app.run(["model", "remove", "toy"]) == 0
    assert "choose another: repocomp model use default" in capsys.readouterr().err


def test_a_folder_is_used_by_its_whole_path(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(capsys, "add", file, "--name", "toy")
    (tmp_path / "toy").mkdir()
    monkeypatch.chdir(tmp_path)
    run(capsys, "use", "toy")
    assert tomllib.loads(user_file().read_text()) == {"generator": "toy"}
    run(capsys, "use", packs_folder() / "toy")
    assert tomllib.loads(user_file().read_text()) == {"generator": str(packs_folder() / "toy")}
