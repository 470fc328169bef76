"""Kinds of fault that reports told of, by the shipped pack: for each several siblings, in one repository."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from repocomp.index.build import build
from repocomp.service.question import Place, Question
from repocomp.service.service import CompletionService
from tests.conftest import write_files

CASES = json.loads((Path(__file__).parents[1] / "cases" / "kinds.json").read_text(encoding="utf-8"))
MARK = b"<|>"


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """What is written at each cursor: one index and one service for all."""
    root = tmp_path_factory.mktemp("kinds")
    write_files(root, CASES["tree"])
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        build(root)
        for path in CASES["gone"]:
            (root / path).unlink()
        service = CompletionService()
        yield [answer(service, root, case) for case in CASES["cursors"]]


def answer(service: CompletionService, root: Path, case: dict[str, Any]) -> str:
    data = case["text"].encode()
    place = Place(offset=data.index(MARK))
    flags = {"min_confidence": 0.0, "record": "off"}
    return service.answer(service.prepare(Question(root / case["path"], data.replace(MARK, b""), place, flags))).text


def test_each_kind_has_its_siblings() -> None:
    kinds = [case["kind"] for case in CASES["cursors"]]
    assert min(map(kinds.count, kinds)) >= 3


@pytest.mark.parametrize("number", range(len(CASES["cursors"])), ids=lambda number: CASES["cursors"][number]["path"])
def test_an_answer_has_no_fault_of_its_kind(answers: list[str], number: int) -> None:
    case, text = CASES["cursors"][number], answers[number]
    assert not re.search(case["lacks"], text)
    assert re.search(case.get("holds", ""), text)
    if case["path"].endswith(".ipynb"):
        json.loads(case["text"].replace(MARK.decode(), text))
