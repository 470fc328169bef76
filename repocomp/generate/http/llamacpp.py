"""llama.cpp's server: `POST /infill`, which knows the model's own tokens and puts other files where it wants them."""

from __future__ import annotations

import json

from repocomp.generate.access import Access
from repocomp.generate.http.address import Address, parse
from repocomp.generate.http.generator import HttpGenerator
from repocomp.generate.http.wire import Message, Piece, Reading, finite, text_of

_URL = "http://127.0.0.1:8012"
_ENDS = {"eos": "end", "word": "end", "limit": "length"}


class LlamaCpp:
    """The wire of `llama-server`."""

    path = "/infill"
    heals = True

    def body(self, address: Address, reading: Reading, max_new_tokens: int, *, logprobs: bool) -> Message:
        """Greedy and streamed."""
        extra = [{"filename": file.hit.path, "text": file.text} for file in reading.files]
        model = {"model": address.model} if address.model else {}
        open_end = reading.window.open_end
        # A grammar that any text fulfils which begins so.
        begins = {"grammar": f"root ::= {json.dumps(open_end, ensure_ascii=False)} [^\\x00]*"} if open_end else {}
        return {
            **model,
            **begins,
            "input_prefix": reading.window.left.removesuffix(open_end),
            "input_suffix": reading.window.right,
            "input_extra": extra,
            "prompt": "",
            "n_predict": max_new_tokens,
            "n_probs": int(logprobs),
            # Greedy: without this sampler the server draws from the distribution, whatever the temperature says.
            "top_k": 1,
            "samplers": ["top_k"],
            "cache_prompt": True,
            "stream": True,
        }

    def piece(self, message: Message) -> Piece:
        """A message of the event stream, or all of an answer that was not streamed."""
        timings = message.get("timings") or {}
        is_last = message.get("stop", True) is True
        probabilities = message.get("completion_probabilities")
        likely = None if probabilities is None else finite([each.get("logprob") for each in probabilities])
        return Piece(
            text_of(message["content"]),
            likely,
            _ENDS.get(message.get("stop_type", "eos"), "end") if is_last else None,
            message.get("tokens_evaluated"),
            timings.get("cache_n"),
            message.get("tokens_predicted"),
        )


def load(address: str, access: Access) -> HttpGenerator:
    """The server at `address`. Raises ConfigError."""
    return HttpGenerator.of(parse("llamacpp", address, _URL), LlamaCpp(), access)
