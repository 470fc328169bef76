"""A back end that nobody has written yet, added as people add one: a file, and a line of the table."""

from __future__ import annotations

from pathlib import Path

import pytest

from repocomp.complete.parts import Parts
from repocomp.complete.pipeline import complete
from repocomp.document import Document
from repocomp.errors import PackError
from repocomp.generate.backends import BACKENDS, is_pack, open_generator
from repocomp.index.build import build
from repocomp.model.library import SERVERS, load_pack
from repocomp.request import CompletionOptions, CompletionRequest
from repocomp.service.question import Place, Question
from repocomp.service.service import CompletionService
from tests.complete.fakes import FixedRetriever, ScriptedModel, hit, loaded
from tests.conftest import Repository

FILE = '''"""A back end that answers what its address says, and has no tokens at all."""

from dataclasses import dataclass

from repocomp.generate.generator import Generated
from repocomp.prompt.snippets import Snippet
from repocomp.prompt.window import Window
from repocomp.request import Tokens

TASKS = []


@dataclass(frozen=True)
class Echo:
    address: str
    name = "echo"
    device = "nowhere"
    snippet_tokens = 100
    confidence = None
    tells_probabilities = False

    @property
    def digest(self):
        return f"echo:{self.address}"

    def window(self, document, cursor, share=1.0):
        left, right = document.data[: cursor.offset].decode(), document.data[cursor.offset :].decode()
        return Window(document.path, left, right, "", (), (), 1, document.line_count)

    def fit(self, hits, tokens):
        return [Snippet(hit, hit.text, ()) for hit in reversed(hits)]

    def complete(self, task, rules, budget, emit=None):
        TASKS.append(task)
        if emit is not None:
            emit(self.address)
        return Generated(self.address, None, "end", Tokens(0, 0, 1))

    def several(self, task, rules, budget):
        yield self.complete(task, rules, budget)


def load(address, access):
    return Echo(address)
'''
TEXT = b"def f(beta):\n    return \n"


@pytest.fixture
def echo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "echo_backend.py").write_text(FILE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(BACKENDS, "echo", "echo_backend")


@pytest.mark.usefixtures("echo")
def test_a_back_end_is_one_file_and_one_line() -> None:
    assert not is_pack("echo:beta + 1")
    generator = open_generator("echo:beta + 1")
    document = Document("a.py", TEXT)
    request = CompletionRequest(document, document.at(2, 12), Path("/work"), CompletionOptions())
    policy = loaded(ScriptedModel("", odds=5.0), "judge")
    pieces: list[str] = []
    answer = complete(request, Parts(policy, generator, FixedRetriever([hit("alpha = 1")])), pieces.append)
    assert (answer.text, "".join(pieces)) == ("beta + 1", "beta + 1")
    assert answer.models == {"policy": "judge", "generator": "echo", "device": "nowhere"}
    assert [chunk.path for chunk in answer.retrieval.chunks] == ["lib/b.py"]
    assert answer.candidates[0].token_logprobs == ()


@pytest.mark.usefixtures("echo")
def test_the_service_opens_it_by_its_name(repository: Repository) -> None:
    root = repository({"a.py": TEXT.decode(), "b.py": "from a import f\n\nprint(f(2))\n"})
    build(root)
    flags = {"generator": "echo:beta", "retrieve": "always", "record": "off"}
    service = CompletionService()
    prepared = service.prepare(Question(root / "a.py", TEXT, Place(2, 12), flags))
    answer = service.answer(prepared)
    assert (answer.text, answer.models["generator"], answer.retrieval.decision) == ("beta", "echo", "used")


def test_another_scheme_is_no_back_end() -> None:
    assert is_pack("nobody:beta")
    with pytest.raises(PackError, match="no model pack 'nobody:beta'"):
        open_generator("nobody:beta")


def test_the_library_knows_the_names_that_are_servers() -> None:
    assert set(BACKENDS) == SERVERS
    with pytest.raises(PackError, match="servers do not tell"):
        load_pack("llamacpp:http://127.0.0.1:8012")
