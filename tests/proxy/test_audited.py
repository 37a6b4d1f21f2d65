"""What the audit log says of requests that Lambda proxies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.adapters.audit import AuditFile
from chalicelib.audit.recorder import Recorder
from chalicelib.proxy.audited import AuditedBuffered
from chalicelib.proxy.buffered import Reply
from tests.proxy.test_buffered import BEARER, JSON
from tests.proxy.test_buffered import House as Plain
from tests.support.random import SeededRandom
from tests.support.relay import CLUSTER, Edge

SECRET = b'{"kind":"Secret","data":{"a":"Y2FuYXJ5"}}'


class House:
    def __init__(self, edge: Edge, folder: Path, level: int = 3) -> None:
        self.plain = Plain(edge)
        self.path = folder / "audit.log"
        self.file = AuditFile(self.path)
        recorder = Recorder(level, self.file, edge.clock, SeededRandom())
        self.proxy = AuditedBuffered(self.plain.buffered, self.plain.buffered._gatekeeper, recorder)

    def ask(self, path: str, *headers: tuple[str, str], method: str = "GET", body: bytes = b"") -> Reply:
        path, _, query = path.partition("?")
        return self.proxy.answer(method, path, query, headers, body, client="192.0.2.7", id="r-1")

    @property
    def last(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.path.read_text().splitlines()[-1])
        return found


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    edge = Edge(tmp_path)
    house = House(edge, tmp_path)
    yield house
    house.file.close()
    edge.close()


def inside(path: str) -> str:
    return f"/k8s/clusters/{CLUSTER}{path}"


def test_a_write(house: House) -> None:
    house.plain.answers(b'{"kind":"Pod"}', status=201)
    path = inside("/api/v1/namespaces/a/pods?dryRun=All")
    assert house.ask(path, BEARER, JSON, ("user-agent", "kubectl"), method="POST", body=b'{"a":1}').status == 201
    found = house.last
    assert found["request"] == "r-1"
    assert found["user"] == {"id": "u-admin", "name": "admin", "token": "token-admin"}
    assert found["source"] == {"address": "192.0.2.7", "agent": "kubectl"}
    assert (found["method"], found["verb"], found["status"], found["uri"]) == ("POST", "create", 201, path)
    assert found["object"] == {"version": "v1", "namespace": "a", "resource": "pods"}
    assert found["cluster"]["id"] == CLUSTER
    assert found["cluster"]["name"]
    assert (found["requestBody"], found["answerBody"]) == ({"a": 1}, {"kind": "Pod"})


@pytest.mark.parametrize("path", ["/api/v1/namespaces/a/secrets", "/api/v1/namespaces/a/services/s/proxy/login"])
def test_secret_bodies(house: House, path: str) -> None:
    house.plain.answers(SECRET)
    house.ask(inside(path), BEARER, JSON, method="POST", body=SECRET)
    assert "Y2FuYXJ5" not in house.path.read_text()
    assert house.last["answerBody"]["withheld"] == "it is secret"


@pytest.mark.parametrize(
    ("path", "headers", "user", "status"),
    [
        (inside("/api"), (), "", 401),
        (inside("/api"), (("authorization", "Bearer token-admin:wrong"),), "", 401),
        ("/k8s/clusters/c-zzzzz/api", (BEARER,), "u-admin", 404),
        (inside("/api/../x"), (BEARER,), "u-admin", 400),
        (inside("/api/v1/namespaces/a/pods/p/log?follow=true"), (BEARER,), "u-admin", 400),
        ("/k8s", (), "", 401),
    ],
)
def test_refusals_say_who_was_refused(
    house: House, path: str, headers: tuple[tuple[str, str], ...], user: str, status: int
) -> None:
    assert house.ask(path, *headers).status == status
    assert (house.last["user"]["id"], house.last["status"]) == (user, status)


def test_a_cluster_that_is_away(house: House) -> None:
    assert house.ask(inside("/api"), BEARER).status == 503
    assert (house.last["status"], house.last["user"]["name"]) == (503, "admin")


def test_no_header_is_recorded(house: House) -> None:
    house.plain.answers(b"{}")
    house.ask(inside("/api"), BEARER, ("cookie", "R_SESS=x:hush"), ("impersonate-user", "u-x"))
    assert [word for word in ("hush", "u-x", "kkkk") if word in house.path.read_text()] == []
