"""What the audit log says of users' streams over the WebSocket API: who opened them, what came of it, when they ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.errors import Unavailable
from chalicelib.gateway.routes import SECONDS
from chalicelib.tunnel.frames import Frame, Kind, encode
from chalicelib.tunnel.heads import RequestHead, ResponseHead, dump_request, dump_response, load_response
from chalicelib.types import Key
from tests.support.callers import EXEC, SWITCH, WATCH, Listener, User, name_of
from tests.support.relay import CLUSTER, Edge

CANARY = "hush-hush"


class Lines:
    """An ``Audit`` whose lines the test reads."""

    def __init__(self) -> None:
        self.text = ""
        self.full = False

    def write(self, line: bytes) -> None:
        if self.full:
            raise Unavailable("the disk is full")
        self.text += line.decode()

    def reopen(self) -> None:
        """There is nothing to move."""

    def close(self) -> None:
        """There is nothing to close."""

    def of(self, stage: str) -> list[dict[str, Any]]:
        return [event for event in map(json.loads, self.text.splitlines()) if event["stage"] == stage]

    @property
    def stages(self) -> list[str]:
        return [json.loads(line)["stage"] for line in self.text.splitlines()]


@pytest.fixture
def lines() -> Lines:
    return Lines()


@pytest.fixture
def edge(tmp_path: Path, lines: Lines) -> Iterator[Edge]:
    edge = Edge(tmp_path, lines, level=2)
    yield edge
    edge.close()


def answer(opening: Frame, code: int, *, fin: bool = False) -> Frame:
    head = dump_response(ResponseHead(code, ()))
    return Frame(Kind.HEAD, opening.stream, fin=fin, document=head, reply=opening.reply)


def test_a_stream_is_written_down_before_the_cluster_sees_it_and_to_its_end(
    lines: Lines, listener: Listener, user: User
) -> None:
    grant = user.open(f"{EXEC}&command=--password%3D{CANARY}", *SWITCH, method="POST", fin=False)[0]
    (admitted,) = lines.of("admitted")
    assert admitted["request"] == name_of(grant)
    assert admitted["user"] == {"id": "u-user", "name": "u-user", "token": "token-u-user"}
    assert (admitted["method"], admitted["verb"]) == ("POST", "create")
    assert admitted["cluster"]["id"] == CLUSTER
    assert (admitted["object"]["name"], admitted["object"]["subresource"]) == ("echo", "exec")
    assert "command=cat" in admitted["uri"]
    assert "status" not in admitted
    (opening,) = listener.heard
    listener.say(answer(opening, 101))
    (answered,) = lines.of("answered")
    assert (answered["request"], answered["status"]) == (admitted["request"], 101)
    assert (answered["user"]["id"], answered["cluster"]["id"]) == ("u-user", CLUSTER)
    listener.say(Frame(Kind.DATA, opening.stream, data=b"typed", reply=opening.reply))
    assert lines.stages == ["admitted", "answered"]
    listener.say(Frame(Kind.DATA, opening.stream, 5, fin=True, reply=opening.reply))
    (ended,) = lines.of("ended")
    assert (ended["request"], ended["user"]["id"], ended["cluster"]["id"]) == (admitted["request"], "u-user", CLUSTER)
    assert user.hear()[-1].fin
    for secret in (CANARY, "typed", user.authorization.partition(":")[2]):
        assert secret not in lines.text


def test_who_asks_and_from_where(edge: Edge, lines: Lines, listener: Listener, user: User) -> None:
    headers = (("user-agent", "kubectl/v1.20.2"), ("authorization", user.authorization))
    document = dump_request(RequestHead("GET", f"/k8s/clusters/{CLUSTER}{WATCH}", headers))
    for message in encode(Frame(Kind.OPEN, "mine", fin=True, document=document)):
        edge.sockets.message(user.line.name, message, "192.0.2.9")
    (admitted,) = lines.of("admitted")
    assert admitted["source"] == {"address": "192.0.2.9", "agent": "kubectl/v1.20.2"}
    assert admitted["verb"] == "watch"


def test_a_write_that_takes_this_way_is_no_way_around(edge: Edge, lines: Lines, listener: Listener, user: User) -> None:
    path, body = f"/k8s/clusters/{CLUSTER}/api/v1/namespaces/a/pods", b'{"kind":"Pod"}'
    headers = (("content-type", "application/json"), ("authorization", user.authorization))
    user.say(Frame(Kind.OPEN, "mine", fin=True, document=dump_request(RequestHead("POST", path, headers)), data=body))
    (admitted,) = lines.of("admitted")
    assert (admitted["verb"], admitted["requestBody"]) == ("create", {"kind": "Pod"})
    (opening,) = listener.heard
    listener.say(answer(opening, 201, fin=True))
    assert lines.stages == ["admitted", "answered", "ended"]


@pytest.mark.parametrize(
    ("change", "code", "known"),
    [
        ({"authorization": ()}, 401, ""),
        ({"authorization": (f"Bearer token-u-user:{CANARY}",)}, 401, ""),
        ({"cluster": "c-other"}, 403, "u-user"),
        ({"fin": False}, 400, "u-user"),
    ],
)
def test_a_refusal(lines: Lines, listener: Listener, user: User, change: dict[str, Any], code: int, known: str) -> None:
    user.open(**change)
    (answered,) = lines.of("answered")
    assert (answered["status"], answered["user"]["id"], answered["verb"]) == (code, known, "watch")
    assert lines.stages == ["answered"]
    assert CANARY not in lines.text


def test_a_cluster_that_can_not_be_reached(lines: Lines, user: User) -> None:
    user.open()
    assert lines.stages == ["admitted", "answered"]
    assert lines.of("answered")[0]["status"] == 503
    assert lines.of("answered")[0]["request"] == lines.of("admitted")[0]["request"]


class TestEnd:
    """However a stream ends, it is written down, and in whose name."""

    def test_the_caller_has_enough(self, lines: Lines, listener: Listener, user: User) -> None:
        grant = user.exec()
        user.say(Frame(Kind.RESET, name_of(grant), document="{}", reply=grant.reply))
        (ended,) = lines.of("ended")
        assert (ended["request"], ended["user"]["token"]) == (name_of(grant), "token-u-user")

    def test_the_agent_gives_up(self, lines: Lines, listener: Listener, user: User) -> None:
        user.exec()
        (opening,) = listener.heard
        listener.say(Frame(Kind.RESET, opening.stream, document="{}", reply=opening.reply))
        assert lines.stages == ["admitted", "ended"]

    def test_the_agent_is_gone(self, edge: Edge, lines: Lines, listener: Listener, user: User) -> None:
        grant = user.exec()
        edge.gateway.detach(listener.name)
        user.say(Frame(Kind.DATA, name_of(grant), data=b"x", reply=grant.reply))
        assert lines.of("ended")[0]["request"] == name_of(grant)

    def test_the_caller_is_gone(self, lines: Lines, listener: Listener, user: User) -> None:
        user.exec()
        (opening,) = listener.heard
        user.line.close()
        listener.say(Frame(Kind.DATA, opening.stream, data=b"x", reply=opening.reply))
        (ended,) = lines.of("ended")
        assert ended["user"]["id"] == "u-user"

    def test_both_have_enough_at_once(self, lines: Lines, listener: Listener, user: User) -> None:
        user.exec()
        (opening,) = listener.heard
        user.line.close()
        listener.say(Frame(Kind.RESET, opening.stream, document="{}", reply=opening.reply))
        assert lines.stages == ["admitted", "ended"]

    def test_nobody_renews_it(self, edge: Edge, lines: Lines, listener: Listener, user: User) -> None:
        user.exec()
        (opening,) = listener.heard
        edge.clock.advance(SECONDS + 2)
        listener.say(Frame(Kind.DATA, opening.stream, data=b"x", reply=opening.reply))
        assert lines.of("ended")[0]["user"]["id"] == "u-user"

    def test_its_token_is_revoked(self, edge: Edge, lines: Lines, listener: Listener, user: User) -> None:
        grant = user.exec()
        edge.resources.remove(Key("token", "token-u-user"))
        edge.clock.advance(SECONDS / 2)
        user.renew(grant)
        assert lines.of("ended")[0]["request"] == name_of(grant)

    def test_one_that_was_renewed_is_known_too(self, edge: Edge, lines: Lines, listener: Listener, user: User) -> None:
        user.renew(user.exec())
        ping = listener.heard[-1]
        listener.say(Frame(Kind.RESET, ping.stream, document="{}", reply=ping.reply))
        assert lines.of("ended")[0]["user"]["id"] == "u-user"


def test_requests_of_the_rest_api_are_the_proxys_to_write_down(edge: Edge, lines: Lines) -> None:
    """Their answers take the same way back."""
    agent = edge.agent()
    relay = edge.process()
    head = RequestHead("GET", "/version", ())
    assert relay.call(CLUSTER, head, b"", 5).status == 200
    assert len(agent.requests) == 1
    assert lines.text == ""


class TestFull:
    """Nothing is done unrecorded."""

    def test_nothing_reaches_the_cluster(self, lines: Lines, listener: Listener, user: User) -> None:
        lines.full = True
        (refusal,) = user.open()
        assert load_response(refusal.document).status == 503
        assert b"audit log" in refusal.data
        assert listener.heard == []

    def test_an_answer_is_held_back_and_the_agent_told_to_stop(
        self, lines: Lines, listener: Listener, user: User
    ) -> None:
        user.exec()
        (opening,) = listener.heard
        lines.full = True
        listener.say(answer(opening, 101))
        (refusal,) = user.hear()
        assert load_response(refusal.document).status == 503
        assert listener.heard[-1].kind is Kind.RESET

    def test_it_comes_back_and_says_what_is_missing(self, lines: Lines, listener: Listener, user: User) -> None:
        lines.full = True
        user.open()
        lines.full = False
        user.open(stream="second")
        assert lines.stages == ["lost", "admitted"]
