"""Users' streams over a gateway that remembers nothing: nobody reaches more than by the proxy, or for longer."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from chalicelib.auth.trust import SECONDS
from chalicelib.errors import Forbidden, Unauthorized
from chalicelib.gateway.connections import KIND
from chalicelib.tunnel.frames import DOCUMENT, Frame, Kind, encode
from chalicelib.tunnel.heads import RequestHead, dump_request, load_request, load_response
from chalicelib.types import Key, Resource
from tests.support.callers import EXEC, SWITCH, WATCH, Listener, User, name_of
from tests.support.relay import CLUSTER, TOKEN, Edge

OTHER = "c-other"


class TestConnecting:
    def test_a_user_is_let_in_and_not_written_down(self, edge: Edge) -> None:
        edge.sockets.connect("conn", [("authorization", edge.user("u-user"))])
        assert edge.resources.find(KIND, "conn") is None

    @pytest.mark.parametrize("origin", ["https://evil.test", "null"])
    def test_a_foreign_page_is_refused(self, edge: Edge, origin: str) -> None:
        headers = [("host", "edge.test"), ("origin", origin), ("authorization", edge.user("u-user"))]
        with pytest.raises(Forbidden):
            edge.sockets.connect("conn", headers)

    def test_whoever_shows_two_things_is_refused(self, edge: Edge) -> None:
        bearer = ("authorization", edge.user("u-user"))
        for other in (("x-api-tunnel-token", TOKEN), *edge.tickets.headers().items(), bearer):
            with pytest.raises(Unauthorized):
                edge.sockets.connect("conn", [bearer, other])

    def test_a_cookie_proves_nothing(self, edge: Edge) -> None:
        with pytest.raises(Unauthorized):
            edge.sockets.connect("conn", [("cookie", f"R_SESS={edge.user('u-user').removeprefix('Bearer ')}")])


class TestOpening:
    def test_a_request_is_rebuilt_and_what_it_says_about_identity_is_gone(self, listener: Listener, user: User) -> None:
        hostile = (
            ("impersonate-user", "system:admin"),
            ("impersonate-group", "system:masters"),
            ("impersonate-extra-scopes", "all"),
            ("x-remote-user", "root"),
            ("cookie", "R_SESS=x"),
        )
        (grant,) = user.open(WATCH, ("accept", "application/json"), *hostile)
        (opening,) = listener.heard
        head = load_request(opening.document)
        assert (opening.kind, opening.stream, opening.fin) == (Kind.OPEN, name_of(grant), True)
        assert (head.method, head.target) == ("GET", WATCH)
        assert [pair for pair in head.headers if not pair[0].startswith("impersonate-group")] == [
            ("accept", "application/json"),
            ("impersonate-user", "u-user"),
        ]
        assert ("impersonate-group", "system:masters") not in head.headers
        assert grant.kind is Kind.PONG

    def test_answers_come_straight_to_the_user(self, listener: Listener, user: User) -> None:
        user.open()
        (opening,) = listener.heard
        said = Frame(Kind.DATA, opening.stream, 5, data=b"event", reply=opening.reply)
        listener.say(said)
        assert user.hear() == [said]

    @pytest.mark.parametrize(
        ("change", "code", "message"),
        [
            ({"authorization": ()}, 401, "must authenticate"),
            ({"authorization": ("Bearer token-u-user:wrong",)}, 401, "must authenticate"),
            ({"authorization": ("Bearer a:b", "Bearer a:b")}, 401, "must authenticate"),
            ({"cluster": OTHER}, 403, "no access to a cluster c-other"),
            ({"path": "/../c-other/api"}, 400, "point elsewhere"),
            ({"path": "/api//v1"}, 400, "empty part"),
            ({"method": "CONNECT"}, 405, "not supported"),
            ({"fin": False}, 400, "must come whole"),
            ({"method": "POST", "path": "/api/v1/namespaces"}, 400, "namespaces are changed by plain requests"),
        ],
    )
    def test_a_refusal_is_a_status(
        self, listener: Listener, user: User, change: dict[str, object], code: int, message: str
    ) -> None:
        (answer,) = user.open(**change)  # type: ignore[arg-type]
        assert (answer.kind, answer.stream, answer.fin) == (Kind.HEAD, "mine", True)
        assert load_response(answer.document) == (code, (("content-type", "application/json"),))
        status = json.loads(answer.data)
        assert (status["kind"], status["status"], status["code"]) == ("Status", "Failure", code)
        assert message in status["message"]
        assert listener.heard == []

    def test_an_upgrade_comes_without_a_body(self, listener: Listener, user: User) -> None:
        (answer,) = user.open(EXEC, *SWITCH, method="POST", fin=True)
        assert load_response(answer.document).status == 400
        assert listener.heard == []

    def test_a_token_for_one_cluster_opens_nothing_in_another(self, edge: Edge, listener: Listener) -> None:
        edge.resources.create(Resource(kind="cluster", id=OTHER))
        limited = User(edge, edge.user("u-limited", cluster=OTHER))
        (answer,) = limited.open()
        assert load_response(answer.document).status == 401
        assert listener.heard == []

    def test_a_token_for_this_cluster_does(self, edge: Edge, listener: Listener) -> None:
        (grant,) = User(edge, edge.user("u-limited", cluster=CLUSTER)).open()
        assert grant.kind is Kind.PONG
        assert len(listener.heard) == 1

    def test_a_token_revoked_after_connecting_opens_nothing(self, edge: Edge, listener: Listener, user: User) -> None:
        edge.resources.remove(Key("token", "token-u-user"))
        edge.clock.advance(SECONDS)
        (answer,) = user.open()
        assert load_response(answer.document).status == 401

    def test_a_cluster_without_an_agent_says_so(self, user: User) -> None:
        (answer,) = user.open()
        assert load_response(answer.document).status == 503
        assert "agent is not connected" in json.loads(answer.data)["message"]

    def test_an_agent_that_moved_is_found_again(self, edge: Edge, listener: Listener, user: User) -> None:
        newest = Listener(edge)
        user.open()
        assert len(newest.heard) == 1
        edge.gateway.detach(newest.name, tell=False)
        grant = user.open(stream="second")[-1]
        assert grant.kind is Kind.PONG
        assert [frame.stream for frame in listener.heard] == [name_of(grant)]

    def test_headers_that_are_too_large_with_ours(self, listener: Listener, user: User) -> None:
        bare = len(dump_request(RequestHead("GET", f"/k8s/clusters/{CLUSTER}{WATCH}", (("accept", ""),))))
        shown = len('["authorization",""],') + len(user.authorization)
        (answer,) = user.open(WATCH, ("accept", "x" * (DOCUMENT - bare - shown)))
        assert load_response(answer.document).status == 431
        assert listener.heard == []

    @pytest.mark.parametrize("document", ["", "{}", "garbage", '{"method":"GET","target":"//","headers":{}}'])
    def test_what_is_no_request_is_dropped(self, listener: Listener, user: User, document: str) -> None:
        assert user.say(Frame(Kind.OPEN, "mine", fin=True, document=document)) == []
        assert listener.heard == []

    def test_an_opening_that_comes_twice_is_one_stream(self, edge: Edge, listener: Listener, user: User) -> None:
        edge.gateway.delays = lambda: (0.01, 0.02)
        user.open(EXEC, *SWITCH, method="POST", fin=False)
        assert len({frame.stream for frame in listener.heard}) == 1

    def test_nobody_can_take_the_name_of_anothers_stream(self, edge: Edge, listener: Listener, user: User) -> None:
        """An agent tells streams apart by their names alone."""
        mine = name_of(user.open(stream="same")[0])
        second = User(edge, user.authorization)
        assert name_of(second.open(stream="same")[0]) != mine
        assert name_of(second.open(stream=mine)[0]) != mine


class TestRelaying:
    def test_words_pass_without_the_database(self, edge: Edge, listener: Listener, user: User) -> None:
        grant = user.exec()
        listener.heard.clear()
        edge.reset_counts()
        said = [
            Frame(Kind.DATA, name_of(grant), 0, data=b"word", reply=grant.reply),
            Frame(Kind.CREDIT, name_of(grant), 2_000_000, reply=grant.reply),
            Frame(Kind.RESET, name_of(grant), document='{"reason":"done"}', reply=grant.reply),
        ]
        assert user.say(*said) == []
        # Without the route: the agent knows its own way back.
        assert listener.heard == [frame._replace(reply="") for frame in said]
        counted = {unit: count for unit, count in edge.counts.items() if count}
        assert counted == {"posts": 3, "messages": 3, "invocations": 3}

    @pytest.mark.parametrize(
        "forge",
        [
            lambda frame: frame._replace(reply=frame.reply[:-1] + ("A" if frame.reply[-1] != "A" else "B")),
            lambda frame: frame._replace(reply=frame.reply.replace("to.", "to.AA")),
            lambda frame: frame._replace(reply=frame.reply.removeprefix("to.")),
            lambda frame: frame._replace(reply="to."),
            lambda frame: frame._replace(reply=""),
            lambda frame: frame._replace(stream="mine"),
            lambda frame: frame._replace(stream="x" * 43),
            lambda frame: frame._replace(kind=Kind.HEAD),
            lambda frame: frame._replace(kind=Kind.HEAD, document='{"method":"GET","target":"/","headers":[]}'),
            lambda frame: frame._replace(document='{"method":"GET","target":"/","headers":[["impersonate-user","x"]]}'),
            lambda frame: frame._replace(kind=Kind.CREDIT, document='{"method":"GET"}'),
            lambda frame: frame._replace(kind=Kind.GOAWAY),
            lambda frame: frame._replace(kind=Kind.PONG),
        ],
    )
    def test_what_is_forged_goes_nowhere(
        self, edge: Edge, listener: Listener, user: User, forge: Callable[[Frame], Frame]
    ) -> None:
        grant = user.exec()
        listener.heard.clear()
        assert user.say(forge(Frame(Kind.DATA, name_of(grant), data=b"x", reply=grant.reply))) == []
        assert listener.heard == []

    def test_a_route_is_good_on_its_own_connection_alone(self, edge: Edge, listener: Listener, user: User) -> None:
        grant = user.exec()
        listener.heard.clear()
        thief = User(edge, user.authorization)
        for frame in (
            Frame(Kind.DATA, name_of(grant), data=b"x", reply=grant.reply),
            Frame(Kind.PING, name_of(grant), document=thief.authorization, reply=grant.reply),
        ):
            assert thief.say(frame) == []
        assert listener.heard == []

    def test_a_route_leads_into_no_other_stream_of_the_same_connection(
        self, edge: Edge, listener: Listener, user: User
    ) -> None:
        first, second = user.open(stream="a")[0], user.open(stream="b")[0]
        listener.heard.clear()
        assert user.say(Frame(Kind.DATA, name_of(second), data=b"x", reply=first.reply)) == []
        assert listener.heard == []

    def test_the_agents_token_is_no_route_and_a_route_is_no_reply_token(self, listener: Listener, user: User) -> None:
        grant = user.exec()
        (opening,) = listener.heard
        listener.heard.clear()
        assert user.say(Frame(Kind.DATA, opening.stream, data=b"x", reply=opening.reply)) == []
        assert user.say(Frame(Kind.DATA, opening.stream, data=b"x", reply=f"to.{opening.reply}")) == []
        listener.say(Frame(Kind.DATA, opening.stream, data=b"x", reply=grant.reply))
        assert (listener.heard, user.hear()) == ([], [])

    def test_an_agent_that_is_gone_resets_the_stream(self, edge: Edge, listener: Listener, user: User) -> None:
        grant = user.exec()
        edge.gateway.detach(listener.name)
        (reset,) = user.say(Frame(Kind.DATA, name_of(grant), data=b"x", reply=grant.reply))
        assert (reset.kind, reset.stream) == (Kind.RESET, name_of(grant))
        assert "disconnected" in reset.document

    def test_a_gateway_that_throttles_is_given_up_in_time(self, edge: Edge, listener: Listener, user: User) -> None:
        grant = user.exec()
        edge.gateway.throttled = 10_000
        word = next(encode(Frame(Kind.DATA, name_of(grant), data=b"x", reply=grant.reply)))
        before = edge.clock.now()
        edge.sockets.message(user.line.name, word)
        assert edge.clock.now() - before < 10
        edge.gateway.throttled = 3
        edge.sockets.message(user.line.name, word)
        edge.gateway.sleep(1)
        assert [frame.data for frame in listener.heard if frame.kind is Kind.DATA] == [b"x"]
