"""The limits of AWS that times have to keep."""

from __future__ import annotations

import re

from chalicelib.gateway.directory import SECONDS
from chalicelib.main import KEEPALIVE, LIFETIME, LINGER, PATIENCE, PING
from chalicelib.store import leases
from tests.infra.stack import INFRA
from tests.support import gateway


def test_a_connection_neither_idles_nor_lives_for_too_long() -> None:
    assert KEEPALIVE < 600
    assert LIFETIME + LINGER < 7200


def test_a_replaced_connection_outlives_what_is_remembered_of_it() -> None:
    assert LINGER > SECONDS


def test_an_agent_asks_before_its_connection_is_replaced() -> None:
    assert PATIENCE + 2 * KEEPALIVE < 0.9 * LIFETIME


def test_the_sign_of_life_has_a_route_without_a_function() -> None:
    route = re.search(r'resource "aws_apigatewayv2_route" "ping" \{.*?route_key\s*=\s*"(\w+)"', text(), re.DOTALL)
    assert route
    assert f'{{"action":"{route[1]}"}}' == PING == gateway.PING.decode()


def test_a_lease_outlasts_the_function_that_holds_it() -> None:
    function = re.search(r'work += \{ handler = "app.work".*? timeout = (\d+)', text("functions.tf"))
    assert function
    assert int(function[1]) < leases.SECONDS - leases.MARGIN


def text(file: str = "socket.tf") -> str:
    return (INFRA / file).read_text()
