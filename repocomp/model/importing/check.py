"""Whether a pack is whole and runs, and how its logits compare with the weights it was made of."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from repocomp.errors import PackError
from repocomp.model.graph import decoder
from repocomp.model.graph.reference import agreement, divergence, hidden_states, logits
from repocomp.model.importing.from_gguf import open_gguf
from repocomp.model.importing.from_safetensors import open_safetensors
from repocomp.model.integrity import file_digest
from repocomp.model.library import load_pack
from repocomp.model.opening import open_session
from repocomp.model.pack import Pack
from repocomp.model.session import Ids, Logits, Session
from repocomp.model.tokenizer import Tokenizer
from repocomp.progress import OnProgress, Progress

_TEXT_TOKENS = 512
_RUN_TOKENS = 128
_SAMPLE = Path(decoder.__file__)
"""Some code that is always at hand."""


def check_pack(name_or_path: str, against: Path | None, tokens: int, show: OnProgress) -> dict[str, Any]:
    """Report on a pack: files, start, and with `against` the comparison. Raises PackError where anything is wrong."""
    pack = load_pack(name_or_path)
    for at, (name, digest) in enumerate(pack.digests.items()):
        show(Progress(at, len(pack.digests), f"digesting {name}"))
        if file_digest(pack.folder / name) != digest:
            raise PackError(f"{pack.folder / name} is damaged: its digest is another", "add the model again")
    started = time.perf_counter()
    tokenizer, session = Tokenizer.load(pack), open_session(pack)
    seconds = time.perf_counter() - started
    texts = _texts(tokenizer, min(_TEXT_TOKENS, pack.shape.max_context - 2), tokens)
    rows = [_logits(session, ids) for ids in texts[:1]]
    if not np.isfinite(rows[0]).all():
        raise PackError(f"the pack {pack.name!r} returns what is no number", "add the model again")
    report = {"pack": pack.name, "files": len(pack.digests), "opened_in_ms": round(1000 * seconds, 1)}
    return report if against is None else {**report, **_comparison(pack, session, against, texts, show)}


def _comparison(pack: Pack, session: Session, against: Path, texts: list[Ids], show: OnProgress) -> dict[str, Any]:
    source = open_safetensors(against) if against.is_dir() else open_gguf(against)
    if source.shape.vocab_size != pack.shape.vocab_size or source.shape.n_layers != pack.shape.n_layers:
        raise PackError(f"{pack.name!r} was not made of {against}", "name the file it was made of")
    show(Progress(0, len(texts), "forward pass in NumPy"))
    states = hidden_states(source.weights, source.shape, texts)
    sums = np.zeros(3)
    for at, (ids, state) in enumerate(zip(texts, states, strict=True)):
        show(Progress(at, len(texts), "comparing"))
        found = _logits(session, ids)
        for start in range(0, len(ids), _RUN_TOKENS):
            part = slice(start, start + _RUN_TOKENS)
            expected = logits(source.weights, source.shape, state[part])
            count = len(expected)
            sums += count * np.array([1, divergence(expected, found[part]), agreement(expected, found[part])])
    total, kl, top1 = sums.tolist()
    return {"tokens": int(total), "kl": kl / total, "same_first_choice": top1 / total}


def _texts(tokenizer: Tokenizer, most: int, tokens: int) -> list[Ids]:
    ids: list[int] = []
    for path in sorted(_SAMPLE.parent.parent.rglob("*.py")):
        ids += tokenizer.encode(path.read_text("utf-8")) if len(ids) < tokens else []
    ids = ids[:tokens]
    return [np.asarray(ids[start : start + most], np.int64) for start in range(0, len(ids), most)]


def _logits(session: Session, ids: Ids) -> Logits:
    buffers, rows = session.new_buffers(), []
    for start in range(0, len(ids), _RUN_TOKENS):
        part = ids[start : start + _RUN_TOKENS]
        rows.append(session.run(part, start, buffers, len(part)).copy())
    return np.concatenate(rows)
