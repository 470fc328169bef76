"""Packs on disk: written whole, read back the same, and refused with a hint where anything is wrong."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from repocomp.errors import PackError
from repocomp.model.families import ControlTokens, FimTokens
from repocomp.model.home import packs_folder
from repocomp.model.library import added_packs, built_in_packs, load_pack, remove_pack, write_pack
from repocomp.model.opening import open_session
from repocomp.model.pack import BUILT_IN, Calibration, Pack, manifest_text
from repocomp.model.shape import ModelShape
from repocomp.model.tokenizer import Tokenizer

FILES = {"model.onnx": b"graph", "tokenizer.json": b"{}"}


def toy(folder: Path) -> Pack:
    return write_pack(Pack("toy", "1", folder, ModelShape()), FILES)


def edit(folder: Path, **changes: Any) -> None:
    path = folder / "pack.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_written_pack_is_read_back(tmp_path: Path) -> None:
    written = toy(tmp_path / "toy")
    assert load_pack(tmp_path / "toy") == written


def test_an_encoder_makes_no_other_model(tmp_path: Path) -> None:
    plain = toy(tmp_path / "plain")
    written = write_pack(replace(plain, folder=tmp_path / "toy"), {**FILES, "encoder.onnx": b"vectors"})
    assert load_pack(tmp_path / "toy") == written
    assert written.digest == plain.digest
    (tmp_path / "toy" / "encoder.onnx").write_bytes(b"damage")
    with pytest.raises(PackError, match="encoder.onnx is damaged"):
        load_pack(tmp_path / "toy")


def test_a_pack_is_known_by_its_content_not_its_place(tmp_path: Path) -> None:
    first = toy(tmp_path / "first")
    shutil.copytree(tmp_path / "first", tmp_path / "second")
    assert load_pack(tmp_path / "second").digest == first.digest
    assert replace(first, version="2").digest != first.digest


def test_writing_again_replaces_the_whole_folder(tmp_path: Path) -> None:
    toy(tmp_path / "toy")
    (tmp_path / "toy" / "left-over").touch()
    toy(tmp_path / "toy")
    assert sorted(path.name for path in (tmp_path / "toy").iterdir()) == ["model.onnx", "pack.json", "tokenizer.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["toy"]


def test_a_pack_without_its_files_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(PackError, match=r"tokenizer\.json"):
        write_pack(Pack("toy", "1", tmp_path / "toy", ModelShape()), {"model.onnx": b""})
    assert list(tmp_path.iterdir()) == []


def test_the_default_pack_is_built_in() -> None:
    assert "default" in built_in_packs()
    assert load_pack("default").folder == BUILT_IN / "default"


@pytest.mark.parametrize("name", ["nothing-here", "../default", "/nowhere/at/all"])
def test_an_unknown_pack_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(PackError) as raised:
        load_pack(name)
    assert "default" in str(raised.value.hint)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 1}, "has format 1"),
        ({"format": 4}, "has format 4"),
        ({"format": None}, "format None"),
        ({"family": 7}, "no text"),
        ({"roles": []}, "roles"),
        ({"roles": ["king"]}, "roles"),
        ({"layout": "xyz"}, "layout"),
        ({"thresholds": {}}, "thresholds"),
        ({"calibration": {"line": {"slope": 1, "offset": 0}}}, "calibration"),
        ({"digests": {}}, "digest"),
        ({"digests": {"model.onnx": "", "tokenizer.json": "", "../../etc/passwd": ""}}, "outside"),
        ({"shape": {"depth": 3}}, "depth"),
        ({"surprise": 1}, "surprise"),
        ({"shape": {"vocab_size": 1 << 40}}, "vocab_size"),
        ({"shape": {"max_context": -1}}, "max_context"),
        ({"shape": {"max_context": "long"}}, "max_context"),
        ({"shape": {"n_layers": 1 << 20, "max_context": 1 << 20}}, "keys and values take"),
        ({"shape": {"rope_theta": math.inf}}, "rope_theta"),
        ({"tokens": {"end": 0}}, "control token is missing"),
        ({"tokens": {**asdict(FimTokens()), "end": 99_999}}, "99999"),
        ({"tokens": {**asdict(FimTokens()), "end": True}}, "True"),
        ({"family": "other", "tokens": {"prefix": 1}}, "no token ends"),
        ({"budgets": {"left": -5}}, "budget left"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    toy(tmp_path / "toy")
    edit(tmp_path / "toy", **changes)
    with pytest.raises(PackError, match=said) as raised:
        load_pack(tmp_path / "toy")
    assert raised.value.hint


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"format": 1}', "\x00"])
def test_a_damaged_manifest_is_refused(tmp_path: Path, text: str) -> None:
    toy(tmp_path / "toy")
    (tmp_path / "toy" / "pack.json").write_text(text)
    with pytest.raises(PackError, match="damaged"):
        load_pack(tmp_path / "toy")


def test_one_changed_byte_is_noticed(tmp_path: Path) -> None:
    toy(tmp_path / "toy")
    (tmp_path / "toy" / "model.onnx").write_bytes(b"grapf")
    with pytest.raises(PackError, match=r"model\.onnx is damaged"):
        load_pack(tmp_path / "toy")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    toy(tmp_path / "toy")
    (tmp_path / "toy" / "tokenizer.json").unlink()
    with pytest.raises(PackError, match=r"lacks .*tokenizer\.json"):
        load_pack(tmp_path / "toy")


def test_a_pack_of_another_family_is_read_back(tmp_path: Path) -> None:
    control = ControlTokens(end=3, prefix=4, suffix=5, middle=6, repo=7, stops=(8, 9))
    shape = ModelShape(head_size=32, rope_factors=(1.0, 2.5), has_biases=True, is_tied=False)
    pack = Pack("toy", "1", tmp_path / "toy", shape, family="other", roles=("generator",), control=control)
    written = write_pack(pack, FILES)
    assert load_pack(tmp_path / "toy") == written
    assert (control.stop_ids, written.control.middle, written.control.decide) == ((3, 8, 9), 6, None)
    assert json.loads((tmp_path / "toy" / "pack.json").read_text())["format"] == 3


def test_the_built_in_pack_is_written_as_it_was() -> None:
    pack = load_pack("default")
    assert manifest_text(pack) == (pack.folder / "pack.json").read_text("utf-8")
    assert pack.tokens == FimTokens()


def test_an_added_pack_is_known_by_its_name_and_removed_by_it(tmp_path: Path) -> None:
    written = toy(packs_folder() / "mine")
    assert load_pack("mine") == written
    assert added_packs() == ["mine"]
    remove_pack("mine")
    assert added_packs() == []
    for name in ("mine", "default", "../mine"):
        with pytest.raises(PackError, match="was added"):
            remove_pack(name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
@pytest.mark.parametrize("name", ["pack.json", "model.onnx"])
def test_a_fifo_for_a_file_is_an_error(tmp_path: Path, name: str) -> None:
    toy(tmp_path / "toy")
    (tmp_path / "toy" / name).unlink()
    os.mkfifo(tmp_path / "toy" / name)
    with pytest.raises(PackError, match="not a regular file"):
        load_pack(tmp_path / "toy")


def test_a_model_that_is_no_model_is_an_error_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="no ONNX file"):
        open_session(toy(tmp_path / "toy"))


def test_a_vocabulary_of_another_size_is_refused() -> None:
    pack = load_pack("default")
    with pytest.raises(PackError, match="8192 tokens, its model 100"):
        Tokenizer.load(replace(pack, shape=replace(pack.shape, vocab_size=100)))


def test_calibration_is_a_sigmoid_that_cannot_overflow() -> None:
    assert Calibration().apply(0.0) == 0.5
    assert Calibration(2.0, -1.0).apply(0.5) == 0.5
    assert Calibration(1e9, 0.0).apply(-1.0) == pytest.approx(math.exp(-60))


def test_the_runtime_sends_nothing_home(tmp_path: Path) -> None:
    code = (
        "import os; from repocomp.model.opening import open_session; from repocomp.model.library import load_pack;"
        "open_session(load_pack('default')); print(os.environ['ORT_DISABLE_TELEMETRY'])"
    )
    homes = {name: str(tmp_path / name) for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")}
    environment = {**os.environ, **homes, "ORT_DISABLE_TELEMETRY": "0", "PYTHONPATH": str(BUILT_IN.parents[2])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("1", "")
    # Its identifier of the device would lie here.
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
