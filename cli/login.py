"""``lariat login``: decides whom to trust, proves who the user is, and keeps what was learnt."""

from __future__ import annotations

import getpass
import re
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from agent.errors import ConfigurationError, Refused
from agent.site import Site, Untrusted, checksum_of, is_checksum
from cli.accounts import Account

_TOKEN = re.compile(r"[\w.-]{1,200}:\w{1,200}", re.ASCII)
_NARROW = "clusterID does not match"
"""What a server says of a token that it knows, and that is good for one cluster alone."""


class Options(NamedTuple):
    """``username`` is empty where it has to be asked for; ``token`` and ``password`` come on standard input if set."""

    url: str
    username: str = ""
    token: bool = False
    password: bool = False
    checksum: str = ""
    authority: str = ""


class Terminal(Protocol):
    """Whoever sits in front of the command."""

    interactive: bool

    def ask(self, question: str) -> str: ...

    def secret(self, question: str) -> str: ...

    def line(self) -> str:
        """Read a line that nobody is asked for."""


class Login:
    def __init__(self, options: Options, terminal: Terminal) -> None:
        """Raises ``ConfigurationError``."""
        try:
            self._site = Site(options.url)
        except ValueError as error:
            raise ConfigurationError(f"{options.url!r}: {error}") from None
        if options.checksum and not is_checksum(options.checksum):
            raise ConfigurationError("--ca-checksum: 64 hexadecimal digits (a SHA-256) are needed")
        self._options = options
        self._terminal = terminal

    def run(self) -> Account:
        """Raises ``AgentError``."""
        tls, authority = self._trust()
        token, expires = self._pasted(tls) if self._options.token else self._proven(tls)
        return Account(self._options.url.rstrip("/"), token, authority, self._socket(tls), expires)

    def _trust(self) -> tuple[ssl.SSLContext, str]:
        """Return whom to trust, and the PEM that was pinned, if any."""
        if self._options.authority:
            pem = _read(Path(self._options.authority))
            return self._site.trusting(pem), pem
        if self._options.checksum:
            return self._site.pinned(self._options.checksum)
        tls = ssl.create_default_context()
        try:
            self._site.ask("GET", "/v3/settings/cacerts", tls)
        except Untrusted as error:
            return self._believe(error)
        return tls, ""

    def _believe(self, error: Untrusted) -> tuple[ssl.SSLContext, str]:
        """Ask the user about a CA that nobody else vouches for."""
        pem = self._site.authority()
        tls = self._site.trusting(pem)
        # A certificate for another name, or by another CA than the one shown, is wrong whatever the user believes.
        self._site.ask("GET", "/v3/settings/cacerts", tls)
        checksum = checksum_of(pem)
        if not self._terminal.interactive:
            raise Refused(f"{error}; if its CA is the one with SHA-256 {checksum}, say so: --ca-checksum {checksum}")
        answer = self._terminal.ask(f"{self._site.name} has a CA of its own, SHA-256 {checksum}.\nTrust it? (yes/no) ")
        if answer.strip().lower() not in ("y", "yes"):
            raise Refused("nothing was sent to a server that you don't trust")
        return tls, pem

    def _pasted(self, tls: ssl.SSLContext) -> tuple[str, str]:
        token = self._typed("Token: ")
        if not _TOKEN.fullmatch(token):
            raise ConfigurationError("this is no token: it looks like token-xxxxx:…")
        try:
            self._site.ask("GET", "/v3/users?me=true", tls, {"Authorization": f"Bearer {token}"})
        except Refused as error:
            if _NARROW not in str(error):
                raise Refused(f"{error}; the token is wrong, has expired or was deleted") from None
        return token, ""

    def _proven(self, tls: ssl.SSLContext) -> tuple[str, str]:
        username = self._options.username or self._terminal.ask("User name: ").strip()
        password = self._terminal.line() if self._options.password else self._terminal.secret("Password: ")
        body = {"username": username, "password": password, "description": "lariat login"}
        answer = self._site.ask("POST", "/v3-public/localProviders/local?action=login", tls, body=body)
        token = answer.get("token")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise Refused(f"{self._site.name} answered the login without a token")
        return token, str(answer.get("expiresAt") or "")

    def _typed(self, question: str) -> str:
        interactive = self._terminal.interactive
        return (self._terminal.secret(question) if interactive else self._terminal.line()).strip()

    def _socket(self, tls: ssl.SSLContext) -> str:
        """Learn where streams go. A server that says nothing of it carries them by itself."""
        try:
            url = self._site.ask("GET", "/v3/settings/socket-url", tls).get("value")
        except Refused:
            return ""
        return url if isinstance(url, str) and url.startswith("wss://") else ""


class Console:
    """A ``Terminal``: questions go to standard error, since output may be piped."""

    def __init__(self) -> None:
        self.interactive = sys.stdin.isatty()

    def ask(self, question: str) -> str:
        print(question, end="", file=sys.stderr, flush=True)
        return self._read(sys.stdin.readline)

    def secret(self, question: str) -> str:
        return self._read(lambda: getpass.getpass(question, sys.stderr) + "\n")

    def line(self) -> str:
        return self._read(sys.stdin.readline)

    def _read(self, read: Callable[[], str]) -> str:
        try:
            line = read()
        except EOFError:
            line = ""
        if not line:
            raise ConfigurationError("standard input ended before all was said")
        return line.rstrip("\n")


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"--ca-file {path}: {error}") from None
