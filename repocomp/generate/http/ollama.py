"""Ollama's `POST /api/generate`: lines of JSON; raw prompts where the model's family is known, else its template's."""

from __future__ import annotations

from repocomp.errors import ConfigError
from repocomp.generate.access import Access
from repocomp.generate.http.address import Address, parse
from repocomp.generate.http.generator import HttpGenerator
from repocomp.generate.http.wire import Message, Piece, Reading, finite, text_of
from repocomp.prompt.spelled import commented, spell, stops_of

_URL = "http://127.0.0.1:11434"
_ENDS = {"stop": "end", "length": "length"}


class Ollama:
    """The wire of Ollama."""

    path = "/api/generate"
    heals = False

    def body(self, address: Address, reading: Reading, max_new_tokens: int, *, logprobs: bool) -> Message:
        """Greedy and streamed; newer versions tell log-probabilities, and refuse what does not fit."""
        options = {"temperature": 0, "num_predict": max_new_tokens}
        common = {"model": address.model, "stream": True, "logprobs": logprobs, "truncate": False}
        if address.family is not None:
            prompt = spell(address.family, reading.window, reading.files)
            stops = list(stops_of(address.family))
            return {**common, "prompt": prompt, "raw": True, "options": {**options, "stop": stops}}
        prompt = commented(reading.files) + reading.window.left
        return {**common, "prompt": prompt, "suffix": reading.window.right, "options": options}

    def piece(self, message: Message) -> Piece:
        """A line of the answer, or all of one that was not streamed."""
        listed = message.get("logprobs")
        is_last = message["done"] is True
        return Piece(
            text_of(message["response"]),
            None if listed is None else finite([each["logprob"] for each in listed]),
            _ENDS.get(message.get("done_reason", "stop"), "end") if is_last else None,
            message.get("prompt_eval_count"),
            None,
            message.get("eval_count"),
        )


def load(address: str, access: Access) -> HttpGenerator:
    """The server at `address`. Raises ConfigError, also where no model is named."""
    parsed = parse("ollama", address, _URL)
    if not parsed.model:
        raise ConfigError("ollama: which model?", "for example --generator ollama:qwen2.5-coder:1.5b-base")
    return HttpGenerator.of(parsed, Ollama(), access)
