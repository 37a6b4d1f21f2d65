"""Proxied requests as Lambda serves them: every limit that a user can reach, at it and one past it."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.auth import tokens
from chalicelib.auth.authenticate import Authenticator
from chalicelib.auth.login import new_user
from chalicelib.auth.trust import OVERLAP, SECONDS
from chalicelib.clusters.client import ClusterClient
from chalicelib.proxy.buffered import LARGEST_ANSWER, LARGEST_HEADERS, Buffered, Reply, accepts_gzip, size
from chalicelib.proxy.gatekeeper import LARGEST_BODY, Gatekeeper
from chalicelib.proxy.namespaces import Namespaces
from chalicelib.tunnel.heads import Headers, RequestHead, ResponseHead
from chalicelib.types import Key, Resource
from tests.support.counts import check
from tests.support.gateway import GatewayAgent
from tests.support.relay import CLUSTER, Answer, Edge

KEY = "k" * tokens.KEY_LENGTH
BEARER = ("authorization", f"Bearer token-admin:{KEY}")
JSON = ("content-type", "application/json")
GZIP = ("accept-encoding", "gzip")


class House:
    """An edge with an administrator, an agent, and the proxy of one Lambda process."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge
        resources = edge.resources
        resources.create(new_user("u-admin", "admin", "", {}))
        binding = {"userId": "u-admin", "globalRoleId": "admin"}
        resources.create(Resource(kind="globalRoleBinding", id="grb-1", parent="u-admin", spec=binding))
        resources.create(tokens.new("token-admin", KEY, "u-admin", now=edge.clock.now(), ttl=0, spec={}, labels={}))
        gatekeeper = Gatekeeper(Authenticator(resources, edge.clock), resources, edge.clock)
        relay = edge.process()
        namespaces = Namespaces(resources, lambda: ClusterClient(relay))
        self.buffered = Buffered(gatekeeper, relay, namespaces)
        self.agent: GatewayAgent | None = None

    def answers(self, body: bytes, *headers: tuple[str, str], status: int = 200) -> None:
        self.answers_with(lambda *_: (ResponseHead(status, headers or (JSON,)), [body]))

    def answers_with(self, answer: Answer) -> GatewayAgent:
        if self.agent is None:
            self.agent = self.edge.agent()
        self.agent.answer = answer
        return self.agent

    def ask(self, path: str = "/api", *headers: tuple[str, str], method: str = "GET", body: bytes = b"") -> Reply:
        path, _, query = path.partition("?")
        return self.buffered.answer(method, f"/k8s/clusters/{CLUSTER}{path}", query, (BEARER, *headers), body)

    @property
    def asked(self) -> RequestHead:
        assert self.agent is not None
        return self.agent.requests[-1]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    edge = Edge(tmp_path)
    yield House(edge)
    edge.close()


def message(reply: Reply) -> str:
    document: dict[str, Any] = json.loads(reply.body)
    assert (document["kind"], document["code"]) == ("Status", reply.status)
    return str(document["message"])


def noise(count: int) -> bytes:
    return random.Random(1).randbytes(count)


def test_an_answer_passes_as_it_is(house: House) -> None:
    house.answers(b"\xff\x00{}", ("content-type", "application/vnd.kubernetes.protobuf"), ("content-length", "4"))
    reply = house.ask()
    assert reply == Reply(200, (("content-type", "application/vnd.kubernetes.protobuf"),), b"\xff\x00{}")
    assert ("impersonate-user", "u-admin") in house.asked.headers


def test_clusters_errors_are_their_own(house: House) -> None:
    house.answers(b'{"kind":"Status","code":409}', status=409)
    assert house.ask(method="POST").status == 409


def test_who_may_not_gets_a_status(house: House) -> None:
    assert house.buffered.answer("GET", f"/k8s/clusters/{CLUSTER}/api", "", (), b"").status == 401
    assert message(house.ask()).endswith("its agent is not connected")


class TestSixMegabytes:
    def test_at_the_limit_and_one_past_it(self, house: House) -> None:
        house.answers(noise(LARGEST_ANSWER))
        assert house.ask().body == noise(LARGEST_ANSWER)
        house.answers(noise(LARGEST_ANSWER + 1))
        refused = house.ask()
        assert refused.status == 413
        assert "limit=500" in message(refused)
        assert "continue" in message(refused)

    def test_what_lambda_returns_fits(self) -> None:
        assert LARGEST_ANSWER * 4 // 3 + LARGEST_HEADERS + 1000 < 6 * 1024 * 1024

    def test_a_client_that_takes_gzip_gets_more(self, house: House) -> None:
        body = json.dumps([{"name": f"pod-{number}"} for number in range(600_000)]).encode()
        assert len(body) > 2 * LARGEST_ANSWER
        house.answers(body)
        reply = house.ask("/api", GZIP)
        assert ("content-encoding", "gzip") in reply.headers
        assert gzip.decompress(reply.body) == body
        assert house.ask("/api").status == 413

    def test_gzip_does_not_help_noise(self, house: House) -> None:
        house.answers(noise(LARGEST_ANSWER + 4096))
        assert house.ask("/api", GZIP).status == 413

    def test_what_the_cluster_has_compressed_stays_so(self, house: House) -> None:
        packed = gzip.compress(b"x" * 100_000)
        house.answers(packed, JSON, ("content-encoding", "gzip"))
        reply = house.ask("/api", GZIP)
        assert reply.body == packed
        assert [value for name, value in reply.headers if name == "content-encoding"] == ["gzip"]

    def test_a_bomb_is_not_unpacked_for_ever(self, house: House) -> None:
        house.answers_with(lambda *_: (ResponseHead(200, (JSON,)), [bytes(1024 * 1024)] * 70))
        assert house.ask("/api", GZIP).status == 413

    def test_what_is_not_wanted_is_cancelled(self, house: House) -> None:
        house.answers(noise(3 * LARGEST_ANSWER))
        house.ask()
        house.edge.gateway.sleep(1)
        assert house.agent is not None
        assert house.agent.cancelled == 1


@pytest.mark.parametrize(
    ("value", "accepted"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("br", False),
        ("", False),
        ("x-gzip", False),
    ],
)
def test_who_accepts_gzip(value: str, accepted: bool) -> None:
    assert accepts_gzip((("accept-encoding", value),)) is accepted


def test_requests_of_ten_megabytes(house: House) -> None:
    house.answers(b"{}")
    assert house.ask(method="POST", body=bytes(LARGEST_BODY)).status == 200
    refused = house.ask(method="POST", body=bytes(LARGEST_BODY + 1))
    assert (refused.status, message(refused)) == (413, "the request is larger than 10 MB")


def test_headers_of_ten_kilobytes(house: House) -> None:
    def padded(total: int, known: Headers) -> tuple[str, str]:
        return ("accept", "x" * (total - size((*known, ("accept", "")))))

    house.answers(b"{}")
    assert house.ask("/api", padded(LARGEST_HEADERS, (BEARER,))).status == 200
    assert house.ask("/api", padded(LARGEST_HEADERS + 1, (BEARER,))).status == 431
    for extra, status in ((0, 200), (1, 502)):
        house.answers(b"{}", JSON, padded(LARGEST_HEADERS + extra, (JSON,)))
        assert house.ask().status == status


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ("/api/v1/pods?watch=true", "/api/v1/pods?watch=true&timeoutSeconds=25"),
        ("/api/v1/pods?watch=1&timeoutSeconds=500&a=b", "/api/v1/pods?watch=1&a=b&timeoutSeconds=25"),
        ("/api/v1/pods?timeoutSeconds=7&watch=true", "/api/v1/pods?watch=true&timeoutSeconds=7"),
        ("/api/v1/pods?timeoutSeconds=0&watch", "/api/v1/pods?watch&timeoutSeconds=25"),
        ("/api/v1/pods?timeoutSeconds=99999999999999999&watch=t", "/api/v1/pods?watch=t&timeoutSeconds=25"),
        ("/api/v1/watch/pods", "/api/v1/watch/pods?timeoutSeconds=25"),
        ("/apis/apps/v1/watch/deployments", "/apis/apps/v1/watch/deployments?timeoutSeconds=25"),
        ("/api/v1/pods?watch=false", "/api/v1/pods?watch=false"),
        ("/api/v1/pods?limit=5", "/api/v1/pods?limit=5"),
        ("/api/v1/namespaces/watch/pods", "/api/v1/namespaces/watch/pods"),
    ],
)
def test_a_watch_is_cut_to_what_fits(house: House, asked: str, sent: str) -> None:
    house.answers(b"")
    house.ask(asked)
    assert house.asked.target == sent


def watching(house: House, *pieces: bytes) -> None:
    """An agent whose watch never ends."""
    house.answers_with(lambda *_: (ResponseHead(200, (JSON,)), pieces)).endless = True


def test_a_watch_that_does_not_end_returns_what_has_come(house: House) -> None:
    watching(house, b'{"type":"ADDED"}\n{"type":"MODIFIED"}\n', b'{"type":"DEL')
    before = house.edge.clock.now()
    reply = house.ask("/api/v1/pods?watch=true")
    assert (reply.status, reply.body) == (200, b'{"type":"ADDED"}\n{"type":"MODIFIED"}\n')
    assert house.edge.clock.now() - before <= 29


def test_anything_else_that_does_not_end_is_an_error_in_time(house: House) -> None:
    watching(house, b"{")
    before = house.edge.clock.now()
    reply = house.ask("/api/v1/pods")
    assert (reply.status, "within 27 seconds" in message(reply)) == (504, True)
    assert house.edge.clock.now() - before <= 29


@pytest.mark.parametrize("protocol", ["SPDY/3.1", "websocket"])
def test_upgrades_are_shown_another_way(house: House, protocol: str) -> None:
    house.answers(b"")
    path = "/api/v1/namespaces/a/pods/b/exec?command=ls"
    reply = house.ask(path, ("connection", "Upgrade"), ("upgrade", protocol), method="POST")
    assert reply.status == 400
    assert "lariat kubectl" in message(reply)


@pytest.mark.parametrize(("flag", "status"), [("follow=true", 400), ("follow=false", 200), ("tailLines=5", 200)])
def test_logs_can_be_read_but_not_followed(house: House, flag: str, status: int) -> None:
    house.answers(b"line")
    assert house.ask(f"/api/v1/namespaces/a/pods/b/log?{flag}").status == status


def test_throttling_says_when_to_come_again(house: House) -> None:
    house.answers(b"{}")
    house.ask()
    house.edge.gateway.throttled = 100_000
    before = house.edge.clock.now()
    reply = house.ask(method="POST")
    assert reply.status == 503
    assert ("retry-after", "1") in reply.headers
    assert house.edge.clock.now() - before <= 29


def test_what_a_proxied_get_costs(house: House) -> None:
    """Cold, within the seconds that a token is believed, and after them. ``tests/gateway/counts.json`` has the figures."""
    house.answers(b"{}")
    # The rights were given a while ago, and the token was used today: its first use of a day is one write more.
    house.edge.resources.update(Key("token", "token-admin"), lambda token: tokens.used(token, house.edge.clock.now()))
    house.edge.clock.advance(OVERLAP + 1)
    for name, seconds in (("cold", 0.0), ("warm", 1.0), ("warm, after a while", SECONDS + 1)):
        house.edge.clock.advance(seconds)
        house.edge.reset_counts()
        assert house.ask().status == 200
        counts = house.edge.counts
        # The function that serves the request itself.
        counts["invocations"] += 1
        check(f"proxied GET, {name}", {**counts, "rest": 1})
