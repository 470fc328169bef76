"""OpenAI's `POST /v1/completions`, as vLLM, llama-cpp-python, LM Studio and hosted services serve it.

Where the model's family is known its prompt is spelled out, other files with it; else the server is given both sides
as `prompt` and `suffix`, and other files as comments at the beginning.
"""

from __future__ import annotations

from repocomp.generate.access import Access
from repocomp.generate.http.address import Address, parse
from repocomp.generate.http.generator import HttpGenerator
from repocomp.generate.http.wire import Message, Piece, Reading, finite, text_of
from repocomp.prompt.spelled import commented, spell, stops_of

_URL = "http://127.0.0.1:8000/v1"
_MOST_STOPS = 4
_ENDS = {"stop": "end", "length": "length"}


class OpenAi:
    """The wire of completions, the older of OpenAI's two."""

    path = "/completions"
    heals = False

    def body(self, address: Address, reading: Reading, max_new_tokens: int, *, logprobs: bool) -> Message:
        """Greedy and streamed."""
        common = {"max_tokens": max_new_tokens, "temperature": 0, "stream": True}
        if logprobs:
            common["logprobs"] = 1
        model = {"model": address.model} if address.model else {}
        if address.family is not None:
            prompt = spell(address.family, reading.window, reading.files)
            stops = stops_of(address.family)[:_MOST_STOPS]
            return {**model, "prompt": prompt, **common, **({"stop": list(stops)} if stops else {})}
        prompt = commented(reading.files) + reading.window.left
        return {**model, "prompt": prompt, "suffix": reading.window.right, **common}

    def piece(self, message: Message) -> Piece:
        """A message of the event stream, or all of an answer that was not streamed."""
        usage = message.get("usage") or {}
        details = usage.get("prompt_tokens_details") or {}
        counts = (usage.get("prompt_tokens"), details.get("cached_tokens"), usage.get("completion_tokens"))
        if not message["choices"] and usage:
            return Piece("", None, None, *counts)
        choice = message["choices"][0]
        end = choice.get("finish_reason")
        likely = finite((choice.get("logprobs") or {}).get("token_logprobs"))
        return Piece(text_of(choice["text"]), likely, None if end is None else _ENDS.get(end, "end"), *counts)


def load(address: str, access: Access) -> HttpGenerator:
    """The server at `address`. Raises ConfigError."""
    return HttpGenerator.of(parse("openai", address, _URL), OpenAi(), access)
