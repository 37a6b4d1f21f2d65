"""How long a user's stream may go on, and what it costs; ``tests/gateway/counts.json`` has the figures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.auth.trust import OVERLAP
from chalicelib.gateway.routes import SECONDS
from chalicelib.tunnel.frames import Frame, Kind
from chalicelib.types import Key, Resource
from tests.support.callers import Listener, User, name_of
from tests.support.counts import check
from tests.support.relay import CLUSTER, Edge


class TestTime:
    def test_a_route_ends(self, edge: Edge, listener: Listener, user: User) -> None:
        grant = user.exec()
        edge.clock.advance(SECONDS + 2)
        listener.heard.clear()
        for frame in (
            Frame(Kind.DATA, name_of(grant), data=b"x", reply=grant.reply),
            Frame(Kind.PING, name_of(grant), document=user.authorization, reply=grant.reply),
        ):
            (reset,) = user.say(frame)
            assert reset.kind is Kind.RESET
            assert "not renewed in time" in reset.document
        assert listener.heard == []

    def test_an_agent_that_speaks_to_a_stream_nobody_renewed_is_told_to_stop(
        self, edge: Edge, listener: Listener, user: User
    ) -> None:
        user.open()
        (opening,) = listener.heard
        edge.clock.advance(SECONDS + 2)
        listener.say(Frame(Kind.DATA, opening.stream, data=b"x", reply=opening.reply))
        assert user.hear() == []
        assert (listener.heard[-1].kind, listener.heard[-1].stream) == (Kind.RESET, opening.stream)

    def test_a_stream_that_is_renewed_goes_on(self, edge: Edge, listener: Listener, user: User) -> None:
        grant = user.exec()
        for _ in range(10):
            edge.clock.advance(SECONDS * 0.8)
            (grant,) = user.renew(grant)
            assert grant.kind is Kind.PONG
        ping = listener.heard[-1]
        assert (ping.kind, ping.stream) == (Kind.PING, name_of(grant))
        assert user.say(Frame(Kind.DATA, name_of(grant), data=b"x", reply=grant.reply)) == []
        listener.say(Frame(Kind.DATA, ping.stream, data=b"y", reply=ping.reply))
        assert [frame.data for frame in user.hear()] == [b"y"]

    @pytest.mark.parametrize("kind", ["token", "user"])
    def test_a_stream_whose_token_is_revoked_ends_at_both_ends(
        self, edge: Edge, listener: Listener, user: User, kind: str
    ) -> None:
        grant = user.exec()
        listener.heard.clear()
        if kind == "token":
            edge.resources.remove(Key("token", "token-u-user"))
        else:
            edge.resources.update(Key("user", "u-user"), _disabled)
        edge.clock.advance(SECONDS / 2)
        (told,) = user.renew(grant)
        assert [frame.kind for frame in (told, *listener.heard)] == [Kind.RESET, Kind.RESET]
        assert {told.stream, listener.heard[0].stream} == {name_of(grant)}

    def test_a_stream_into_a_deleted_cluster_ends(self, edge: Edge, listener: Listener, user: User) -> None:
        grant = user.exec()
        edge.resources.remove(Key("cluster", CLUSTER))
        edge.clock.advance(SECONDS / 2)
        assert [frame.kind for frame in user.renew(grant)] == [Kind.RESET]

    def test_only_the_token_that_opened_a_stream_renews_it(self, edge: Edge, listener: Listener, user: User) -> None:
        """Else somebody whose token is revoked could go on as himself with a friend's."""
        grant = user.exec()
        (told,) = user.renew(grant, edge.user("u-friend"))
        assert told.kind is Kind.RESET
        assert "another token" in told.document

    def test_opening_a_stream_again_with_another_token_takes_nothing_over(
        self, edge: Edge, listener: Listener, user: User
    ) -> None:
        """The agent would keep the first request, impersonation and all, and the friend's token would keep it alive."""
        mine = name_of(user.open()[0])
        (grant,) = user.open(authorization=(edge.user("u-friend"),))
        assert name_of(grant) != mine
        assert [frame.stream for frame in listener.heard] == [mine, name_of(grant)]

    def test_renewing_finds_out_that_the_agent_is_gone(self, edge: Edge, listener: Listener, user: User) -> None:
        grant = user.exec()
        edge.gateway.detach(listener.name)
        (told,) = user.renew(grant)
        assert told.kind is Kind.RESET


def _disabled(user: Resource) -> Resource:
    return replace(user, spec={**user.spec, "enabled": False})


def test_what_a_stream_costs(edge: Edge, listener: Listener) -> None:
    """Each message in a process that has not seen the token before: reads are what proves it."""
    authorization = edge.user("u-user")
    edge.clock.advance(OVERLAP + 1)

    def cold() -> None:
        edge.forget()
        edge.reset_counts()

    cold()
    user = User(edge, authorization)
    edge.forget()
    grant = user.exec()
    (opening,) = listener.heard
    listener.say(Frame(Kind.HEAD, opening.stream, document="{}", reply=opening.reply))
    check("stream, opened", edge.counts)
    edge.reset_counts()
    user.say(Frame(Kind.DATA, name_of(grant), data=b"x", reply=grant.reply))
    listener.say(Frame(Kind.DATA, opening.stream, data=b"x", reply=opening.reply))
    check("stream, a word and its echo", edge.counts)
    cold()
    user.renew(grant)
    check("stream, renewed", edge.counts)
