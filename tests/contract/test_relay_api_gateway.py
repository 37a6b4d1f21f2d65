"""The adapters for API Gateway, with our handlers behind its WebSocket API, on an emulator that runs them as functions."""

from __future__ import annotations

import pytest
from botocore.credentials import Credentials

from chalicelib.adapters.api_gateway import ApiGatewayPost
from chalicelib.adapters.line import WebSocketDial
from chalicelib.adapters.system import SystemClock, SystemRandom
from chalicelib.gateway.signing import Signer
from chalicelib.gateway.tickets import Tickets
from chalicelib.types import Dial, Post
from tests.contract.relay import RelayContract
from tests.support.ministack import REGION, Deployed, Ministack


@pytest.fixture(scope="module")
def deployed(ministack: Ministack) -> Deployed:
    return Deployed(ministack)


@pytest.fixture
def dial(deployed: Deployed) -> Dial:
    return WebSocketDial(deployed.environment["LARIAT_SOCKET_URL"])


@pytest.fixture
def post(deployed: Deployed) -> Post:
    endpoint = deployed.environment["LARIAT_SOCKET_ENDPOINT"]
    return ApiGatewayPost(endpoint, REGION, lambda: Credentials("test", "test"))


@pytest.fixture
def tickets(deployed: Deployed) -> Tickets:
    return Tickets(Signer([deployed.environment["LARIAT_SECRET"].encode()]), SystemClock(), SystemRandom())


class TestApiGatewayRelay(RelayContract):
    pass
