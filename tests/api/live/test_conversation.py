"""What is said to a cluster: as whom, how often, and when to stop."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib.api.conversation import LARGEST, MOST, PAGE, SECONDS, TRIES, Conversation, understood
from chalicelib.api.live import cluster_of
from chalicelib.auth.identity import Identity
from chalicelib.clusters.client import Answer, ClusterClient
from chalicelib.errors import ClusterUnavailable, LariatError, TimedOut, TooLarge
from chalicelib.tunnel.heads import RequestHead
from chalicelib.types import Resource
from tests.support.clock import ManualClock

BOB = Identity("u-bob", ("system:authenticated",), "token-x")
PODS = "/api/v1/pods"


@dataclass
class Scripted:
    """A cluster that answers as it is told."""

    reply: Callable[[RequestHead, bytes], Answer]
    heads: list[RequestHead] = field(default_factory=list)

    def connected(self, cluster: str) -> bool:
        return True

    def call(self, cluster: str, head: RequestHead, body: bytes, timeout: float) -> Answer:
        self.heads.append(head)
        return self.reply(head, body)


def answered(document: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(document).encode())


def talking(cluster: Scripted, clock: ManualClock | None = None, version: str = "v1.20.2") -> Conversation:
    stored = Resource(kind="cluster", id="c-1", status={"version": {"gitVersion": version}} if version else {})
    return Conversation(ClusterClient(cluster), BOB, stored, clock or ManualClock())


def endless(head: RequestHead, body: bytes) -> Answer:
    query = parse_qs(urlsplit(head.target).query)
    start = int(query.get("continue", ["0"])[0])
    items = [{"metadata": {"name": str(start + number)}} for number in range(int(query["limit"][0]))]
    return answered({"apiVersion": "v1", "metadata": {"continue": str(start + PAGE)}, "items": items})


def test_every_request_goes_as_the_caller() -> None:
    cluster = Scripted(lambda _head, _body: answered({}))
    talking(cluster).ask("GET", PODS)
    headers = dict(cluster.heads[0].headers)
    assert (headers["impersonate-user"], headers["impersonate-group"]) == ("u-bob", "system:authenticated")


def test_a_list_is_read_page_by_page_up_to_a_bound() -> None:
    cluster = Scripted(endless)
    seen: list[dict[str, Any]] = []
    with pytest.raises(TooLarge, match="namespaceId"):
        seen.extend(talking(cluster).items(PODS))
    assert len(seen) == MOST
    assert len(cluster.heads) == MOST // PAGE
    assert seen[0]["apiVersion"] == "v1"


def test_the_last_page_ends_a_list() -> None:
    pages = iter([{"metadata": {"continue": "a b&c"}, "items": [{}]}, {"metadata": {}, "items": None}])
    cluster = Scripted(lambda _head, _body: answered(next(pages)))
    assert len(list(talking(cluster).items(PODS, "type=x"))) == 1
    assert parse_qs(urlsplit(cluster.heads[1].target).query)["continue"] == ["a b&c"]


def test_time_runs_out_over_many_requests() -> None:
    clock = ManualClock()

    def slowly(head: RequestHead, body: bytes) -> Answer:
        clock.advance(SECONDS / 3)
        return endless(head, body)

    with pytest.raises(TimedOut):
        list(talking(Scripted(slowly), clock).items(PODS))


def contended(lost: int) -> Conversation:
    """With a cluster that refuses so many writes, as somebody else was faster."""
    refusals = iter([answered({"reason": "Conflict", "message": "m"}, 409)] * lost)
    versions = iter(range(100))

    def reply(head: RequestHead, body: bytes) -> Answer:
        if head.method == "GET":
            return answered({"version": next(versions)})
        return next(refusals, Answer(200, body))

    return talking(Scripted(reply))


@pytest.mark.parametrize("lost", [0, 1, TRIES - 1])
def test_a_change_is_made_again_when_somebody_was_faster(lost: int) -> None:
    made = contended(lost).change(PODS, lambda found: {**found, "mine": True})
    assert made == {"version": lost, "mine": True}


def test_a_change_that_always_comes_too_late() -> None:
    with pytest.raises(LariatError) as caught:
        contended(TRIES).change(PODS, lambda found: found)
    assert (caught.value.status, caught.value.code) == (409, "Conflict")


def test_a_version_that_nobody_has_seen_yet_is_asked_for() -> None:
    cluster = Scripted(lambda _head, _body: answered({"gitVersion": "v1.25.0"}))
    assert talking(cluster, version="").minor == 25
    assert talking(Scripted(endless)).minor == 20


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'"x"', b"[" * 100_000, b" " * (LARGEST + 1)])
def test_an_answer_that_is_no_object(body: bytes) -> None:
    with pytest.raises(ClusterUnavailable):
        understood(Answer(200, body))


def test_the_clusters_401_is_not_the_callers() -> None:
    with pytest.raises(ClusterUnavailable):
        understood(answered({"reason": "Unauthorized"}, 401))


@pytest.mark.parametrize(("context", "cluster"), [("c-1", "c-1"), ("c-1:p-1", "c-1"), ("", "")])
def test_a_context_is_in_a_cluster(context: str, cluster: str) -> None:
    assert cluster_of(context) == cluster
