"""The real server without HTTP: built as the edges build it, on a SQLite file, called with values."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from chalicelib.adapters.audit import AuditFile
from chalicelib.adapters.https import Https
from chalicelib.adapters.keyfile import KeyFile
from chalicelib.adapters.sqlite import SqliteStore
from chalicelib.api.http import Pairs, Request, Response
from chalicelib.audit.recorder import Recorder
from chalicelib.auth import tokens
from chalicelib.auth.login import new_user
from chalicelib.auth.passwords import Passwords
from chalicelib.clusters.client import Transport
from chalicelib.gateway.agents import Terms
from chalicelib.main import build
from chalicelib.types import Change, Random, Resource
from tests.support.billed import BilledStore
from tests.support.clock import ManualClock
from tests.support.random import SeededRandom
from tests.support.transport import MemoryTransport

BASE = "https://lariat.example"
PASSWORD = "correct horse battery"
TERMS = Terms(keepalive=20, lifetime=7200)
LOGIN = "/v3-public/localProviders/local?action=login"


@cache
def hashed(password: str = PASSWORD) -> str:
    """Argon2 is slow on purpose: one hash serves all tests."""
    return Passwords().hash(password)


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Pairs
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str, str]:
        """Status, code and field of an error document; each is empty where it is missing."""
        return self.status, self.json.get("code", ""), self.json.get("fieldName", "")

    @property
    def ids(self) -> list[str]:
        """The ids of a collection, in its order."""
        return [item["id"] for item in self.json["data"]]


class Caller:
    """Somebody who calls the API, by the value of an ``Authorization`` header; empty for nobody."""

    def __init__(self, server: Server, authorization: str = "", user: str = "") -> None:
        self._server = server
        self.authorization = authorization
        self.user = user

    @property
    def key(self) -> str:
        """The secret part of the token."""
        return self.authorization.rpartition(":")[2]

    @property
    def token(self) -> str:
        """The id of the token."""
        return self.authorization.removeprefix("Bearer ").partition(":")[0]

    def call(
        self,
        method: str,
        url: str,
        body: Any = None,
        *,
        base: str = BASE,
        headers: Sequence[tuple[str, str]] = (),
        client: str = "",
    ) -> Reply:
        """``body`` goes as JSON, bytes as they are; the query stands in ``url``, which may be absolute."""
        path, _, query = url.removeprefix(base).partition("?")
        own = (("authorization", self.authorization),) if self.authorization else ()
        request = Request(
            method=method,
            path=path,
            query=tuple(parse_qsl(query, keep_blank_values=True)),
            headers=(*own, *headers),
            body=body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode(),
            base=base,
            client=client,
        )
        response: Response = self._server.parts.api.handle(request)
        return Reply(response.status, response.headers, response.body)

    def get(self, url: str, **options: Any) -> Reply:
        return self.call("GET", url, **options)

    def post(self, url: str, body: Any = None, **options: Any) -> Reply:
        return self.call("POST", url, body, **options)

    def put(self, url: str, body: Any = None, **options: Any) -> Reply:
        return self.call("PUT", url, body, **options)

    def delete(self, url: str, **options: Any) -> Reply:
        return self.call("DELETE", url, **options)

    def make(self, url: str, body: Any) -> Any:
        """Create something that is sure to be accepted; return its JSON."""
        reply = self.post(url, body)
        assert reply.status == 201, reply.body
        return reply.json


class Server:
    """``changes`` are what the feed told; ``telling`` off, nobody hears of them, as in another process."""

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, str],
        random: Random,
        environment: Mapping[str, str],
        level: int,
        transport: Transport | None = None,
    ) -> None:
        self.clock = ManualClock()
        self.random = random
        self.database = folder / "lariat.db"
        self.changes: list[Change] = []
        self.telling = True
        self.seal = KeyFile(folder / "seal.key", fresh=True)
        self.store = SqliteStore(str(self.database), self.clock, self._notify)
        close = self.store.close
        self.audit = AuditFile(folder / "audit.log")
        recorder = Recorder(level, self.audit, self.clock, random) if level else None
        web = Https(loopback=True)
        self.clusters: Transport = transport or MemoryTransport()
        self.parts = build(
            self.store,
            self.seal,
            self.clock,
            random,
            TERMS,
            settings,
            close,
            lambda: self.clusters,
            environment,
            recorder,
            web,
        )
        self.resources = self.parts.resources
        self.nobody = Caller(self)
        self._numbers = itertools.count(1)

    def _notify(self, changes: Sequence[Change]) -> None:
        self.changes += changes
        for change in changes if self.telling else ():
            self.parts.changed(change.key)

    def user(self, name: str, *, administrator: bool = False) -> Caller:
        """Store a user with ``PASSWORD`` and a login token, as a login would; only faster."""
        user = f"u-{name}"
        self.resources.create(new_user(user, name, hashed(), {"name": name.title()}))
        if administrator:
            spec = {"userId": user, "globalRoleId": "admin"}
            self.resources.create(Resource(kind="globalRoleBinding", id=f"grb-{name}", parent=user, spec=spec))
        return self.token(user)

    def token(self, user: str, *, ttl: int = 0, derived: bool = False, cluster: str = "") -> Caller:
        """Store a token of a user; return who calls with it."""
        key = tokens.word(self.random, tokens.KEY_LENGTH)
        name = f"token-{next(self._numbers)}"
        spec = {"isDerived": derived, "clusterId": cluster or None}
        self.resources.create(tokens.new(name, key, user, now=self.clock.now(), ttl=ttl, spec=spec, labels={}))
        return Caller(self, f"Bearer {name}:{key}", user)

    def caller(self, token: str) -> Caller:
        """Who calls with a token as the API showed it."""
        return Caller(self, f"Bearer {token}")

    def log_in(self, username: str, password: str = PASSWORD) -> Reply:
        return self.nobody.post(LOGIN, {"username": username, "password": password})

    def bill(self) -> BilledStore:
        """Count from now on what the store is asked for."""
        billed = BilledStore(self.store)
        self.resources._store = billed
        return billed

    @property
    def events(self) -> list[dict[str, Any]]:
        """What the audit log says."""
        return [json.loads(line) for line in self.log.splitlines()]

    @property
    def log(self) -> str:
        return self.database.with_name("audit.log").read_text()

    def rows(self) -> bytes:
        """All that the store wrote to disk."""
        return b"".join(path.read_bytes() for path in sorted(self.database.parent.glob("lariat.db*")))


@contextmanager
def serving(
    folder: Path,
    settings: Mapping[str, str] | None = None,
    random: Random | None = None,
    environment: Mapping[str, str] | None = None,
    level: int = 0,
    transport: Transport | None = None,
) -> Iterator[Server]:
    """``level`` is the audit log's, which is a file in the folder."""
    server = Server(folder, settings or {}, random or SeededRandom(), environment or {}, level, transport)
    try:
        yield server
    finally:
        server.parts.close()
        server.audit.close()
