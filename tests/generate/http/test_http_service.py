"""A server through the service: secrets and ignore rules hold, a pack stands in, nothing is kept of where it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from repocomp.config import user_file
from repocomp.errors import ConfigError, GeneratorError
from repocomp.feedback.ledger import replay
from repocomp.index.build import build
from repocomp.request import Completion
from repocomp.service.question import Place, Question
from repocomp.service.service import CompletionService
from repocomp.store.feedback.connect import open_feedback
from repocomp.store.paths import feedback_paths
from tests.conftest import Repository
from tests.generate.http.server import StandIn, infill, serving, stream, whole
from tests.serve.daemon import repocomp

TOKEN = "ghp_" + "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY2zA4"
PASSWORD = "q7!Rz-29-Xk_vv"
TEXT = f'''from b import g

TOKEN = "{TOKEN}"


def f(x):
    return \n'''
FILES = {
    "a.py": TEXT,
    "b.py": f'def g(x):\n    password = "{PASSWORD}"\n    return x\n',
    ".gitignore": "private.py\n",
    "private.py": "def f(x):\n    return g(x)\n",
}
AT = Place(7, 12)
FAILS = whole("500 Internal Server Error", "text/plain", b"")


@pytest.fixture
def root(repository: Repository) -> Path:
    tree = repository(FILES)
    build(tree)
    return tree


def ask(
    root: Path, generator: str, name: str = "a.py", service: CompletionService | None = None, **flags: Any
) -> Completion:
    service = service or CompletionService()
    set_ = {"generator": generator, "retrieve": "always", **flags}
    prepared = service.prepare(Question(root / name, (root / name).read_bytes(), AT, set_))
    completion = service.answer(prepared)
    assert service.record(prepared, completion) is None
    return completion


@pytest.fixture
def server() -> Iterator[StandIn]:
    with serving(infill("g", "(x)")) as started:
        yield started


def test_an_answer_says_where_it_came_from(root: Path, server: StandIn) -> None:
    answer = ask(root, f"llamacpp:{server.url}")
    assert (answer.text, answer.models["generator"], answer.warnings) == ("g(x)", "llamacpp", ())
    assert answer.models["device"] == f"127.0.0.1:{server.port}"
    assert answer.retrieval.decision == "used"
    assert [extra["filename"] for extra in server.received[0].body["input_extra"]] == ["b.py"]
    assert answer.candidates[0].token_logprobs == (-0.5, -0.5)


def test_no_secret_is_sent(root: Path, server: StandIn) -> None:
    ask(root, f"llamacpp:{server.url}")
    sent = json.dumps(server.received[0].body)
    assert 'TOKEN = \\"\\"' in sent
    assert 'password = \\"\\"' in sent
    assert not [secret for secret in (TOKEN, PASSWORD) if secret in sent]


def test_a_secret_that_is_being_typed_is_not_sent(root: Path, server: StandIn) -> None:
    half = f'TOKEN = "{TOKEN[:30]}'
    (root / "a.py").write_text(half + f'{TOKEN[30:]}"\n')
    service = CompletionService()
    place = Place(1, len(half) + 1)
    question = Question(root / "a.py", (root / "a.py").read_bytes(), place, {"generator": f"llamacpp:{server.url}"})
    service.answer(service.prepare(question))
    assert (server.received[0].body["input_prefix"], server.received[0].body["input_suffix"]) == ('TOKEN = "', '"\n')


@pytest.mark.parametrize("name", ["private.py", ".env"])
def test_a_file_that_is_left_out_is_not_sent(root: Path, server: StandIn, name: str) -> None:
    (root / name).write_text("\n" * 6 + "A_LONG_LINE=1\n")
    answer = ask(root, f"llamacpp:{server.url}", name)
    assert not server.received
    assert "not sent to a server: the pack 'default' wrote this" in answer.warnings[0]
    assert answer.models["device"] == "cpu"


def test_a_pack_stands_in_and_says_so(root: Path) -> None:
    with serving(FAILS) as server:
        service = CompletionService()
        answer = ask(root, f"llamacpp:{server.url}", service=service)
        again = ask(root, f"llamacpp:{server.url}", service=service)
        assert len(server.received) == 1
    alone = ask(root, "default")
    assert answer.text == again.text == alone.text
    assert answer.warnings[0] == "the llamacpp server failed: the pack 'default' wrote this"
    assert "(asked again in" in again.warnings[0]


def test_what_was_passed_on_is_not_taken_back(root: Path) -> None:
    text = TEXT.replace("    return \n", "")
    pieces: list[str] = []
    dies = stream({"content": "\n    y = g(x)\n    z = g(y)\n    return", "stop": False}, is_whole=False)
    with serving(dies) as server:
        service = CompletionService()
        # Whose answer neither another draft nor silence can take the place of is passed on as it comes.
        flags = {"generator": f"llamacpp:{server.url}", "mode": "block", "retrieve": "never", "min_confidence": 0.0}
        question = Question(root / "a.py", text.encode(), Place(6, 10), flags)
        with pytest.raises(GeneratorError, match="middle of its answer"):
            service.answer(service.prepare(question), pieces.append)
    assert pieces


def test_what_cannot_be_judged_is_passed_on_as_it_comes(root: Path) -> None:
    pieces = [{"content": text, "stop": False} for text in ("\n    y = g(x)", "\n    z = g(y)", "\n    return z")]
    last = {"content": "", "stop": True, "stop_type": "eos"}
    probable = [{**piece, "completion_probabilities": [{"logprob": -0.01}]} for piece in pieces]
    passed_on: dict[bool, list[str]] = {}
    for is_told in (False, True):
        passed_on[is_told] = []
        with serving(stream(*(probable if is_told else pieces), last)) as server:
            flags = {"generator": f"llamacpp:{server.url}", "mode": "block", "retrieve": "never", "min_confidence": 0.3}
            text = TEXT.replace("    return \n", "").encode()
            service = CompletionService()
            prepared = service.prepare(Question(root / "a.py", text, Place(6, 10), flags))
            answer = service.answer(prepared, passed_on[is_told].append)
            assert (answer.confidence is not None) == is_told
            assert "".join(passed_on[is_told]) == answer.text == "\n    y = g(x)\n    z = g(y)\n    return z"
    assert len(passed_on[True]) == 1 < len(passed_on[False])


@pytest.mark.parametrize("fault", ["", "302 Found", "429 Too Many Requests", "500 Internal Server Error"])
def test_nothing_that_is_kept_tells_where_or_what(root: Path, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "sk-hidden"
    monkeypatch.setenv("OUR_KEY", key)
    said = f"{TOKEN} {PASSWORD} {key}".encode()
    behaviour = infill("g", "(x)") if not fault else whole(fault, "text/html", said, f"Location: http://{key}.example")
    with serving(behaviour) as server:
        named(f"llamacpp:{server.url}", api_key_variable="OUR_KEY")
        done = repocomp("complete", "a.py:7:12", cwd=root, variables={"OUR_KEY": key})
        assert server.received[0].headers["authorization"] == f"Bearer {key}"
    ask(root, "llamacpp:http://127.0.0.1:9")
    exported = repocomp("feedback", "export", cwd=root, variables={"OUR_KEY": key}).stdout
    kept = [done.stderr.decode(), exported.decode()]
    for path in feedback_paths():
        with closing(open_feedback(path)) as connection:
            kept.append("\n".join(connection.iterdump()))
    assert exported
    assert "llamacpp" in kept[-1]
    assert not [leak for leak in ("127.0.0.1", str(server.port), key, TOKEN, PASSWORD) for text in kept if leak in text]
    data = replay(root, "last")
    assert data["models"]["device"] == "cpu"


def named(name: str, **settings: str) -> None:
    user_file().parent.mkdir(parents=True, exist_ok=True)
    user_file().write_text("".join(f'{key} = "{value}"\n' for key, value in {"generator": name, **settings}.items()))


def test_a_dry_run_shows_what_would_be_sent_and_sends_nothing(root: Path, server: StandIn) -> None:
    named(f"openai:{server.url}/v1#qwen2.5-coder", api_key_variable="OUR_KEY")
    variables = {"OUR_KEY": "sk-hidden"}
    done = repocomp("complete", "a.py:7:12", "--show-request", cwd=root, variables=variables)
    shown = done.stdout.decode()
    head, _, body = shown.partition("\n\n")
    assert head.startswith(f"POST {server.url}/v1/completions\n")
    assert "Authorization: Bearer (hidden)" in head
    assert json.loads(body)["prompt"].endswith("<|fim_suffix|>\n<|fim_middle|>")
    assert not [leak for leak in (TOKEN, PASSWORD, "sk-hidden") if leak in shown]
    assert not server.received
    told = repocomp("complete", "a.py:7:12", "--show-request", "--generator", "default", cwd=root, variables=variables)
    assert (told.returncode, b"the pack 'default' writes on this machine" in told.stderr) == (1, True)


def test_a_key_is_found_by_the_name_of_its_variable(root: Path) -> None:
    completion = {"choices": [{"text": "g(x)", "finish_reason": "stop"}]}
    with serving(stream(completion)) as server:
        named(f"openai:{server.url}/v1#m", api_key_variable="OUR_KEY")
        done = repocomp("complete", "a.py:7:12", cwd=root, variables={"OUR_KEY": "sk-hidden"})
        assert server.received[0].headers["authorization"] == "Bearer sk-hidden"
        assert done.stdout == b"g(x)"
        lacking = repocomp("complete", "a.py:7:12", cwd=root)
    assert (lacking.returncode, b"OUR_KEY, named as that of a key, holds none" in lacking.stderr) == (2, True)


def test_only_the_users_own_file_sends_code_to_another_machine(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    far = "openai:https://api.example.com/v1#m"
    monkeypatch.setenv("REPOCOMP_HOSTS", "api.example.com")
    with pytest.raises(ConfigError, match=r"unless your own settings name api\.example\.com"):
        ask(root, far)
    (root / ".repocomp.toml").write_text('hosts = "api.example.com"\n')
    with pytest.raises(ConfigError, match="a repository may not set 'hosts'"):
        ask(root, far)
    (root / ".repocomp.toml").unlink()
    named("default", hosts="api.example.com")
    service = CompletionService()
    question = Question(root / "a.py", TEXT.encode(), AT, {"generator": far})
    assert service.rehearse(service.prepare(question))["request"]["url"].startswith("https://api.example.com:443/v1/")
    named(far)
    assert service.rehearse(service.prepare(question))["request"]["url"].startswith("https://api.example.com:443/v1/")


def test_a_bug_is_logged_without_host_key_or_text(root: Path, isolated: Path, server: StandIn) -> None:
    (root / "break").mkdir()
    (root / "break" / "sitecustomize.py").write_text(
        "import repocomp.generate.http.exchange as e\n"
        "def broken(*a):\n    raise RuntimeError('a bug')\n"
        "e.Exchange.messages = broken\n"
    )
    command = ["complete", "a.py:7:12", "--generator", f"llamacpp:{server.url}"]
    done = repocomp(*command, cwd=root, variables={"PYTHONPATH": f"{root / 'break'}:{Path(__file__).parents[3]}"})
    assert done.returncode == 3
    (log,) = (isolated / "state" / "repocomp").glob("crash-*.log")
    text = log.read_text()
    assert "a bug" in text
    assert not [leak for leak in ("127.0.0.1", str(server.port), TOKEN, "def f(x)") if leak in text]


def test_git_is_not_needed_to_hold_a_file_back(tmp_path: Path, server: StandIn) -> None:
    (tmp_path / ".env").write_text("\n" * 6 + "A_LONG_LINE=1\n")
    answer = ask(tmp_path, f"llamacpp:{server.url}", ".env")
    assert not server.received
    assert "not sent to a server" in answer.warnings[0]
