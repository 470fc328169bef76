"""What can go wrong with a server, each in one line: nothing that the server says is repeated, nor where it is.

What a server says may hold the text that it was sent, and what is said here is recorded.
"""

from __future__ import annotations

import socket
import ssl
from http.client import HTTPException

from repocomp.errors import GeneratorError

_STAND_IN = "to write with a pack on this machine: --generator default"
_FAULTS = {
    "refused": ("refuses the connection", f"start it; {_STAND_IN}"),
    "unreachable": ("cannot be reached", f"check its address and the network; {_STAND_IN}"),
    "silent": ("does not answer in time", f"see whether it is overloaded; {_STAND_IN}"),
    "untrusted": ("shows a certificate that is not trusted", "name your own authority in SSL_CERT_FILE"),
    "elsewhere": ("sends us to another address, where nothing is sent", "name the address that it is at"),
    "page": ("answers with a page for people", "check the path of its address"),
    "protocol": ("answers what is not its protocol", "check which server it is: llamacpp, openai or ollama"),
    "half": ("ended in the middle of its answer", f"see its log; {_STAND_IN}"),
    "large": ("answers more than is read", "check which server it is: llamacpp, openai or ollama"),
    "busy": ("has too much to do", f"ask less often, or give it more room; {_STAND_IN}"),
    "failed": ("failed", f"see its log; {_STAND_IN}"),
    "denied": ("wants a key, or another one", "name the variable that holds it: api_key_variable in config.toml"),
    "model": ("does not have that model, or not that path", "name a model that it has: --generator SCHEME:URL#MODEL"),
    "context": ("has too small a context for the prompt", "start it with a context of 4,096 tokens or more"),
    "suffix": ("cannot fill in the middle by itself", "say how its model is prompted: --generator …#MODEL;family=…"),
    "logprobs": ("tells no log-probabilities", _STAND_IN),
    "grammar": ("does not begin as it was made to", _STAND_IN),
    "rejected": ("rejects the request", f"check which server it is: llamacpp, openai or ollama; {_STAND_IN}"),
}
_BY_STATUS = {401: "denied", 403: "denied", 404: "model", 413: "context", 429: "busy", 503: "busy"}
_CONTEXT = (b"context size", b"context length", b"context window", b"exceed_context", b"maximum context", b"too long")


class ServerFault(GeneratorError):
    """A fault of a server; `kind` is the word for it."""

    def __init__(self, scheme: str, kind: str) -> None:
        message, hint = _FAULTS[kind]
        super().__init__(f"the {scheme} server {message}", hint)
        self.kind = kind


def kind_of_status(status: int, body: bytes) -> str:
    """What an answer of another status than 200 means; `body` is the beginning of what came with it."""
    lowered = body.lower()
    if 300 <= status < 400:
        return "elsewhere"
    if any(words in lowered for words in _CONTEXT):
        return "context"
    if b"support" in lowered and (b"suffix" in lowered or b"infill" in lowered):
        return "suffix"
    if b"grammar" in lowered and status in (400, 422, 500):
        return "grammar"
    if b"logprobs" in lowered and status in (400, 422, 500):
        return "logprobs"
    if b"model" in lowered and b"not found" in lowered:
        return "model"
    return _BY_STATUS.get(status, "failed" if status >= 500 else "rejected")


def kind_of_error(error: OSError | HTTPException | ValueError) -> str:
    """What an exception of the connection means."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "untrusted"
    if isinstance(error, TimeoutError):
        return "silent"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, socket.gaierror | ssl.SSLError):
        return "unreachable"
    if isinstance(error, ConnectionError):
        return "half"
    return "unreachable" if isinstance(error, OSError) else "protocol"
