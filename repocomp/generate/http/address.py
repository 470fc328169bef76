"""Where a server is, and whether code may be sent there: `http://HOST:PORT/PATH#MODEL;family=FAMILY`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from repocomp.config import user_file
from repocomp.errors import ConfigError
from repocomp.generate.access import Access
from repocomp.prompt.spelled import SPELLED, family_named

_PORTS = {"http": 80, "https": 443}
_VISIBLE = re.compile(r"[!-~]*")


@dataclass(frozen=True, slots=True)
class Address:
    """A server that speaks the protocol `scheme`, the path all of its own begin with, and the model to ask there.

    `family` says how the model is prompted, where that is known.
    """

    scheme: str
    is_encrypted: bool
    host: str
    port: int
    path: str
    model: str
    family: str | None

    @property
    def place(self) -> str:
        """Host and port, as people read them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The address without the model."""
        return f"http{'s' if self.is_encrypted else ''}://{self.place}{self.path}"

    @property
    def is_loopback(self) -> bool:
        """Whether the server is on this machine."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def check(self, access: Access) -> None:
        """Raise ConfigError unless the user has said that code, and the key, may go there."""
        if not self.is_loopback and self.host not in access.hosts:
            raise ConfigError(
                f"code is sent to no other machine than this one, unless your own settings name {self.host}",
                f'write hosts = "{self.host}" into {user_file()}',
            )
        if access.key is not None and not self.is_loopback and not self.is_encrypted:
            raise ConfigError("the key would travel unencrypted", f"use https://{self.place}")


def parse(scheme: str, text: str, default_url: str) -> Address:
    """The address in `text`; without a URL the default one, and what is said is the model. Raises ConfigError."""
    named, mark, fragment = text.partition("#")
    url, model = (named, fragment) if mark or "://" in named else (default_url, named)
    model, _, family = model.partition(";family=")
    hint = f"for example --generator {scheme}:{default_url}#MODEL"
    try:
        parts = urlsplit(url or default_url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise ConfigError(f"{scheme}: that is no address", hint) from None
    if parts.scheme not in _PORTS or not host or not _VISIBLE.fullmatch(url + model) or "%" in host:
        raise ConfigError(f"{scheme}: that is no address", hint)
    if parts.username is not None or parts.password is not None or parts.query:
        raise ConfigError(
            f"{scheme}: an address holds neither a key nor a query",
            f'name the variable that holds the key in {user_file()}: api_key_variable = "…"',
        )
    if family and family not in SPELLED:
        raise ConfigError(f"{scheme}: no family is called {family[:40]!r}", f"families are {', '.join(SPELLED)}")
    return Address(
        scheme,
        parts.scheme == "https",
        host,
        port or _PORTS[parts.scheme],
        parts.path.rstrip("/"),
        model,
        family or family_named(model),
    )
