"""Weak places that were found and repaired, each with the test that its repair had to pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from chalicelib.api.http import Request
from chalicelib.clusters.registration import token_claim
from chalicelib.errors import Forbidden
from chalicelib.gateway.work import Work
from chalicelib.types import Key
from tests.support.relay import TOKEN, Edge
from tests.support.server import BASE, LOGIN, PASSWORD, Caller, Server


def test_a_cluster_is_not_entered_by_who_has_no_role_there(server: Server, admin: Caller, plain: Caller) -> None:
    """A user without any role would reach the API server, as a member of ``system:authenticated``."""
    cluster = admin.make("/v3/clusters", {"name": "one"})["id"]
    with pytest.raises(Forbidden):
        server.parts.gatekeeper.admit(
            "GET", f"/k8s/clusters/{cluster}/api", "", [("authorization", plain.authorization)], False
        )


def test_whoever_guesses_is_slowed_down_and_nobody_else(server: Server) -> None:
    server.user("owner")

    def log_in(password: str, client: str) -> int:
        path, _, query = LOGIN.partition("?")
        body = f'{{"username":"owner","password":"{password}"}}'.encode()
        request = Request("POST", path, (("action", query.partition("=")[2]),), (), body, BASE, client)
        return server.parts.api.handle(request).status

    guesses = [log_in("wrong", "192.0.2.1") for _ in range(7)]
    assert guesses[-1] == 429
    assert log_in(PASSWORD, "198.51.100.1") == 201


def test_a_deleted_registration_token_ends_what_was_opened_with_it(tmp_path: Path) -> None:
    """CVE-2022-43755: a token that was rotated because it leaked must be worth nothing; nor what it opened before."""
    edge = Edge(tmp_path)
    agent = edge.agent()
    edge.queue.jobs.clear()
    key = edge.resources.holder(token_claim(TOKEN))
    assert key is not None
    edge.resources.remove(key)
    work = Work(_Idle(), edge.resources, edge.connections, edge.gateway, edge.queue)
    work.changed([key])
    for job, _, attempt in list(edge.queue.jobs):
        work.do(job, attempt)
    held = edge.gateway.holds(agent.name)
    edge.close()
    assert not held


class _Idle:
    def reconcile(self, key: Key) -> float | None:
        return None

    def clusters(self) -> list[Key]:
        return []
