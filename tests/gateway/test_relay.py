"""A request and its answer over a gateway that remembers nothing: right, or one clear error, in time."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.clusters.client import Answer
from chalicelib.errors import BrokenOff, Busy, ClusterUnavailable, LariatError, TimedOut, TooLarge, Unavailable
from chalicelib.gateway.directory import MOST, SECONDS, Directory
from chalicelib.gateway.relay import Relay
from chalicelib.tunnel.frames import Frame, Kind
from chalicelib.tunnel.heads import RequestHead, ResponseHead
from tests.support.gateway import GatewayAgent, harmful
from tests.support.relay import CLUSTER, TOKEN, Edge

GET = RequestHead("GET", "/version", ())
POST = RequestHead("POST", "/api", ())
TIMEOUT = 25.0


def blob(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def test_a_request_and_its_answer(edge: Edge) -> None:
    edge.agent()
    answer = edge.process().call(CLUSTER, POST, b"x" * 10, TIMEOUT)
    assert (answer.status, json.loads(answer.body)) == (200, {"method": "POST", "target": "/api", "size": 10})


def test_what_a_cold_and_a_warm_request_cost(edge: Edge) -> None:
    """The reads are those of the tunnel; who calls is found out before (see ``tests/proxy/test_buffered.py``)."""
    edge.agent()
    process = edge.process()
    edge.reset_counts()
    process.call(CLUSTER, GET, b"", TIMEOUT)
    # Where the agent is: one read. Our own connection: $connect, a PING for its name, and the PONG.
    assert _counted(edge) == {"reads": 1, "posts": 3, "messages": 2, "invocations": 3}
    edge.reset_counts()
    process.call(CLUSTER, GET, b"", TIMEOUT)
    assert _counted(edge) == {"posts": 2, "messages": 1, "invocations": 1}


def _counted(edge: Edge) -> dict[str, int]:
    return {name: count for name, count in edge.counts.items() if count and name != "calls"}


@pytest.mark.parametrize("size", [0, 1, 126_000, 131_072, 3_000_000])
def test_bodies_of_all_sizes_arrive(edge: Edge, size: int) -> None:
    body = blob(size)
    edge.agent(lambda _, received: (ResponseHead(200, ()), [received]))
    assert edge.process().call(CLUSTER, POST, body, TIMEOUT).body == body


def test_a_cluster_without_an_agent(edge: Edge) -> None:
    with pytest.raises(ClusterUnavailable, match="not connected"):
        edge.process().call(CLUSTER, GET, b"", TIMEOUT)
    assert not edge.process().connected(CLUSTER)


def test_an_agent_that_reconnected_is_found_again(edge: Edge) -> None:
    agent = edge.agent()
    process = edge.process()
    process.call(CLUSTER, GET, b"", TIMEOUT)
    agent.leave()
    edge.agent()
    assert process.call(CLUSTER, POST, b"", TIMEOUT).status == 200


def test_an_agent_that_vanished_without_a_goodbye_is_looked_up_again_and_forgotten(edge: Edge) -> None:
    old = edge.agent()
    process = edge.process()
    process.call(CLUSTER, GET, b"", TIMEOUT)
    old.leave(tell=False)
    with pytest.raises(ClusterUnavailable):
        process.call(CLUSTER, GET, b"", TIMEOUT)
    assert edge.connections.all(CLUSTER) == []
    assert not process.connected(CLUSTER)
    edge.agent()
    assert process.call(CLUSTER, GET, b"", TIMEOUT).status == 200


def test_a_planned_reconnect_loses_nothing(edge: Edge) -> None:
    """Whoever remembers the old connection may use it while it drains; whoever looks up finds the new one."""
    old = edge.agent()
    warm, cold = edge.process(), edge.process()
    warm.call(CLUSTER, GET, b"", TIMEOUT)
    new = GatewayAgent(edge.gateway, old.answer).connect(TOKEN)
    old.say(Frame(Kind.GOAWAY))
    edge.gateway.sleep(1)
    assert warm.call(CLUSTER, GET, b"", TIMEOUT).status == 200
    assert cold.call(CLUSTER, GET, b"", TIMEOUT).status == 200
    assert (len(old.requests), len(new.requests)) == (2, 1)
    edge.gateway.sleep(SECONDS)
    assert warm.call(CLUSTER, GET, b"", TIMEOUT).status == 200
    assert len(new.requests) == 2


def test_a_settled_connection_is_remembered_until_it_may_be_replaced(edge: Edge) -> None:
    directory = Directory(edge.connections, edge.clock, settled=6300)
    agent = edge.agent()
    assert directory.find(CLUSTER) == agent.name
    edge.reset_counts()
    edge.clock.advance(6299)
    assert directory.find(CLUSTER) == agent.name
    assert edge.counts["reads"] == 0
    edge.clock.advance(1)
    newer = edge.agent()
    assert directory.find(CLUSTER) == newer.name


def test_after_silence_the_agent_is_looked_up_again(edge: Edge) -> None:
    """It died, its connection did not, and it is back on another one."""
    old = edge.agent()
    process = edge.process()
    process.call(CLUSTER, GET, b"", TIMEOUT)
    old.silent = True
    edge.agent()
    with pytest.raises(TimedOut):
        process.call(CLUSTER, GET, b"", TIMEOUT)
    assert process.call(CLUSTER, GET, b"", TIMEOUT).status == 200


def test_no_answer_is_an_error_in_time_and_the_agent_is_told_to_stop(edge: Edge) -> None:
    agent = edge.agent()
    agent.silent = True
    before = edge.clock.now()
    with pytest.raises(TimedOut, match="within 25 seconds"):
        edge.process().call(CLUSTER, GET, b"", TIMEOUT)
    assert edge.clock.now() - before <= TIMEOUT
    agent.silent = False
    edge.gateway.sleep(1)
    assert agent.cancelled == 1


def test_the_agents_own_failure_is_passed_on(edge: Edge) -> None:
    agent = edge.agent()

    def fail(head: RequestHead, body: bytes) -> tuple[ResponseHead, Sequence[bytes]]:
        agent.fail("the API server refuses connections")
        return ResponseHead(200, ()), []

    agent.answer = fail
    with pytest.raises(BrokenOff, match="refuses connections"):
        edge.process().call(CLUSTER, GET, b"", TIMEOUT)


def test_answers_of_a_request_that_is_over_disturb_no_other(edge: Edge) -> None:
    edge.agent()
    process = edge.process()
    edge.gateway.delays = lambda: (0.01, 0.5, 3.0)
    for number in range(5):
        head = RequestHead("GET", f"/{number}", ())
        assert json.loads(process.call(CLUSTER, head, b"", TIMEOUT).body)["target"] == f"/{number}"


class TestFrozen:
    """A Lambda's process sleeps between two requests; its connection may not be there when it wakes."""

    @pytest.mark.parametrize("seconds", [5, 31, 300, 539, 541, 3600, 100_000])
    @pytest.mark.parametrize("died", [False, True])
    @pytest.mark.parametrize("head", [GET, POST])
    def test_thawed(self, edge: Edge, seconds: float, died: bool, head: RequestHead) -> None:
        edge.agent()
        process = edge.process()
        process.call(CLUSTER, GET, b"", TIMEOUT)
        edge.clock.advance(seconds)
        edge.agent()
        if died:
            edge.gateway.detach("conn00000002A=")
        before = edge.clock.now()
        assert process.call(CLUSTER, head, b"", TIMEOUT).status == 200
        assert edge.clock.now() - before < 5

    def test_a_connection_that_died_silently_is_replaced(self, edge: Edge) -> None:
        edge.agent()
        process = edge.process()
        process.call(CLUSTER, GET, b"", TIMEOUT)
        edge.clock.advance(60)
        edge.gateway.deaf = 1
        before = edge.clock.now()
        assert process.call(CLUSTER, POST, b"", TIMEOUT).status == 200
        assert 2 <= edge.clock.now() - before < 3

    def test_an_old_connection_is_replaced_before_it_is_cut(self, edge: Edge) -> None:
        edge.agent()
        process = edge.process()
        process.call(CLUSTER, GET, b"", TIMEOUT)
        before = edge.clock.now()
        while edge.clock.now() - before < 7200:
            edge.agent()
            process.call(CLUSTER, GET, b"", TIMEOUT)
            edge.clock.advance(20)
        assert not edge.gateway.holds("conn00000002A=")


def losing_the_caller(edge: Edge, times: int) -> GatewayAgent:
    """An agent in whose hands the caller's connection dies, some times."""
    left = iter(range(times))
    agent = edge.agent()

    def answer(head: RequestHead, body: bytes) -> tuple[ResponseHead, Sequence[bytes]]:
        if next(left, None) is not None:
            for name in edge.gateway.names:
                if name != agent.name:
                    edge.gateway.detach(name)
        return ResponseHead(200, ()), [b"done"]

    agent.answer = answer
    return agent


def test_a_safe_request_whose_answer_was_lost_is_sent_again_once(edge: Edge) -> None:
    agent = losing_the_caller(edge, 1)
    assert edge.process().call(CLUSTER, GET, b"", TIMEOUT).body == b"done"
    assert len(agent.requests) == 2


def test_lost_twice_is_an_error(edge: Edge) -> None:
    agent = losing_the_caller(edge, 2)
    with pytest.raises(BrokenOff, match="has ended"):
        edge.process().call(CLUSTER, GET, b"", TIMEOUT)
    assert len(agent.requests) == 2


def test_an_unsafe_request_whose_answer_was_lost_is_never_sent_again(edge: Edge) -> None:
    agent = losing_the_caller(edge, 1)
    with pytest.raises(BrokenOff, match="has ended"):
        edge.process().call(CLUSTER, POST, b"", TIMEOUT)
    assert len(agent.requests) == 1


def test_throttling_is_waited_out(edge: Edge) -> None:
    edge.agent()
    process = edge.process()
    process.call(CLUSTER, GET, b"", TIMEOUT)
    edge.gateway.throttled = 5
    assert process.call(CLUSTER, POST, b"", TIMEOUT).status == 200


def test_throttled_for_too_long_is_an_error_in_time(edge: Edge) -> None:
    edge.agent()
    process = edge.process()
    process.call(CLUSTER, GET, b"", TIMEOUT)
    edge.gateway.throttled = 10_000
    before = edge.clock.now()
    with pytest.raises(Busy) as caught:
        process.exchange(CLUSTER, GET, b"", TIMEOUT, Nothing)
    assert caught.value.retry_after >= 1
    assert edge.clock.now() - before <= TIMEOUT
    assert 10_000 - edge.gateway.throttled < 100


def test_a_gateway_that_refuses_us_is_an_error(edge: Edge) -> None:
    edge.agent()
    edge.gateway.refusing = True
    with pytest.raises(Unavailable):
        edge.process().exchange(CLUSTER, GET, b"", TIMEOUT, Nothing)


@pytest.mark.parametrize(("size", "passes"), [(48 * 1024, True), (48 * 1024 + 1, False)])
def test_headers_at_the_limit_and_one_past_it(edge: Edge, size: int, passes: bool) -> None:
    edge.agent()
    frame = len('{"method":"GET","target":"/","headers":[["x",""]],"deflate":true}')
    head = RequestHead("GET", "/", (("x", "v" * (size - frame)),))
    if passes:
        edge.process().exchange(CLUSTER, head, b"", TIMEOUT, Nothing)
    else:
        with pytest.raises(TooLarge, match="headers"):
            edge.process().exchange(CLUSTER, head, b"", TIMEOUT, Nothing)


def test_what_is_remembered_is_bounded(edge: Edge) -> None:
    directory = Directory(edge.connections, edge.clock)
    for number in range(MOST + 1):
        edge.connections.add(f"c-{number}", f"conn-{number}", "crt")
        directory.find(f"c-{number}")
    edge.reset_counts()
    directory.find(f"c-{MOST}")
    assert edge.counts["reads"] == 0
    directory.find("c-0")
    assert edge.counts["reads"] == 1


class Nothing:
    """A collector that wants all and keeps nothing."""

    def begin(self, head: ResponseHead) -> None:
        pass

    def take(self, data: bytes) -> bool:
        return True


def attempt(process: Relay, head: RequestHead, body: bytes) -> Answer | str:
    """The answer, or what the error says."""
    try:
        return process.call(CLUSTER, head, body, TIMEOUT)
    except LariatError as error:
        return error.message


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    drop=st.booleans(),
    sizes=st.lists(st.integers(0, 400_000), max_size=6),
    method=st.sampled_from(["GET", "POST"]),
    upload=st.integers(0, 300_000),
)
def test_whatever_the_network_does(seed: int, drop: bool, sizes: list[int], method: str, upload: int) -> None:
    """Overtaken, doubled or lost messages: the answer is whole, or there is one error in bounded time."""
    with tempfile.TemporaryDirectory() as folder:
        edge = Edge(Path(folder))
        pieces = [blob(size, number) for number, size in enumerate(sizes)]
        body = blob(upload)
        edge.agent(lambda _, received: (ResponseHead(200 if received == body else 500, ()), pieces))
        edge.gateway.delays = harmful(random.Random(seed), drop=drop)
        process = edge.process()
        for _ in range(2):
            before = edge.clock.now()
            outcome = attempt(process, RequestHead(method, "/", ()), body)
            if isinstance(outcome, Answer):
                assert (outcome.status, outcome.body) == (200, b"".join(pieces))
            else:
                assert drop
                assert outcome
            assert edge.clock.now() - before <= TIMEOUT + 1
        edge.close()
