"""llama.cpp on the weights of a pack: its own quantiser, its own benchmark, and its probabilities to compare with."""

from __future__ import annotations

import json
import os
import struct
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from repocomp.errors import BenchError
from repocomp.model.pack import Pack
from repocomp.model.to_gguf import write_gguf

_EXACT = "F32"
_FORMATS = ("Q8_0", "Q4_0")
"""Eight bits, to hold against int8; four bits, the fastest to decode."""
_TOOLS = ("llama-bench", "llama-quantize", "llama-perplexity")
_BUILD = "cmake -B build -DGGML_NATIVE=ON && cmake --build build --target " + " ".join(_TOOLS)
_COMPARED = 256
"""Tokens of context that probabilities are compared in; llama-perplexity tells those of the second half."""
KEPT_NATS = 16
"""llama-perplexity lifts whatever is less likely to this many nats below the first choice."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Speed:
    """Tokens per second of a prompt, and milliseconds per token of what follows it."""

    prefill_tokens_per_s: float
    decode_ms: float


@dataclass(frozen=True, slots=True)
class Llama:
    """llama.cpp's `programs`, the `models` it runs by what they are called, and a `folder` for what it writes."""

    programs: Path
    models: Mapping[str, Path]
    folder: Path
    threads: int

    @classmethod
    def prepared(cls, bench: Path, pack: Pack, gguf: Path | None, folder: Path, threads: int) -> Llama:
        """The llama.cpp whose llama-bench is `bench`, with the file `gguf`, else the weights of `pack`, converted.

        Raises BenchError, PackError.
        """
        for name in _TOOLS:
            if not (bench.parent / name).is_file():
                raise BenchError(f"{bench.parent}: holds no {name}", f"in llama.cpp: {_BUILD}")
        programs = Path(os.path.realpath(bench.parent))
        if gguf is not None:
            return cls(programs, {gguf.name: gguf}, folder, threads)
        llama = cls(programs, {kind: folder / f"{kind}.gguf" for kind in (_EXACT, *_FORMATS)}, folder, threads)
        exact = llama.models[_EXACT]
        write_gguf(pack, exact)
        for kind in _FORMATS:
            llama._run("llama-quantize", str(exact), str(llama.models[kind]), kind, str(threads))
        return llama

    @property
    def timed(self) -> list[str]:
        """The models that people would run for their speed."""
        return [name for name in self.models if name != _EXACT]

    def measure(self, kind: str, prompt: int, tokens: int) -> tuple[Speed, str]:
        """Read `prompt` tokens, then write `tokens` behind as many; also what names this build of llama.cpp."""
        common = ["-m", str(self.models[kind]), "-t", str(self.threads), "-r", "1", "-o", "json"]
        read = self._bench([*common, "-p", str(prompt), "-n", "0"])
        written = self._bench([*common, "-p", "0", "-n", str(tokens), "-d", str(prompt)])
        speed = Speed(round(read["avg_ts"], 1), round(1000 / written["avg_ts"], 4))
        return speed, f"{read['build_commit']} {read['cpu_info']}".strip()

    def log_probabilities(self, kind: str, text: Path) -> tuple[npt.NDArray[np.int64], Floats]:
        """The first `_COMPARED` ids that llama.cpp reads in `text`, and what it says of the next token: [n, V].

        Rows begin at half of the ids: row i stands after id `_COMPARED` / 2 + i.
        """
        out = self.folder / f"{kind}.logits"
        options = ("-t", str(self.threads), "-c", str(_COMPARED), "-b", str(_COMPARED), "--chunks", "1")
        asked = ("-m", str(self.models[kind]), "-f", str(text), "--kl-divergence-base", str(out))
        self._run("llama-perplexity", *asked, *options)
        return read_log_probabilities(out.read_bytes())

    def _bench(self, arguments: Sequence[str]) -> dict[str, float]:
        try:
            (result,) = json.loads(self._run("llama-bench", *arguments))
            return dict(result)
        except ValueError as error:
            raise BenchError(f"llama-bench says something else than expected: {error}", "use a newer one") from error

    def _run(self, program: str, *arguments: str) -> str:
        command = [str(self.programs / program), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
            raise BenchError(f"{program} failed: {last}", " ".join(command))
        return done.stdout


def read_log_probabilities(data: bytes) -> tuple[npt.NDArray[np.int64], Floats]:
    """Parse what llama-perplexity keeps: 16-bit steps from each row's least log-probability. Raises BenchError."""
    try:
        magic, context, vocabulary, chunks = struct.unpack_from("<8sIII", data)
        if magic != b"_logits_" or chunks != 1:
            raise BenchError("llama-perplexity wrote something else than probabilities", "use a newer llama.cpp")
        ids = np.frombuffer(data, "<i4", context, 20).astype(np.int64)
        width = 2 * ((vocabulary + 1) // 2) + 4
        rows = np.frombuffer(data, "<u2", offset=20 + 4 * context).reshape(-1, width)
    except (struct.error, ValueError) as error:
        raise BenchError(f"llama-perplexity wrote too little: {error}", "use a newer llama.cpp") from error
    scale, least = np.ascontiguousarray(rows[:, :4]).view("<f4").T
    return ids, least[:, None] + scale[:, None] * rows[:, 4 : 4 + vocabulary].astype(np.float32)
