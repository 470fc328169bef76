"""The one way in: what a question comes to, what is kept between two of them, and what is remembered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from repocomp.errors import ConfigError, CursorError, DocumentError
from repocomp.feedback.ledger import repository_path
from repocomp.index.build import build
from repocomp.service.question import Place, Question
from repocomp.service.service import CompletionService
from tests.conftest import Repository

SOURCE = b"def f(alpha):\n    return alpha\n\n\ndef f(alpha):\n    return"
END = Place(6, 11)


def question(path: Path, place: Place = END, data: bytes = SOURCE, **flags: Any) -> Question:
    return Question(path, data, place, {"retrieve": "never", **flags})


def test_a_buffer_needs_no_file_and_no_index(repository: Repository) -> None:
    service = CompletionService()
    prepared = service.prepare(question(repository({}) / "new" / "a.py"))
    answer = service.answer(prepared)
    assert answer.text
    assert (prepared.request.document.path, answer.range.start.offset) == ("new/a.py", len(SOURCE))


def test_outside_of_any_repository_a_file_is_known_by_its_name(tmp_path: Path) -> None:
    prepared = CompletionService().prepare(question(tmp_path / "a.py"))
    assert (prepared.request.root, prepared.request.document.path) == (None, "a.py")


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"place": Place(99, 1)}, CursorError),
        ({"place": Place(1, 99)}, CursorError),
        ({"place": Place()}, CursorError),
        ({"data": b"\xff", "place": Place(1, 1)}, DocumentError),
        ({"mode": "poem"}, ConfigError),
        ({"threshold": 7.0}, ConfigError),
        ({"nonsense": 1}, ConfigError),
    ],
)
def test_what_cannot_be_answered_is_said_before_anything_is_opened(
    tmp_path: Path, asked: dict[str, Any], error: type[Exception]
) -> None:
    service = CompletionService()
    with pytest.raises(error):
        service.prepare(question(tmp_path / "a.py", **asked))
    assert service.describe()["packs"] == 0


@pytest.mark.parametrize("name", ["a\0b.py", "\ud800.py"])
def test_a_name_that_no_file_can_have_is_told_in_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(DocumentError) as found:
        CompletionService().prepare(question(tmp_path / name))
    assert "\n" not in found.value.message
    assert found.value.message.encode() and found.value.hint


def test_flags_stand_above_the_environment_and_that_above_the_repository(repository: Repository) -> None:
    root = repository({".repocomp.toml": "max_new_tokens = 5\n"})
    service = CompletionService()

    def most(environment: dict[str, str], **flags: Any) -> int:
        asked = Question(root / "a.py", SOURCE, END, flags, environment)
        return service.prepare(asked).request.options.max_new_tokens

    assert most({}) == 5
    assert most({"REPOCOMP_MAX_NEW_TOKENS": "6"}) == 6
    assert most({"REPOCOMP_MAX_NEW_TOKENS": "6"}, max_new_tokens=7) == 7


def test_what_is_typed_of_an_answer_is_not_asked_again(repository: Repository) -> None:
    service = CompletionService(2_048_000_000)
    path = repository({}) / "a.py"
    first = service.answer(service.prepare(question(path)))
    typed = SOURCE + first.text[:3].encode()
    rest = service.answer(service.prepare(question(path, Place(6, 14), typed)))
    assert (rest.continues, rest.text, rest.tokens.generated) == (first.id, first.text[3:], 0)


def test_a_cancelled_answer_is_not_kept(repository: Repository) -> None:
    service = CompletionService(2_048_000_000)
    prepared = service.prepare(question(repository({}) / "a.py"))
    assert service.answer(prepared, is_cancelled=lambda: True).stop_reason == "cancelled"
    assert service.answer(prepared).text


def test_waiting_counts_towards_the_deadline(repository: Repository) -> None:
    service = CompletionService()
    prepared = service.prepare(question(repository({}) / "a.py", deadline_ms=60_000.0))
    assert service.answer(prepared, waited_ms=60_000.0).stop_reason == "deadline"
    assert service.answer(prepared).stop_reason != "deadline"


@pytest.mark.parametrize(("record", "is_kept"), [("text", True), ("off", False)])
def test_an_answer_is_recorded_where_it_may_be(repository: Repository, record: str, is_kept: bool) -> None:
    root = repository({"a.py": SOURCE.decode()})
    build(root)
    service = CompletionService()
    prepared = service.prepare(question(root / "a.py", record=record))
    assert service.record(prepared, service.answer(prepared)) is None
    assert repository_path(root).exists() == is_kept


def test_memory_is_given_back_before_the_process_has_to_end(repository: Repository) -> None:
    service = CompletionService(1)
    service.answer(service.prepare(question(repository({}) / "a.py")))
    assert not service.trim()
    assert service.describe()["indexes"] == 0
