"""What a back end may use of the user's: the hosts that code may be sent to, and the key of the server there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from repocomp.config import Settings
from repocomp.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Access:
    """`hosts` in lower case; this machine need not be named. The `key` is never shown."""

    hosts: frozenset[str] = frozenset()
    key: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, settings: Settings, environment: Mapping[str, str]) -> Access:
        """What `settings` grant; the key is looked for in `environment`, then in this process's own.

        Raises ConfigError where the variable that should hold the key is not set.
        """
        variable, key = settings.api_key_variable, None
        if variable is not None:
            key = (environment.get(variable) or os.environ.get(variable) or "").strip()
            if not key or not key.isascii() or not key.isprintable():
                raise ConfigError(
                    f"the variable {variable}, named as that of a key, holds none", f"export {variable}=…"
                )
        return cls(settings.host_names, key)
