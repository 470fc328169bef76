"""The engine beside llama.cpp: what its programs say becomes figures, and our side is measured without them."""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path

import numpy as np
import pytest

from repocomp.bench.decoding import run as engine
from repocomp.bench.decoding.llama import Llama, Speed, read_log_probabilities
from repocomp.bench.decoding.run import Completions, _ratios, agreement
from repocomp.cli import app
from repocomp.errors import BenchError
from repocomp.model.library import load_pack
from tests.conftest import Repository

SOURCE = "\n".join(f"def total_{n}(items):\n    return sum(item.price_{n} for item in items)\n" for n in range(60))


def program(folder: Path, name: str, body: str) -> Path:
    path = folder / name
    path.write_text(f"#!{sys.executable}\nimport json, sys\n{body}\n")
    path.chmod(0o755)
    return path


def test_what_llama_bench_says_becomes_a_speed(tmp_path: Path) -> None:
    body = (
        "reads = sys.argv[sys.argv.index('-n') + 1] == '0'\n"
        "print(json.dumps([{'avg_ts': 4000.04 if reads else 500, 'build_commit': 'abc', 'cpu_info': 'x'}]))"
    )
    bench = program(tmp_path, "llama-bench", body)
    speed, build = Llama(bench.parent, {"Q8_0": tmp_path}, tmp_path, 2).measure("Q8_0", 512, 64)
    assert (speed, build) == (Speed(4000.0, 2.0), "abc x")


def test_programs_that_are_missing_or_fail_are_told(tmp_path: Path) -> None:
    bench = program(tmp_path, "llama-bench", "sys.exit('no such model')")
    with pytest.raises(BenchError, match="no llama-quantize") as missing:
        Llama.prepared(bench, load_pack("default"), None, tmp_path, 2)
    assert missing.value.hint is not None
    assert "--target llama-bench llama-quantize" in missing.value.hint
    with pytest.raises(BenchError, match="llama-bench failed: no such model"):
        Llama(tmp_path, {"Q8_0": tmp_path}, tmp_path, 2).measure("Q8_0", 512, 64)
    program(tmp_path, "llama-bench", "print('{}')")
    with pytest.raises(BenchError, match="something else"):
        Llama(tmp_path, {"Q8_0": tmp_path}, tmp_path, 2).measure("Q8_0", 512, 64)


def test_a_file_is_run_as_it_is_and_weights_are_converted(tmp_path: Path) -> None:
    for name in ("llama-bench", "llama-quantize", "llama-perplexity"):
        program(tmp_path, name, "open(sys.argv[2], 'w').write(sys.argv[3])")
    bench, pack = tmp_path / "llama-bench", load_pack("default")
    theirs = Llama.prepared(bench, pack, tmp_path / "some.gguf", tmp_path, 2)
    assert (theirs.timed, dict(theirs.models)) == (["some.gguf"], {"some.gguf": tmp_path / "some.gguf"})
    made = Llama.prepared(bench, pack, None, tmp_path, 2)
    assert (list(made.models), made.timed) == (["F32", "Q8_0", "Q4_0"], ["Q8_0", "Q4_0"])
    assert made.models["F32"].read_bytes()[:4] == b"GGUF"
    assert made.models["Q4_0"].read_text() == "Q4_0"


def test_log_probabilities_are_read_as_written() -> None:
    rows = np.array([[-0.5, -1.5, -3.0], [-2.0, -0.25, -4.0]], np.float32)
    data = struct.pack("<8sIII4i", b"_logits_", 4, 3, 1, 9, 8, 7, 6)
    for row in rows:
        scale = (row.max() - row.min()) / 65535
        steps = np.rint((row - row.min()) / scale).astype("<u2")
        data += struct.pack("<ff", scale, row.min()) + steps.tobytes() + b"\0\0"
    ids, found = read_log_probabilities(data)
    assert ids.tolist() == [9, 8, 7, 6]
    np.testing.assert_allclose(found, rows, atol=1e-4)
    for broken in (data[:30], data[:-1], b"_other__" + data[8:]):
        with pytest.raises(BenchError, match="llama-perplexity wrote"):
            read_log_probabilities(broken)


def test_agreement_counts_first_choices_and_divergence() -> None:
    ours = np.log(np.array([[0.7, 0.3], [0.4, 0.6]], np.float32))
    assert agreement(ours, ours) == engine.Agreement(2, 1.0, 0.0)
    other = agreement(ours, ours[:, ::-1])
    assert (other.top1, other.kl > 0) == (0.0, True)


def test_agreement_ignores_what_lies_below_the_floor_of_llama() -> None:
    ours = np.full((2, 100_000), -30, np.float32)
    ours[:, 7] = 0
    lifted = np.maximum(ours, -16)
    assert agreement(ours, lifted) == engine.Agreement(2, 1.0, 0.0)
    assert agreement(ours + 5, lifted).kl == 0, "logits of any level are compared"


def test_ratios_are_above_one_where_this_side_is_faster() -> None:
    completions = Completions(1, 10, 2.0, 1.0, 0.8, 2.0, 1.8, 0)
    ratios = _ratios(Speed(6000, 1.5), {"Q8_0": Speed(3000, 3.0), "Q4_0": Speed(2000, 1.2)}, completions)
    assert (ratios["prefill / best"], ratios["decode / Q8_0"], ratios["decode / best"]) == (2.0, 2.0, 0.8)
    assert (ratios["decode with guesses / without"], ratios["decode with guesses / best"]) == (2.0, 1.2)
    assert list(_ratios(Speed(6000, 1.5), {}, completions)) == ["decode with guesses / without"]


def test_without_llama_this_side_is_measured(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setattr(engine, "ROUNDS", 1)
    monkeypatch.setattr(engine, "WRITTEN", 2)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.chdir(repository({"a.py": SOURCE, "b.py": SOURCE.replace("total", "sum_of")}))
    app.run(["index"])
    capsysbinary.readouterr()
    assert app.run(["bench", "engine", "--limit", "3", "--json"]) == 0
    data = json.loads(capsysbinary.readouterr().out)["data"]
    assert "--llama-bench PATH" in data["missing"]
    assert (data["llama"], data["agreement"]) == ({}, {})
    assert data["ours"]["prefill_tokens_per_s"] > 0
    real = data["completions"]
    assert (real["requests"], real["differing"]) == (3, 0)
    assert real["tokens_per_run"] >= 1.0
