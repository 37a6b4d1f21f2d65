"""What a connected cluster costs while nobody asks for it; ``tests/gateway/counts.json`` has the figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chalicelib.main import KEEPALIVE, LIFETIME
from chalicelib.tunnel.frames import ASK, Frame, Kind
from tests.support.relay import Edge

COUNTS = json.loads((Path(__file__).with_name("counts.json")).read_text())


@pytest.mark.parametrize(("name", "document"), [("keep-alive", ""), ("keep-alive that asks for an answer", ASK)])
def test_a_keep_alive(edge: Edge, name: str, document: str) -> None:
    agent = edge.agent()
    edge.reset_counts()
    agent.say(Frame(Kind.PING, document=document))
    edge.gateway.sleep(1)
    assert edge.counts == COUNTS[name]


def test_a_planned_reconnect(edge: Edge) -> None:
    """Without the registration over REST that comes before it."""
    old = edge.agent()
    edge.reset_counts()
    edge.agent()
    old.say(Frame(Kind.GOAWAY))
    edge.gateway.sleep(1)
    old.leave()
    assert edge.counts == COUNTS["planned reconnect"]


def test_the_limits_of_the_gateway_are_kept() -> None:
    assert KEEPALIVE < 600
    assert LIFETIME + 150 < 7200
