"""Subscribers on a gateway that remembers nobody: what they are told, when they end, and what that costs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.auth import tokens
from chalicelib.auth.login import new_user
from chalicelib.auth.trust import OVERLAP
from chalicelib.errors import Busy, Invalid, LariatError, Unauthorized, Unavailable
from chalicelib.gateway.subscribers import ATTEMPTS, DELAY, KIND, MOST, Subscribers, _fitting
from chalicelib.tunnel.frames import MESSAGE
from chalicelib.types import Change, Key, Resource
from tests.support.counts import check
from tests.support.relay import CLUSTER, Edge

SECRET = "s" * tokens.KEY_LENGTH
PATH = ("path", "/v3/subscribe")
CLUSTERS = ("resourceTypes", "cluster")
CHANGED = [Change("", Key("cluster", CLUSTER))]


class Browser:
    """A peer; ``heard`` are names and ids."""

    def __init__(self, edge: Edge, user: str = "u-admin", *query: tuple[str, str]) -> None:
        self.edge = edge
        self.events: list[dict[str, Any]] = []
        headers = [("authorization", f"Bearer t-{user}:{SECRET}")]
        self.name = edge.gateway.attach(self, headers, query or (PATH, CLUSTERS))

    def deliver(self, message: bytes) -> None:
        self.events.append(json.loads(message))

    @property
    def heard(self) -> list[tuple[str, str]]:
        self.edge.gateway.sleep(1)
        events, self.events = self.events, []
        return [(event["name"], event["data"]["id"]) for event in events]

    @property
    def is_held(self) -> bool:
        return self.edge.gateway.holds(self.name)


def user(edge: Edge, id: str, *, administrator: bool = False) -> None:
    edge.resources.create(new_user(id, id, "hash", {}))
    token = tokens.new(f"t-{id}", SECRET, id, now=edge.clock.now(), ttl=0, spec={}, labels={})
    edge.resources.create(token)
    if administrator:
        spec = {"userId": id, "globalRoleId": "admin"}
        edge.resources.create(Resource(kind="globalRoleBinding", id=f"grb-{id}", parent=id, spec=spec))


@pytest.fixture(autouse=True)
def users(edge: Edge) -> None:
    user(edge, "u-admin", administrator=True)
    user(edge, "u-plain")
    edge.clock.advance(OVERLAP + 1)


@pytest.fixture
def subscribers(edge: Edge) -> Subscribers:
    """Another process than the one that lets them in."""
    return edge.new_subscribers()


def test_a_subscriber_is_told_what_there_is_and_what_changes(edge: Edge, subscribers: Subscribers) -> None:
    browser = Browser(edge)
    assert edge.queue.jobs == [(Key(KIND, browser.name), DELAY, 0)]
    subscribers.begin(browser.name, 0)
    subscribers.tell([Change("", Key("cluster", CLUSTER), new=True)])
    gone = Resource(kind="cluster", id="c-gone", spec={"name": "gone"})
    subscribers.tell([Change("", gone.key, last=gone), Change("", Key("project", "p-1"))])
    assert browser.heard == [
        ("resource.change", CLUSTER),
        ("resource.create", CLUSTER),
        ("resource.remove", "c-gone"),
    ]


def test_links_lead_to_the_rest_api(edge: Edge, subscribers: Subscribers) -> None:
    browser = Browser(edge)
    subscribers.tell(CHANGED)
    edge.gateway.sleep(1)
    assert browser.events[0]["data"]["links"]["self"] == f"https://edge.test/v3/clusters/{CLUSTER}"


def test_who_may_not_see_is_not_told(edge: Edge, subscribers: Subscribers) -> None:
    browser = Browser(edge, "u-plain")
    subscribers.begin(browser.name, 0)
    subscribers.tell([*CHANGED, Change("", Key("cluster", "c-gone"), last=Resource(kind="cluster", id="c-gone"))])
    assert browser.heard == []
    assert browser.is_held


@pytest.mark.parametrize(
    "query",
    [(PATH, PATH), (PATH, *[("a", "b")] * 300), (("path", "/v3/clusters/c-absent/subscribe"),), (("path", "/"),)],
)
def test_a_strange_wish_is_refused(edge: Edge, query: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(LariatError):
        Browser(edge, "u-admin", *query)
    assert edge.resources.list(KIND).items == ()


def test_a_wish_is_judged_before_anything_is_written(edge: Edge) -> None:
    with pytest.raises(Unauthorized):
        edge.sockets.connect("conn", [("authorization", "Bearer t-u-admin:wrong")], [PATH])
    with pytest.raises(Invalid):
        edge.sockets.connect("conn", [("authorization", f"Bearer t-u-admin:{SECRET}")], [PATH, PATH])
    assert edge.resources.list(KIND).items == ()


@pytest.mark.parametrize("kind", ["token", "user"])
def test_a_revocation_hangs_up(edge: Edge, subscribers: Subscribers, kind: str) -> None:
    """The notice that comes with it wakes the function."""
    browser = Browser(edge)
    subscribers.tell(CHANGED)
    assert browser.heard == [("resource.change", CLUSTER)]
    edge.resources.remove(Key(kind, "t-u-admin" if kind == "token" else "u-admin"))
    edge.clock.advance(6)
    subscribers.tell([Change("", Key("notice", "1"))])
    assert not browser.is_held
    assert edge.resources.list(KIND).items == ()


def test_who_has_gone_is_forgotten(edge: Edge, subscribers: Subscribers) -> None:
    browser = Browser(edge)
    edge.gateway.detach(browser.name, tell=False)
    subscribers.tell(CHANGED)
    assert edge.resources.list(KIND).items == ()
    subscribers.begin(browser.name, 0)


def test_a_beginning_waits_until_the_connection_is_open(edge: Edge, subscribers: Subscribers) -> None:
    browser = Browser(edge)
    edge.gateway.detach(browser.name, tell=False)
    edge.queue.jobs.clear()
    for attempt in range(ATTEMPTS + 1):
        subscribers.begin(browser.name, attempt)
    assert [attempt for _, _, attempt in edge.queue.jobs] == [1, 2, 3]
    assert edge.resources.list(KIND).items == ()


def test_who_can_not_be_told_in_time_is_hung_up_on(edge: Edge, subscribers: Subscribers) -> None:
    browser = Browser(edge)
    edge.gateway.throttled = 1000
    subscribers.tell(CHANGED)
    assert not browser.is_held


def test_a_throttled_beginning_comes_again(edge: Edge, subscribers: Subscribers) -> None:
    browser = Browser(edge)
    edge.gateway.throttled = 1000
    with pytest.raises(Busy):
        subscribers.begin(browser.name, 0)
    edge.gateway.throttled = 0
    subscribers.begin(browser.name, 1)
    assert browser.heard == [("resource.change", CLUSTER)]


def test_the_oldest_of_a_user_end_for_the_newest(edge: Edge) -> None:
    other, browsers = Browser(edge, "u-plain"), []
    for _ in range(MOST + 2):
        browsers.append(Browser(edge))
        edge.clock.advance(1)
    assert [browser.is_held for browser in browsers] == [False, False, *[True] * MOST]
    assert other.is_held
    assert len(edge.resources.list(KIND).items) == MOST + 1


def test_what_is_too_large_is_named(edge: Edge) -> None:
    data = {"id": "c-1", "type": "cluster", "baseType": "cluster", "links": {"self": "u"}, "description": "x" * MESSAGE}
    event = {"name": "resource.change", "data": data}
    fitting = json.loads(_fitting(json.dumps(event).encode()))
    assert fitting == {**event, "data": {name: data[name] for name in ("id", "type", "baseType", "links")}}
    assert _fitting(b"{}") == b"{}"


def test_a_store_that_does_not_answer_lets_the_changes_come_again(edge: Edge, subscribers: Subscribers) -> None:
    Browser(edge)
    edge.close()
    with pytest.raises(Unavailable):
        subscribers.tell(CHANGED)


def test_what_nobody_may_be_told_costs_nothing(edge: Edge, subscribers: Subscribers) -> None:
    edge.reset_counts()
    subscribers.tell([Change("", Key(kind, "1")) for kind in ("token", "connection", "socket", KIND)])
    assert edge.store.counts == {}


def test_a_change_that_nobody_subscribes_to(edge: Edge, subscribers: Subscribers) -> None:
    edge.reset_counts()
    subscribers.tell(CHANGED)
    check("change without subscribers", {**edge.counts, "invocations": 1})


def test_a_change_that_ten_users_with_ten_subscriptions_hear_of(edge: Edge, subscribers: Subscribers) -> None:
    for number in range(10):
        user(edge, f"u-{number}", administrator=True)
    edge.clock.advance(OVERLAP + 1)
    browsers = [Browser(edge, f"u-{number}") for number in range(10) for _ in range(10)]
    subscribers.tell(CHANGED)
    edge.gateway.sleep(1)
    edge.reset_counts()
    subscribers.tell(CHANGED)
    assert all(len(browser.heard) == 2 for browser in browsers)
    check("change with a hundred subscribers", {**edge.counts, "invocations": 1})


def test_a_change_of_nothing_stays_quiet(edge: Edge, subscribers: Subscribers) -> None:
    """A subscriber of other kinds is neither posted to nor is the change loaded for nobody."""
    browser = Browser(edge, "u-admin", PATH, ("resourceTypes", "project"))
    cluster = edge.resources.get("cluster", CLUSTER)
    edge.resources.update(cluster.key, lambda stored: replace(stored, labels={"a": "b"}))
    edge.reset_counts()
    subscribers.tell(CHANGED)
    assert browser.heard == []
    assert edge.counts["posts"] == 0
