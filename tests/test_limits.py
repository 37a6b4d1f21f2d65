"""Limits of AWS that a user of the v3 API can reach, at each and one past it: ``app.py`` with the events that Lambda gets.

The proxy's are in ``tests/proxy/test_buffered.py``, the tunnel's in ``tests/gateway``, the table's in ``tests/contract``.
"""

from __future__ import annotations

import base64
import gzip
import json
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest

from app import wire
from chalicelib.main import OnLambda
from chalicelib.proxy.buffered import LARGEST_ANSWER, LARGEST_HEADERS
from chalicelib.types import Resource
from tests.support import logs
from tests.support.edge_on_lambda import rest_event
from tests.support.faulty import faulty_proxy
from tests.support.lariat import PASSWORD, ROOT
from tests.support.ministack import REGION, Ministack

LAMBDA = 6 * 1024 * 1024
"""Bytes of an event, and of what a function returns."""


@pytest.fixture(scope="module")
def environment(ministack: Ministack) -> dict[str, str]:
    return {
        "LARIAT_TABLE": ministack.table(),
        "LARIAT_KMS_KEY": ministack.key(),
        "LARIAT_SOCKET_URL": "wss://socket.test/live",
        "LARIAT_SOCKET_ENDPOINT": "https://socket.test/live",
        "LARIAT_SECRET": "s" * 64,
        "AWS_ENDPOINT_URL": ministack.url,
        "AWS_REGION": REGION,
    }


@pytest.fixture(scope="module")
def edge(environment: dict[str, str]) -> Iterator[OnLambda]:
    with logs.kept():
        edge = OnLambda(environment)
        edge.parts.bootstrap(PASSWORD)
        yield edge


def log_in(edge: OnLambda) -> dict[str, Any]:
    body = json.dumps({"username": "admin", "password": PASSWORD}).encode()
    return call(edge, rest_event("POST", "/v3-public/localProviders/local?action=login", (("Host", "a.test"),), body))


def call(edge: OnLambda, event: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = wire(lambda: edge.parts, lambda: edge.proxy)(event, None)
    return answer


def body_of(answer: dict[str, Any]) -> bytes:
    body: str = answer["body"]
    return base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()


@pytest.fixture(scope="module")
def bearer(edge: OnLambda) -> tuple[str, str]:
    return ("Authorization", f"Bearer {json.loads(log_in(edge)['body'])['token']}")


def test_the_largest_request_that_is_promised_reaches_the_function(edge: OnLambda, bearer: tuple[str, str]) -> None:
    """What is larger never gets here: API Gateway answers, with the words that Terraform gives it."""
    text = (ROOT / "infra/rest.tf").read_text()
    promised = re.search(r"at most ([0-9.]+) MB fit", text)
    assert promised
    size = int(float(promised[1]) * 1024 * 1024)
    padding = ("Accept", "x" * (LARGEST_HEADERS - 100))
    for path, status in (("/k8s/clusters/c-absent/api/v1/configmaps", 404), ("/v3/clusters", 413)):
        event = rest_event("POST", path, (bearer, padding), random.Random(1).randbytes(size))
        assert len(json.dumps(event)) < LAMBDA
        assert call(edge, event)["statusCode"] == status
    past = rest_event("POST", "/v3/clusters", (bearer, padding), bytes(size + 100 * 1024))
    assert len(json.dumps(past)) > LAMBDA


class TestAnswersOfSixMegabytes:
    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def many(cls, edge: OnLambda) -> None:
        """Clusters whose list is as large as what may be returned, and a little more."""
        noise = random.Random(1).randbytes(100 * 1024).hex()
        for number in range(24):
            spec = {"name": f"many-{number}", "description": noise}
            edge.parts.resources.create(Resource(kind="cluster", id=f"c-many{number}", spec=spec))

    def ask(self, edge: OnLambda, query: str, *headers: tuple[str, str]) -> dict[str, Any]:
        answer = call(edge, rest_event("GET", f"/v3/clusters{query}", (("Host", "a.test"), *headers), b""))
        assert len(json.dumps(answer)) < LAMBDA
        return answer

    def test_what_fits_is_returned(self, edge: OnLambda, bearer: tuple[str, str]) -> None:
        answer = self.ask(edge, "?limit=22", bearer)
        assert answer["statusCode"] == 200
        body = body_of(answer)
        assert len(body) > 0.95 * LARGEST_ANSWER
        assert len(json.loads(body)["data"]) == 22

    def test_one_more_says_how_to_ask_for_less(self, edge: OnLambda, bearer: tuple[str, str]) -> None:
        answer = self.ask(edge, "?limit=23", bearer)
        assert answer["statusCode"] == 413
        told = json.loads(body_of(answer))
        assert (told["type"], told["code"]) == ("error", "RequestTooLarge")
        assert "limit=" in told["message"]

    def test_a_client_that_takes_gzip_gets_it_all(self, edge: OnLambda, bearer: tuple[str, str]) -> None:
        answer = self.ask(edge, "", bearer, ("Accept-Encoding", "gzip"))
        assert (answer["statusCode"], answer["multiValueHeaders"]["content-encoding"]) == (200, ["gzip"])
        assert len(json.loads(gzip.decompress(body_of(answer)))["data"]) == 24


def test_a_throttled_table_says_when_to_come_again(
    edge: OnLambda, environment: dict[str, str], ministack: Ministack
) -> None:
    assert log_in(edge)["statusCode"] == 201
    with faulty_proxy(ministack.url, throttle=True) as proxy:
        answer = log_in(OnLambda({**environment, "AWS_ENDPOINT_URL": proxy.url}))
        assert proxy.writes > 1
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (503, "TooBusy")
    assert answer["multiValueHeaders"].get("retry-after") or answer["headers"]["retry-after"] == "1"
