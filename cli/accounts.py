"""The logins that a user keeps, in one file that nobody else may read.

``cli/login.py`` makes one; the other commands use it.
"""

from __future__ import annotations

import json
import os
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agent.errors import ConfigurationError
from agent.site import Site

NOBODY = "log in first: lariat login https://…"


@dataclass(frozen=True, slots=True)
class Account:
    """``authority`` is the PEM of the pinned CA, empty if the machine's own CAs vouch for the server.

    ``socket`` is the WebSocket API for streams, empty if the server streams by itself. ``expires`` is in RFC 3339.
    """

    url: str
    token: str
    authority: str = ""
    socket: str = ""
    expires: str = ""

    @property
    def site(self) -> Site:
        return Site(self.url)

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def trust(self) -> ssl.SSLContext:
        """Raises ``Refused``."""
        return self.site.trusting(self.authority) if self.authority else ssl.create_default_context()


class Accounts:
    def __init__(self, path: Path) -> None:
        self._path = path

    def find(self, url: str = "") -> Account:
        """Return the account at a server, or that of the last login. Raises ``ConfigurationError``."""
        stored = self._load()
        name = url.rstrip("/") or str(stored.get("current", ""))
        fields = stored.get("servers", {}).get(name)
        if fields is None:
            raise ConfigurationError(f"there is no login at {name}; {NOBODY}" if name else NOBODY)
        try:
            return Account(**{str(key): str(value) for key, value in fields.items()})
        except (AttributeError, TypeError):
            raise self._broken() from None

    def save(self, account: Account) -> None:
        """Keep an account; it is the one that is used from now on."""
        stored = self._load()
        servers = {**stored.get("servers", {}), account.url: asdict(account)}
        self._write(json.dumps({"current": account.url, "servers": servers}, indent=1))

    def _load(self) -> dict[str, Any]:
        try:
            with self._path.open() as file:
                if os.fstat(file.fileno()).st_mode & 0o077:
                    raise ConfigurationError(f"others may read {self._path}: chmod 600 it, or log in with a new token")
                stored = json.load(file)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):
            raise self._broken() from None
        if not isinstance(stored, dict) or not isinstance(stored.get("servers"), dict):
            raise self._broken()
        return stored

    def _write(self, text: str) -> None:
        folder = self._path.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Made for its owner alone, and whole before it has its name.
        handle, name = tempfile.mkstemp(dir=folder)
        try:
            with os.fdopen(handle, "w") as file:
                file.write(text)
            Path(name).replace(self._path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def _broken(self) -> ConfigurationError:
        return ConfigurationError(f"{self._path} can't be read: remove it and log in again")


def of(environment: Mapping[str, str]) -> Accounts:
    """The file's place, by the XDG base directory specification."""
    home = environment.get("XDG_CONFIG_HOME") or str(Path(environment.get("HOME", "~")).expanduser() / ".config")
    return Accounts(Path(home) / "lariat" / "accounts.json")
