"""Who may connect, and what becomes of each message."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.errors import Forbidden, Unauthorized
from chalicelib.gateway.connections import KIND
from chalicelib.gateway.tickets import HEADER, SECONDS
from chalicelib.tunnel.frames import ASK, Frame, Kind, encode
from tests.support.gateway import GatewayLine
from tests.support.relay import CLUSTER, TOKEN, Edge

AGENT = ("x-api-tunnel-token", TOKEN)


def message(frame: Frame) -> bytes:
    (text,) = encode(frame)
    return text


class Peer:
    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def deliver(self, message: bytes) -> None:
        self.heard.append(message)


@pytest.fixture
def agent(edge: Edge) -> tuple[str, Peer]:
    peer = Peer()
    return edge.gateway.attach(peer, [AGENT]), peer


@pytest.fixture
def line(edge: Edge) -> GatewayLine:
    return edge.gateway(edge.tickets.headers())


def test_an_agent_is_written_down(edge: Edge) -> None:
    edge.sockets.connect("conn", [AGENT])
    assert edge.connections.all(CLUSTER) == ["conn"]
    edge.sockets.disconnect("conn")
    assert edge.connections.all(CLUSTER) == []


def test_a_process_of_ours_costs_no_database_operation(edge: Edge) -> None:
    edge.reset_counts()
    edge.sockets.connect("conn", list(edge.tickets.headers().items()))
    assert edge.store.counts == {}


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("x-api-tunnel-token", "x" * 54)],
        [AGENT, AGENT],
        [(HEADER, "")],
        [(HEADER, "1.2.3")],
        [(HEADER, f"ffffffff.{'0' * 32}.{'A' * 43}")],
        [("authorization", f"Bearer {TOKEN}")],
        [("cookie", f"R_SESS={TOKEN}")],
    ],
)
def test_everybody_else_stays_out(edge: Edge, headers: list[tuple[str, str]]) -> None:
    with pytest.raises(Unauthorized):
        edge.sockets.connect("conn", headers)
    assert edge.resources.list(KIND).items == ()


def test_a_ticket_and_a_token_together_are_refused(edge: Edge) -> None:
    with pytest.raises(Unauthorized):
        edge.sockets.connect("conn", [AGENT, *edge.tickets.headers().items()])


def test_a_ticket_ends_in_time(edge: Edge) -> None:
    headers = list(edge.tickets.headers().items())
    edge.clock.advance(SECONDS + 1)
    with pytest.raises(Unauthorized, match="too old"):
        edge.sockets.connect("conn", headers)


SITE = ("origin", "https://edge.test")
COOKIE = ("cookie", "R_SESS=x")


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.test",
        "null",
        "https://edge.test.evil.test",
        "http://edge.test",
        "https://edge.test:444",
        "https://[",
        "",
    ],
)
@pytest.mark.parametrize("claim", ["host", "x-forwarded-host"])
def test_a_foreign_page_with_cookies_is_refused(edge: Edge, origin: str, claim: str) -> None:
    """Whatever host arrives, and whatever the caller says about it."""
    with pytest.raises(Forbidden):
        edge.sockets.connect("conn", [(claim, origin.removeprefix("https://")), ("origin", origin), COOKIE, AGENT])
    with pytest.raises(Forbidden):
        edge.sockets.connect("conn", [SITE, ("origin", origin), COOKIE, AGENT])


@pytest.mark.parametrize("origin", ["https://edge.test", "https://EDGE.test"])
@pytest.mark.parametrize("host", ["edge.test", "socket.test", "abc123.execute-api.us-east-1.amazonaws.com"])
def test_our_own_page_is_judged_by_its_token(edge: Edge, origin: str, host: str) -> None:
    """Behind a domain or CloudFront the host is another than the page's."""
    edge.sockets.connect("conn", [("host", host), ("origin", origin), COOKIE, AGENT])
    with pytest.raises(Unauthorized):
        edge.sockets.connect("conn", [("host", host), ("origin", origin), COOKIE])


def test_a_plain_ping_costs_nothing_more(edge: Edge, agent: tuple[str, Peer]) -> None:
    edge.reset_counts()
    edge.gateway.take(agent[0], message(Frame(Kind.PING)))
    edge.gateway.sleep(1)
    assert (edge.counts["messages"], edge.counts["invocations"], edge.counts["posts"]) == (1, 1, 0)
    assert agent[1].heard == []


def test_a_ping_that_asks_is_told_its_name(edge: Edge, agent: tuple[str, Peer]) -> None:
    edge.gateway.take(agent[0], message(Frame(Kind.PING, document=ASK)))
    edge.gateway.sleep(1)
    assert agent[1].heard == [message(Frame(Kind.PONG, document=agent[0]))]


def test_that_an_agent_has_a_newer_connection_is_known_already(edge: Edge, agent: tuple[str, Peer]) -> None:
    edge.reset_counts()
    edge.sockets.message(agent[0], message(Frame(Kind.GOAWAY)))
    assert edge.store.counts == {}


def test_an_answer_is_relayed_as_it_is_without_the_database(
    edge: Edge, agent: tuple[str, Peer], line: GatewayLine
) -> None:
    reply = edge.replies.issue(agent[0], line.name, "s1", 30)
    text = message(Frame(Kind.DATA, "s1", 7, True, data="größer \N{SNOWMAN}".encode(), reply=reply))
    edge.reset_counts()
    edge.gateway.take(agent[0], text)
    assert line.receive(1) == text
    assert {name: count for name, count in edge.counts.items() if count} == {
        "posts": 1,
        "messages": 1,
        "invocations": 1,
    }


def test_an_answer_for_somebody_elses_stream_is_dropped(edge: Edge, agent: tuple[str, Peer], line: GatewayLine) -> None:
    """The token is bound to the agent, the stream and the time; an agent can't use what another one got."""
    other = edge.gateway.attach(Peer(), [AGENT])
    reply = edge.replies.issue(agent[0], line.name, "s1", 30)
    for sender, stream, kind in ((other, "s1", Kind.DATA), (agent[0], "s2", Kind.DATA), (agent[0], "s1", Kind.OPEN)):
        edge.gateway.take(sender, message(Frame(kind, stream, data=b"x", reply=reply)))
    assert line.receive(1) is None
    edge.clock.advance(60)
    edge.gateway.take(agent[0], message(Frame(Kind.DATA, "s1", data=b"x", reply=reply)))
    assert line.receive(1) is None


def test_an_agent_whose_caller_is_gone_is_told_to_stop(edge: Edge, agent: tuple[str, Peer], line: GatewayLine) -> None:
    reply = edge.replies.issue(agent[0], line.name, "s1", 30)
    line.close()
    edge.gateway.take(agent[0], message(Frame(Kind.DATA, "s1", data=b"x", reply=reply)))
    edge.gateway.take(agent[0], message(Frame(Kind.RESET, "s1", document="{}", reply=reply)))
    edge.gateway.sleep(1)
    (reset,) = agent[1].heard
    assert reset.startswith(b"R s1 ")


def test_a_throttled_relay_is_tried_again_and_given_up_in_time(
    edge: Edge, agent: tuple[str, Peer], line: GatewayLine
) -> None:
    reply = edge.replies.issue(agent[0], line.name, "s1", 30)
    text = message(Frame(Kind.DATA, "s1", data=b"x", reply=reply))
    edge.gateway.throttled = 3
    edge.sockets.message(agent[0], text)
    assert line.receive(1) == text
    edge.gateway.throttled = 10_000
    before = edge.clock.now()
    edge.sockets.message(agent[0], text)
    assert edge.clock.now() - before <= 10
    assert edge.gateway.throttled > 9_900


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.text(max_size=300), st.from_regex(r"\A[OHDCRPQG] s1 0 f?[tbz] 0 [0-9] [\w.-]{0,80}\n.*\Z")))
def test_garbage_is_dropped(edge: Edge, text: str) -> None:
    edge.gateway.counts.clear()
    edge.sockets.message("conn", text.encode())
    assert edge.gateway.counts["posts"] == 0


def test_a_message_over_the_limit_is_dropped(edge: Edge, agent: tuple[str, Peer], line: GatewayLine) -> None:
    reply = edge.replies.issue(agent[0], line.name, "s1", 30)
    empty = len(message(Frame(Kind.DATA, "s1", reply=reply)))
    for size, passes in ((131072 - empty - 5, True), (131072 - empty - 4, False)):
        text = f"D s1 0 t 0 {size} {reply}\n{'x' * size}".encode()
        assert (len(text) <= 131072) is passes
        edge.sockets.message(agent[0], text)
        assert (line.receive(1) is not None) is passes
