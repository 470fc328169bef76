"""Where HTTP is served: an address, and the token that is asked for once others than this machine can reach it."""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from repocomp import directories
from repocomp.errors import ServeError
from repocomp.tree import read_alone

DEFAULT_PORT = 8012
"""Where llama.vim looks for llama.cpp's server."""
_BACKLOG = 64
_TOKEN_BYTES = 24
_HINT = "as in --http 8012, or --http 192.168.1.5:8012"


@dataclass(frozen=True, slots=True)
class HttpAddress:
    """Where to listen."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether this machine alone can reach it."""
        return self.host == "localhost" or ip_address(self.host).is_loopback

    @classmethod
    def parse(cls, text: str) -> HttpAddress:
        """`[HOST:]PORT`. Raises ServeError."""
        host, _, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
        try:
            if host != "localhost":
                ip_address(host)
            number = int(port)
        except ValueError:
            raise ServeError(f"{text!r} is no address to listen at", _HINT) from None
        if not port.isascii() or not 0 <= number < 1 << 16:
            raise ServeError(f"{text!r} is no address to listen at", _HINT)
        return cls(host, number)


def listen(address: HttpAddress) -> socket.socket:
    """A listening socket. Raises ServeError."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name != "nt":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address.host, address.port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        message = f"cannot listen at {address.host}:{address.port}: {error.strerror}"
        raise ServeError(message, "name another port: repocomp serve --http PORT") from None
    return listener


def token_file() -> Path:
    """Where the token is kept, for this user's eyes alone."""
    return directories.state() / "http-token"


def token() -> str:
    """The token that clients must show, made when it is first asked for. Raises ServeError."""
    path = token_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            known = read_alone(path, 1 << 10).decode("ascii").strip()
        else:
            known = secrets.token_urlsafe(_TOKEN_BYTES)
            with open(descriptor, "w", encoding="ascii") as file:
                file.write(known + "\n")
    except (OSError, ValueError) as error:
        raise ServeError(f"{path}: {error}", "remove it: another one is made") from None
    if len(known) < _TOKEN_BYTES:
        raise ServeError(f"{path}: is too short for a secret", "remove it: another one is made")
    return known
