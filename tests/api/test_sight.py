"""Lists show exactly what the caller may see, and look no further for it than they must."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.api.behaviour import Behaviour, Call, Services
from chalicelib.api.http import Request
from chalicelib.api.sealing import Sealing
from chalicelib.api.sight import candidates
from chalicelib.auth.access import READ, may
from chalicelib.auth.identity import Identity
from chalicelib.schema.kinds import STORED
from chalicelib.types import Resource
from tests.support.billed import BilledStore
from tests.support.server import BASE, Caller, Server, serving
from tests.support.world import access, bind, global_role, library, rule

CLUSTERS = ("c-1", "c-2", "c-3")
PROJECTS = ("c-1:p-1", "c-1:p-2", "c-2:p-3", "c-2:p-4", "c-3:p-5", "c-3:p-6")
PARENTS = {"cluster": CLUSTERS, "project": PROJECTS, "user": ("u-1", "u-2")}
PLAIN = [kind for kind in STORED if kind.id not in ("node", "principal")]


def everything() -> Iterator[Resource]:
    """Something of each kind in each place."""
    for kind in PLAIN:
        for parent in PARENTS.get(kind.scope, ("",)):
            prefix = f"{parent.rpartition(':')[2]}:" if kind.scope in ("cluster", "project") else f"{parent}."
            yield from (Resource(kind=kind.id, id=f"{prefix}{name}", parent=parent) for name in ("a", "b"))
    yield from (Resource(kind="user", id=user) for user in PARENTS["user"])
    yield from (Resource(kind="cluster", id=cluster) for cluster in CLUSTERS)
    yield from (Resource(kind="project", id=project, parent=project.partition(":")[0]) for project in PROJECTS)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("full")) as server:
        for resource in everything():
            server.resources.create(resource)
        yield server


ROLES = (
    global_role("names", rule("get", "*", "clusters projects users nodepools", "c-2 p-1 u-2 a")),
    global_role("sees", rule("get list", "management.cattle.io", "clusters projectroletemplatebindings")),
)
TEMPLATES = (
    "cluster-owner",
    "cluster-member",
    "projects-view",
    "nodes-view",
    "project-owner",
    "read-only",
    "create-ns",
)


@st.composite
def bindings(draw: st.DrawFn) -> list[Resource]:
    scoped = st.tuples(st.sampled_from(TEMPLATES), st.sampled_from((*CLUSTERS, *PROJECTS)))
    globally = st.tuples(st.sampled_from(("user", "users-manage", "names", "sees", "admin")), st.just(""))
    who = st.sampled_from(({"user": "u-1"}, {"group": "team://red"}))
    drawn = draw(st.lists(st.tuples(st.one_of(scoped, scoped, scoped, globally), who), max_size=5))
    return [bind(role, scope, **subject) for (role, scope), subject in drawn]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(held=bindings())
def test_a_list_is_what_the_caller_may_see(full: Server, held: list[Resource]) -> None:
    parts, resources = full.parts, full.resources
    rights = parts.authenticator.rights
    services = Services(resources, parts.removal, full.random, full.clock, Sealing(full.seal), rights)
    groups = ("team://red",)
    identity = Identity("u-1", groups, "token", access=access(held, library(roles=ROLES), "u-1", groups))
    call = Call(Request("GET", "/v3", (), (), b"", BASE), identity)
    for kind in PLAIN:
        found = [each for each in candidates(Behaviour(kind, services), call) if may(identity, READ, kind.id, each)]
        wanted = [each for each in resources.all(kind.id) if may(identity, READ, kind.id, each)]
        assert sorted(found, key=lambda each: each.id) == wanted, kind.id


@pytest.fixture
def billed(tmp_path: Path) -> Iterator[tuple[Server, BilledStore]]:
    with serving(tmp_path) as server:
        yield server, server.bill()


def cost(store: BilledStore, caller: Caller, url: str) -> tuple[int, list[str]]:
    caller.get(url)
    store.counts.clear()
    found = caller.get(url).ids
    return store.counts["reads"], found


def grow(server: Server, admin: Caller, others: range) -> None:
    """More of everything, of others."""
    for number in others:
        cluster = admin.make("/v3/clusters", {"name": f"other-{number}"})["id"]
        somebody = server.user(f"other-{number}")
        body = {"clusterId": cluster, "userId": somebody.user, "roleTemplateId": "cluster-owner"}
        admin.make("/v3/clusterroletemplatebindings", body)


LISTS = (
    "clusters",
    "projects",
    "clusterroletemplatebindings",
    "projectroletemplatebindings",
    "clusterroletemplatebindings?clusterId={cluster}",
    "projectroletemplatebindings?projectId={project}",
    "users",
    "globalrolebindings",
)


def test_a_members_lists_cost_the_same_however_many_others_there_are(billed: tuple[Server, BilledStore]) -> None:
    server, store = billed
    admin, member = server.user("admin", administrator=True), server.user("member")
    cluster = admin.make("/v3/clusters", {"name": "mine"})["id"]
    project = admin.get(f"/v3/projects?clusterId={cluster}").ids[0]
    body = {"clusterId": cluster, "userId": member.user, "roleTemplateId": "cluster-owner"}
    admin.make("/v3/clusterroletemplatebindings", body)
    urls = ["/v3/" + url.format(cluster=cluster, project=project) for url in LISTS]
    before = {url: cost(store, member, url) for url in urls}
    assert [len(found) for _, found in before.values()] == [1, 2, 2, 2, 2, 1, 1, 0]
    grow(server, admin, range(12))
    assert {url: cost(store, member, url) for url in urls} == before


@pytest.mark.parametrize("url", LISTS[4:6])
def test_an_administrators_question_about_one_place_looks_there_alone(
    billed: tuple[Server, BilledStore], url: str
) -> None:
    server, store = billed
    admin = server.user("admin", administrator=True)
    cluster = admin.make("/v3/clusters", {"name": "mine"})["id"]
    url = "/v3/" + url.format(cluster=cluster, project=admin.get(f"/v3/projects?clusterId={cluster}").ids[0])
    before = cost(store, admin, url)
    grow(server, admin, range(12))
    assert cost(store, admin, url) == before


@pytest.mark.parametrize("value", ["", "x" * 3000, "a\0b", "c-nope"])
def test_a_place_that_is_none(billed: tuple[Server, BilledStore], value: Any) -> None:
    server, _ = billed
    admin = server.user("admin", administrator=True)
    admin.make("/v3/clusters", {"name": "mine"})
    reply = admin.get(f"/v3/projects?clusterId={quote(value)}")
    assert (reply.status, reply.ids) == (200, [])
