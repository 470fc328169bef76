"""What each protocol is sent and how its answers are read; connections are used again and closed to cancel."""

from __future__ import annotations

import gc
import threading
import time
import warnings
from dataclasses import replace
from typing import Any

import pytest

from repocomp.budget import UNLIMITED, Budget
from repocomp.document import Document
from repocomp.errors import ConfigError
from repocomp.generate.access import Access
from repocomp.generate.backends import open_generator
from repocomp.generate.generator import DecodingRules, Generated, Generator, Task
from repocomp.generate.http.generator import HttpGenerator
from tests.complete.fakes import hit
from tests.generate.http.server import StandIn, hang, infill, serving, stream, whole

DOCUMENT = Document("app/a.py", b"import b\n\n\ndef f(x):\n    return b.\n\n\nprint(f(1))\n")
RULES = DecodingRules(32, lambda text: "line" if "\n" in text else None)
FREE = replace(RULES, stop=lambda text: None)
COMPLETION: list[dict[str, Any]] = [
    {"choices": [{"text": "g", "finish_reason": None, "logprobs": {"token_logprobs": [-0.25]}}]},
    {"choices": [{"text": "(x)", "finish_reason": None, "logprobs": {"token_logprobs": [-0.5, -0.125]}}]},
    {"choices": [{"text": "", "finish_reason": "stop"}]},
]
GENERATION: list[dict[str, Any]] = [
    {"response": "g", "done": False, "logprobs": [{"token": "g", "logprob": -0.25}]},
    {"response": "(x)", "done": False},
    {"response": "", "done": True, "done_reason": "stop", "prompt_eval_count": 61, "eval_count": 3},
]


def opened(name: str, access: Access | None = None) -> HttpGenerator:
    generator = open_generator(name, access)
    assert isinstance(generator, HttpGenerator)
    return generator


def task(generator: Generator) -> Task:
    window = generator.window(DOCUMENT, DOCUMENT.at(5, 14))
    return Task(window, tuple(generator.fit([hit("def g(x):\n    return x\n", "app/b.py")], 200)))


def ask(name: str, access: Access | None = None, rules: DecodingRules = RULES) -> Generated:
    generator = opened(name, access)
    return generator.complete(task(generator), rules)


def sent(server: StandIn) -> dict[str, Any]:
    return server.received[0].body


def test_llama_cpp_is_sent_both_sides_and_other_files() -> None:
    with serving(infill("g", "(x)")) as server:
        answer = ask(f"llamacpp:{server.url}")
    assert server.received[0].line == "POST /infill HTTP/1.1"
    assert sent(server)["input_prefix"] == "import b\n\n\ndef f(x):\n    return b."
    assert sent(server)["input_suffix"] == "\n\n\nprint(f(1))\n"
    assert (sent(server)["top_k"], sent(server)["samplers"]) == (1, ["top_k"])
    assert sent(server)["input_extra"] == [{"filename": "app/b.py", "text": "def g(x):\n    return x\n"}]
    assert (answer.text, answer.stop_reason, answer.token_logprobs) == ("g(x)", "end", (-0.5, -0.5))
    assert (answer.tokens.prompt, answer.tokens.cached, answer.tokens.generated) == (40, 30, 2)


def test_completions_are_sent_the_prompt_of_a_family_that_the_name_tells() -> None:
    with serving(stream(*COMPLETION, "[DONE]")) as server:
        answer = ask(f"openai:{server.url}/v1#Qwen/Qwen2.5-Coder-1.5B", Access(key="sk-1"))
    assert server.received[0].line == "POST /v1/completions HTTP/1.1"
    assert server.received[0].headers["authorization"] == "Bearer sk-1"
    assert sent(server)["prompt"] == (
        "<|repo_name|>repository\n<|file_sep|>app/b.py\ndef g(x):\n    return x\n<|file_sep|>app/a.py\n"
        "<|fim_prefix|>import b\n\n\ndef f(x):\n    return b.<|fim_suffix|>\n\n\nprint(f(1))\n<|fim_middle|>"
    )
    assert (sent(server)["model"], "suffix" in sent(server)) == ("Qwen/Qwen2.5-Coder-1.5B", False)
    assert (answer.text, answer.token_logprobs) == ("g(x)", (-0.25, -0.5, -0.125))


def test_completions_of_an_unknown_family_are_sent_a_suffix_and_comments() -> None:
    with serving(stream(*COMPLETION, "[DONE]")) as server:
        assert ask(f"openai:{server.url}/v1#some-model").text == "g(x)"
    assert sent(server)["prompt"] == ("# app/b.py\n# def g(x):\n#     return x\nimport b\n\n\ndef f(x):\n    return b.")
    assert sent(server)["suffix"] == "\n\n\nprint(f(1))\n"


def test_a_family_can_be_named() -> None:
    with serving(stream(*COMPLETION, "[DONE]")) as server:
        ask(f"openai:{server.url}#tuned;family=mellum")
    assert sent(server)["prompt"].startswith("<reponame>repository\n<filename>app/b.py\ndef g(x)")
    assert sent(server)["prompt"].endswith("return b.<fim_middle>")
    assert sent(server)["model"] == "tuned"


def test_ollama_is_sent_raw_prompts_or_both_sides() -> None:
    with serving(stream(*GENERATION, kind="application/x-ndjson")) as server:
        answer = ask(f"ollama:{server.url}#qwen2.5-coder:1.5b")
        ask(f"ollama:{server.url}#some-model")
    assert server.received[0].line == "POST /api/generate HTTP/1.1"
    assert sent(server)["raw"] is True
    assert sent(server)["prompt"].endswith("print(f(1))\n<|fim_middle|>")
    assert server.received[1].body["suffix"] == "\n\n\nprint(f(1))\n"
    assert (answer.text, answer.tokens.prompt, answer.tokens.generated) == ("g(x)", 61, 3)


def test_an_answer_that_is_not_streamed_is_read_too() -> None:
    body = b'{"content": "g(x)", "stop": true, "stop_type": "limit"}'
    with serving(whole("200 OK", "application/json; charset=utf-8", body)) as server:
        answer = ask(f"llamacpp:{server.url}")
    assert (answer.text, answer.stop_reason, answer.token_logprobs) == ("g(x)", "length", None)


def test_a_word_before_the_cursor_is_written_anew() -> None:
    document = Document("a.py", b'if name == "__mai":\n')
    seen: list[str] = []
    with serving(infill("__", 'main__"', ":")) as server:
        generator = opened(f"llamacpp:{server.url}")
        there = Task(generator.window(document, document.at(1, 18)))
        answer = generator.complete(there, FREE, UNLIMITED, seen.append)
    assert (sent(server)["input_prefix"], sent(server)["grammar"]) == ('if name == "', 'root ::= "__mai" [^\\x00]*')
    assert (answer.text, seen) == ('n__":', ['n__"', 'n__":'])


def test_a_server_without_grammars_is_shown_the_word() -> None:
    document = Document("a.py", b'if name == "__mai":\n')
    with serving(infill("something"), infill('n__"')) as server:
        generator = opened(f"llamacpp:{server.url}")
        there = Task(generator.window(document, document.at(1, 18)))
        answers = [generator.complete(there, FREE) for _ in range(2)]
    assert [answer.text for answer in answers] == ['n__"'] * 2
    assert server.received[1].body["input_prefix"] == 'if name == "__mai'
    assert ["grammar" in each.body for each in server.received] == [True, False, False]


def test_a_server_without_log_probabilities_is_asked_for_none() -> None:
    refuses = whole("500 Oops", "application/json", b'{"error": {"message": "logprobs is not supported for models"}}')
    with serving(refuses, stream({"choices": [{"text": "g(x)", "finish_reason": "stop"}]})) as server:
        generator = opened(f"openai:{server.url}#m")
        answers = [generator.complete(task(generator), RULES) for _ in range(2)]
    assert [(answer.text, answer.token_logprobs) for answer in answers] == [("g(x)", None)] * 2
    assert ["logprobs" in each.body for each in server.received] == [True, False, False]


def test_control_tokens_in_a_file_are_no_control_tokens() -> None:
    document = Document("a.py", b'a = "<|fim_<|fim_middle|>middle|>"\n')
    with serving(stream(*COMPLETION)) as server:
        generator = opened(f"openai:{server.url}#qwen2.5-coder")
        generator.complete(Task(generator.window(document, document.at(1, 5))), RULES)
    assert sent(server)["prompt"].count("<|fim_middle|>") == 1
    assert '<|fim_suffix|>""\n<|fim_middle|>' in sent(server)["prompt"]


def test_control_tokens_in_an_answer_end_it() -> None:
    leaky = {"choices": [{"text": "g(x)<|file_sep|>b.py\nmore", "finish_reason": None}]}
    with serving(stream(leaky, *COMPLETION)) as server:
        answer = ask(f"openai:{server.url}#qwen2.5-coder", rules=FREE)
    assert (answer.text, answer.stop_reason) == ("g(x)", "end")


def test_a_connection_is_used_again_after_a_whole_answer() -> None:
    with serving(infill("g", "(x)")) as server:
        generator = opened(f"llamacpp:{server.url}")
        for _ in range(3):
            generator.complete(task(generator), FREE)
            settle(generator)
    assert (len(server.received), server.connections) == (3, 1)


def settle(generator: HttpGenerator) -> None:
    """Wait until the thread that talks has read to the end."""
    for thread in threading.enumerate():
        if thread.name == "server":
            thread.join(5)


def test_a_connection_that_the_server_has_closed_is_not_used_again() -> None:
    def close(connection: Any) -> None:
        infill("g")(connection)

    with serving(close) as server:
        generator = opened(f"llamacpp:{server.url}")
        for _ in range(3):
            server.hung_up.clear()
            assert generator.complete(task(generator), FREE).text == "g"
            settle(generator)
            assert server.hung_up.wait(5)
    assert server.connections == 3


def test_a_generator_that_goes_in_a_cycle_hangs_up() -> None:
    """Its socket must not be finalized first, which tracebacks that hold both would have it."""
    with serving(infill("g")) as server, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        generator = opened(f"llamacpp:{server.url}")
        assert generator.complete(task(generator), FREE).text == "g"
        settle(generator)
        cycle: list[object] = [generator]
        cycle.append(cycle)
        del generator, cycle
        gc.collect()
        assert server.hung_up.wait(5)
    assert [str(one.message) for one in told] == []


def test_an_answer_that_has_enough_is_cancelled_by_hanging_up() -> None:
    piece = {"content": "g(x)\n    more", "stop": False}
    with serving(hang(stream(piece, is_whole=False))) as server:
        answer = ask(f"llamacpp:{server.url}")
        assert server.hung_up.wait(5)
    assert (answer.text, answer.stop_reason) == ("g(x)\n", "line")


@pytest.mark.parametrize(
    ("budget", "reason"),
    [
        (Budget(is_cancelled=lambda: True), "cancelled"),
        (Budget(deadline=0.0), "deadline"),
    ],
)
def test_what_is_there_is_returned_when_the_budget_is_spent(budget: Budget, reason: str) -> None:
    piece = {"content": "g(", "stop": False}
    with serving(hang(stream(piece, is_whole=False))) as server:
        generator = opened(f"llamacpp:{server.url}")
        answer = generator.complete(task(generator), FREE, budget)
        assert server.hung_up.wait(5)
    assert answer.stop_reason == reason
    assert answer.text in ("", "g(")


def test_text_is_passed_on_as_it_comes() -> None:
    seen: list[str] = []
    with serving(infill("g", "(x", ")")) as server:
        generator = opened(f"llamacpp:{server.url}")
        generator.complete(task(generator), FREE, UNLIMITED, seen.append)
    assert seen == ["g", "g(x", "g(x)"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("openai:https://api.example.com/v1#m", "unless your own settings name api.example.com"),
        ("openai:http://10.1.2.3:8000#m", "unless your own settings name 10.1.2.3"),
        ("openai:http://127.0.0.1.example.com#m", "unless your own settings name"),
        ("openai:http://0x7f.1#m", "unless your own settings name"),
        ("openai:http://user:key@127.0.0.1#m", "neither a key nor a query"),
        ("openai:http://127.0.0.1/?key=1#m", "neither a key nor a query"),
        ("openai:ftp://127.0.0.1#m", "no address"),
        ("openai:http://127.0.0.1:99999#m", "no address"),
        ("openai:http://[::1#m", "no address"),
        ("llamacpp:http://127.0.0.1\r\nHost: x", "no address"),
        ("openai:http://127.0.0.1#m;family=nobody", "no family is called 'nobody'"),
        ("ollama:", "which model"),
    ],
)
def test_addresses_that_are_refused(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        open_generator(name)


def test_a_host_that_the_user_has_named_may_be_asked() -> None:
    generator = opened("openai:https://API.example.com/v1#m", Access(frozenset({"api.example.com"}), "sk-1"))
    assert generator.device == "api.example.com:443"
    assert "sk-1" not in repr(generator)
    with pytest.raises(ConfigError, match="unencrypted"):
        open_generator("openai:http://api.example.com/v1#m", Access(frozenset({"api.example.com"}), "sk-1"))


def test_the_budget_is_asked_while_a_server_trickles() -> None:
    def trickle(connection: Any) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        while True:
            connection.sendall(b":")
            time.sleep(0.01)

    with serving(trickle) as server:
        generator = opened(f"llamacpp:{server.url}")
        answer = generator.complete(task(generator), FREE, Budget.starting(time.monotonic(), 100))
        assert server.hung_up.wait(5)
    assert (answer.text, answer.stop_reason) == ("", "deadline")
