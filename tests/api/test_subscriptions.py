"""What subscribers are told: what they may see at that moment, of each change once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from chalicelib.api.http import Pairs
from chalicelib.auth.trust import SECONDS
from chalicelib.errors import LariatError, NotFound, Unauthorized
from chalicelib.schema.subscription import ANNOUNCED, CHANGED, CREATED, REMOVED, Subscription
from chalicelib.types import Change, Key, Resource
from tests.api.world import CREATABLE, World
from tests.support.server import BASE, Caller, Server

SECRET = "a-secret-value"


class Ear:
    """A subscriber; ``told`` are the names and ids of what it is told since the last time."""

    def __init__(self, server: Server, caller: Caller, path: str = "/v3/subscribe", query: Pairs = ()) -> None:
        self.server = server
        self.subscriptions = server.parts.subscriptions
        self.subscription = self.subscriptions.ask(path, query, (("authorization", caller.authorization),), BASE)
        self._heard = len(server.changes)

    def hear(self) -> list[dict[str, Any]]:
        changes = self.server.changes[self._heard :]
        self._heard = len(self.server.changes)
        return self.judge(changes)

    def judge(self, changes: Sequence[Change]) -> list[dict[str, Any]]:
        listener = self.subscriptions.listener(self.subscription)
        events = [event for news in self.subscriptions.load(changes) if (event := listener.hear(news))]
        return [json.loads(event.text) for event in events]

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(event["name"], event["data"]["id"]) for event in self.hear()]

    @property
    def there(self) -> list[tuple[str, str]]:
        events = [event for piece in self.subscriptions.existing(self.subscription) for event in piece]
        return [(event.key.kind, event.key.id) for event in events]


def types(*names: str) -> Pairs:
    return tuple(("resourceTypes", name) for name in names)


def test_a_life_is_told(server: Server, admin: Caller) -> None:
    ear = Ear(server, admin, query=types("cluster"))
    made = admin.make("/v3/clusters", {"name": "one"})
    assert ear.told == [(CREATED, made["id"])]
    admin.put(made["links"]["self"], {"name": "one", "description": "x"})
    (event,) = ear.hear()
    assert event == {"name": CHANGED, "data": admin.get(made["links"]["self"]).json}
    assert admin.delete(made["links"]["self"]).status == 204
    (event,) = ear.hear()
    assert (event["name"], event["data"]["id"], event["data"]["description"]) == (REMOVED, made["id"], "x")


def test_who_knows_no_creations_hears_of_changes(server: Server, admin: Caller) -> None:
    ear = Ear(server, admin, query=(("eventNames", CHANGED), *types("cluster")))
    made = admin.make("/v3/clusters", {"name": "one"})
    assert ear.told == [(CHANGED, made["id"])]


def test_everybody_hears_of_what_they_may_see_alone(server: Server, admin: Caller, plain: Caller) -> None:
    wanted = types("cluster", "user", "setting", "preference")
    ears = {name: Ear(server, caller, query=wanted) for name, caller in (("admin", admin), ("plain", plain))}
    other = server.user("other")
    for ear in ears.values():
        ear.hear()
    admin.make("/v3/clusters", {"name": "one"})
    admin.put(f"/v3/users/{plain.user}", {"description": "x"})
    admin.put(f"/v3/users/{other.user}", {"description": "x"})
    admin.put("/v3/settings/ui-pl", {"value": "x"})
    admin.make("/v3/preferences", {"name": "theme", "value": "dark"})
    kinds = {name: [(event["name"], event["data"]["type"]) for event in ear.hear()] for name, ear in ears.items()}
    assert kinds["plain"] == [(CHANGED, "user"), (CREATED, "setting")]
    assert kinds["admin"] == [
        (CREATED, "cluster"),
        (CHANGED, "user"),
        (CHANGED, "user"),
        (CREATED, "setting"),
        (CREATED, "preference"),
    ]


def test_a_removal_is_not_told_to_who_could_not_see(server: Server, admin: Caller, plain: Caller) -> None:
    ear = Ear(server, plain)
    made = admin.make("/v3/clusters", {"name": "one"})
    preference = admin.make("/v3/preferences", {"name": "theme", "value": "dark"})
    admin.delete(made["links"]["self"])
    admin.delete(preference["links"]["self"])
    assert ear.told == []


def test_what_is_gone_without_a_trace_is_told_to_nobody(server: Server, admin: Caller) -> None:
    ear = Ear(server, admin)
    assert ear.judge([Change("1", Key("cluster", "c-absent")), Change("2", Key("connection", "c-1:x"))]) == []


def test_what_there_is_comes_first(server: Server, admin: Caller, plain: Caller) -> None:
    ids = ["c-1", "c-2", "c-3"]
    for id in ids:
        server.resources.create(Resource(kind="cluster", id=id, spec={"name": id, "description": "x" * 40_000}))
    ear = Ear(server, admin, query=types("cluster"))
    assert ear.there == [("cluster", id) for id in ids]
    pieces = list(ear.subscriptions.existing(ear.subscription))
    assert [len(piece) for piece in pieces] == [2, 1]
    assert {json.loads(event.text)["name"] for piece in pieces for event in piece} == {CHANGED}
    mine = Ear(server, plain, query=types("cluster", "user", "setting")).there
    assert [each for each in mine if each[0] != "setting"] == [("user", plain.user)]


def test_a_context_shows_what_is_in_it(server: Server, admin: Caller) -> None:
    here, there = (admin.make("/v3/clusters", {"name": name})["id"] for name in ("here", "there"))
    ear = Ear(server, admin, f"/v3/clusters/{here}/subscribe", types("project"))
    projects = [admin.make("/v3/projects", {"name": "p", "clusterId": cluster})["id"] for cluster in (here, there)]
    inside = Ear(server, admin, f"/v3/project/{projects[0]}/subscribe", types("projectAlertGroup"))
    for project in projects:
        admin.make("/v3/projectalertgroups", {"name": "g", "projectId": project})
    assert ear.told == [(CREATED, projects[0])]
    assert ("project", projects[0]) in ear.there
    assert all(id.startswith(f"{here}:") for _, id in ear.there)
    ((name, id),) = inside.told
    assert name == CREATED
    assert id.startswith(projects[0].rpartition(":")[2])


@pytest.mark.parametrize("path", ["/v3/clusters/c-absent/subscribe", "/v3/clusters/c-2/subscribe", "/v3/nothing"])
def test_nobody_listens_where_they_may_not_look(server: Server, plain: Caller, path: str) -> None:
    server.resources.create(Resource(kind="cluster", id="c-2", spec={"name": "two"}))
    with pytest.raises(NotFound):
        Ear(server, plain, path)


def test_a_token_for_one_cluster_hears_of_that_one(server: Server, admin: Caller) -> None:
    one, two = (admin.make("/v3/clusters", {"name": name})["id"] for name in ("one", "two"))
    confined = server.token(admin.user, cluster=one)
    heard = Ear(server, confined, f"/v3/clusters/{one}/subscribe").there
    assert heard
    assert all(id.startswith(f"{one}:") for _, id in heard)
    for path in ("/v3/subscribe", f"/v3/clusters/{two}/subscribe", f"/v3/projects/{one}/subscribe"):
        with pytest.raises(Unauthorized):
            Ear(server, confined, path)


@pytest.mark.parametrize("header", ["", "Bearer token-1:wrong", "Basic !", "Bearer"])
def test_nobody_listens_without_a_token(server: Server, header: str) -> None:
    headers = (("authorization", header),) if header else ()
    with pytest.raises(Unauthorized):
        server.parts.subscriptions.ask("/v3/subscribe", (), headers, BASE)


def test_a_cookie_is_a_token(server: Server, admin: Caller) -> None:
    cookie = f"R_SESS={admin.authorization.removeprefix('Bearer ')}"
    assert server.parts.subscriptions.ask("/v3/subscribe", (), (("cookie", cookie),), BASE).user == admin.user


def end_token(server: Server, caller: Caller) -> None:
    server.resources.remove(Key("token", caller.token))


def end_user(server: Server, caller: Caller) -> None:
    server.user("root", administrator=True).put(f"/v3/users/{caller.user}", {"enabled": False})


@pytest.mark.parametrize("end", [end_token, end_user])
@pytest.mark.parametrize("telling", [True, False])
def test_a_revocation_ends_it(server: Server, plain: Caller, end: Any, telling: bool) -> None:
    """At once where the feed tells of it, within ten seconds where it does not."""
    ear = Ear(server, plain)
    assert ear.hear() == []
    server.telling = telling
    end(server, plain)
    server.clock.advance(0 if telling else SECONDS + 1)
    with pytest.raises(Unauthorized):
        ear.hear()
    with pytest.raises(LariatError):
        list(ear.subscriptions.existing(ear.subscription))


def test_a_token_ends_by_itself(server: Server, plain: Caller) -> None:
    ear = Ear(server, server.token(plain.user, ttl=60_000))
    ear.hear()
    server.clock.advance(61)
    with pytest.raises(Unauthorized):
        ear.hear()


def test_lost_rights_show_at_once(server: Server, admin: Caller) -> None:
    ear = Ear(server, admin, query=types("cluster"))
    server.resources.remove(Key("globalRoleBinding", "grb-admin"))
    server.resources.create(Resource(kind="cluster", id="c-2", spec={"name": "two"}))
    assert ear.told == []


def test_many_subscribers_read_each_change_once(server: Server, admin: Caller) -> None:
    ears = [Ear(server, admin) for _ in range(20)]
    admin.make("/v3/clusters", {"name": "one"})
    news = server.parts.subscriptions.load(server.changes[-1:])
    listeners = [ear.subscriptions.listener(ear.subscription) for ear in ears]
    # Nothing is read any more: what is loaded is shown to all.
    server.store.close()
    assert all(listener.hear(each) for listener in listeners for each in news)


def test_no_secret_is_told(server: Server, admin: Caller) -> None:
    """Of any kind, created with all of its fields, to somebody who may see everything."""
    world, ear = World(server, admin), Ear(server, admin)
    inside: list[Ear] = [Ear(server, admin, f"/v3/projects/{world.one('project')}/subscribe")]
    for kind in CREATABLE:
        if kind.id in ANNOUNCED:
            made = admin.make(world.url(kind), world.whole(kind))
            admin.delete(made["links"]["self"])
    stored = [value for resource in _everything(server) for value in resource.sealed.values()]
    heard = [json.dumps(event) for each in (ear, *inside) for event in each.hear()]
    assert {json.loads(event)["name"] for event in heard} >= {CREATED, REMOVED}
    assert len(heard) > len(CREATABLE) / 2
    for event in heard:
        assert SECRET not in event
        assert "passwordHash" not in event
        assert not any(value in event for value in stored)


def _everything(server: Server) -> list[Resource]:
    return [change.last for change in server.changes if change.last is not None]


def test_a_subscription_names_no_secret(server: Server, admin: Caller) -> None:
    subscription = Ear(server, admin).subscription
    assert isinstance(subscription, Subscription)
    assert admin.key not in json.dumps(subscription.document)
