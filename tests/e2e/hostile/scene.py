"""Who attacks, and with what: shared by the modules of this folder."""

from __future__ import annotations

import json
from typing import NamedTuple

from tests.support.lariat import PASSWORD, Client, Imported, Lariat
from tests.support.recorder import Recorder
from tests.support.wire import Answer, Wire, head, post

OURS = ["system:authenticated", "system:cattle:authenticated"]

LOGIN = "/v3-public/localProviders/local?action=login"

MEGABYTE = 1024 * 1024

MALFORMED = {
    "nothing": b"",
    "no JSON": b"name=x",
    "cut": b'{"name":',
    "a list": b"[]",
    "a string": b'"x"',
    "null": b"null",
    "a number": b"1",
    "two objects": b"{}{}",
    "a comment": b"{/**/}",
    "100,000 brackets": b"[" * 100_000,
    "100,000 closed brackets": b"[" * 100_000 + b"]" * 100_000,
    "100,000 objects": b'{"a":' * 100_000,
    "no UTF-8": b'{"name":"\xff"}',
    "a number of 5,000 digits": b'{"ttl":' + b"9" * 5000 + b"}",
    "NUL": b'{"name":"a"}\x00',
    "NaN": b"NaN",
    "Infinity": b"Infinity",
    "-Infinity": b"-Infinity",
    "NaN in a field": b'{"unknown":[NaN]}',
    "Infinity in a field": b'{"unknown":{"a":Infinity}}',
    "gzip": b"\x1f\x8b\x08\x00",
}


class User(NamedTuple):
    id: str
    token: str


def token_of(client: Client) -> str:
    return str(client.headers["Authorization"]).removeprefix("Bearer ")


def new_user(lariat: Lariat, admin: Client, name: str) -> User:
    created = admin.post("/v3/users", json={"username": name, "password": PASSWORD})
    assert created.status_code == 201, created.text
    with lariat.log_in(name) as client:
        return User(created.json()["id"], token_of(client))


def let_in(admin: Client, imported: Imported, user: User, role: str) -> None:
    binding = {"clusterId": imported.id, "userId": user.id, "roleTemplateId": role}
    bound = admin.post("/v3/clusterroletemplatebindings", json=binding)
    assert bound.status_code == 201, bound.text


def log_in(wire: Wire, username: str, password: str) -> Answer:
    return wire.ask(post(LOGIN, json.dumps({"username": username, "password": password}).encode()))


def reached(wire: Wire, tape: str, recorder: Recorder, token: str, marker: str) -> bool:
    """Did a request with this mark in its target get through? Asked after one that surely did, on the same tunnel."""
    assert wire.ask(head(f"{tape}/sentinel", token=token)).status == 200
    return bool(recorder.requests(marker))
