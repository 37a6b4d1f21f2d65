"""Registration tokens are found by their hash alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.auth.tokens import KEY_LENGTH
from chalicelib.clusters.registration import Expelled, expelled, find_token, token_claim
from chalicelib.types import Key, Resource
from tests.support.server import Server, serving

TOKEN = "b" * KEY_LENGTH
ONE = Key("cluster", "c-1")
FIRST = Key("clusterRegistrationToken", "c-1:crt-1")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path) as server:
        server.resources.create(Resource(kind="cluster", id="c-1", finalizers=("cleaning-up",)))
        server.resources.create(
            Resource(
                kind="clusterRegistrationToken",
                id="c-1:crt-1",
                parent="c-1",
                unique=(token_claim(TOKEN),),
                finalizers=("cleaning-up",),
            )
        )
        yield server


def test_a_token_is_found(server: Server) -> None:
    found = find_token(server.resources, TOKEN)
    assert found is not None
    assert found.id == "c-1:crt-1"


@pytest.mark.parametrize("token", ["", "b", TOKEN[:-1], f"{TOKEN}b", TOKEN.upper(), "c" * KEY_LENGTH, "é" * KEY_LENGTH])
def test_another_is_not(server: Server, token: str) -> None:
    assert find_token(server.resources, token) is None


@pytest.mark.parametrize("key", [ONE, FIRST])
def test_what_is_going_away_lets_nobody_in(server: Server, key: Key) -> None:
    server.resources.remove(key)
    assert find_token(server.resources, TOKEN) is None


def test_the_claim_does_not_hold_the_token(server: Server) -> None:
    assert TOKEN not in token_claim(TOKEN)
    assert TOKEN.encode() not in server.rows()


class TestExpelled:
    def test_nobody_while_all_is_there(self, server: Server) -> None:
        assert [expelled(server.resources, key) for key in (ONE, FIRST)] == [None, None]

    def test_with_a_token_who_came_by_it(self, server: Server) -> None:
        server.resources.remove(FIRST)
        assert expelled(server.resources, FIRST) == Expelled("c-1", FIRST.id)
        server.resources.finalize(FIRST, "cleaning-up")
        assert expelled(server.resources, FIRST) == Expelled("c-1", FIRST.id)
        assert expelled(server.resources, ONE) is None

    def test_with_a_cluster_all(self, server: Server) -> None:
        """While it is being removed its agent cleans up, though its tokens are gone already."""
        for key in (ONE, FIRST):
            server.resources.remove(key)
        assert [expelled(server.resources, key) for key in (ONE, FIRST)] == [None, None]
        server.resources.finalize(ONE, "cleaning-up")
        assert [expelled(server.resources, key) for key in (ONE, FIRST)] == [Expelled("c-1"), None]

    @pytest.mark.parametrize("kind", ["token", "user", "connection", "clusterRoleTemplateBinding"])
    def test_with_something_else_nobody(self, server: Server, kind: str) -> None:
        assert expelled(server.resources, Key(kind, "c-1:x")) is None
