"""Each subject's record says what the bindings say: as they come and go, and after a rebuild."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chalicelib.auth.providers.members import is_member
from chalicelib.auth.rights import library, rebuild
from chalicelib.auth.roles.records import KIND, entry
from chalicelib.store.resources import Resources
from chalicelib.types import Key, Resource
from tests.support.overtaken import Overtaken
from tests.support.server import Server, serving


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path) as server:
        yield server


def bind(server: Server, id: str, role: str, *, user: str = "", group: str = "", cluster: str = "c-1") -> Key:
    subject = {"userId": user} if user else {"groupPrincipalId": group}
    spec = {"roleTemplateId": role, **subject}
    binding = Resource(kind="clusterRoleTemplateBinding", id=f"{cluster}:{id}", parent=cluster, spec=spec)
    return server.resources.create(binding).key


def clusters(server: Server, user: str = "u-1", *groups: str) -> set[str]:
    return set(server.parts.authenticator.rights.of(user, groups).clusters())


def test_what_a_user_and_the_groups_were_given(server: Server) -> None:
    bind(server, "a", "cluster-member", user="u-1")
    bind(server, "b", "cluster-member", group="team://red", cluster="c-2")
    bind(server, "c", "cluster-member", user="u-2", cluster="c-3")
    assert clusters(server) == {"c-1"}
    assert clusters(server, "u-1", "team://red", "team://blue") == {"c-1", "c-2"}
    assert clusters(server, "team://red") == set()


def join(server: Server, group: str, *, user: str = "", principal: str = "") -> Key:
    spec = {"groupId": group, "principalId": principal or f"local://{user}", **({"userId": user} if user else {})}
    return server.resources.create(Resource(kind="groupMember", id=f"gm-{user}{group}", spec=spec)).key


def test_what_comes_by_groups_of_lariats_own(server: Server) -> None:
    bind(server, "a", "cluster-member", group="g-1")
    bind(server, "b", "cluster-member", group="g-2", cluster="c-2")
    join(server, "g-1", user="u-1")
    member = join(server, "g-2", principal="team://red")
    known = server.parts.authenticator.rights.known("u-1", ["team://red"])
    assert sorted(known.access.clusters()) == ["c-1", "c-2"]
    assert known.groups == ["g-1", "g-2"]
    assert clusters(server) == {"c-1"}
    server.resources.remove(member)
    assert clusters(server, "u-1", "team://red") == {"c-1"}
    rebuild(server.resources)
    assert clusters(server) == {"c-1"}


@pytest.mark.parametrize(
    ("ids", "member"),
    [
        (["local://u-1"], True),
        (["local://u-2"], True),
        (["local://u-3"], False),
        (["x_user://1", "team://red"], True),
        (["x_user://1", "team://blue"], False),
        (["u-1://x", "local://u-9"], False),
    ],
)
def test_who_is_a_member_of_anything(server: Server, ids: list[str], member: bool) -> None:
    bind(server, "a", "cluster-member", user="u-1")
    bind(server, "b", "cluster-member", group="team://red")
    bind(server, "c", "cluster-member", group="g-1")
    join(server, "g-1", user="u-2")
    spec = {"userId": "u-3", "globalRoleId": "user"}
    server.resources.create(Resource(kind="globalRoleBinding", id="grb-3", parent="u-3", spec=spec))
    assert is_member(server.resources, ids) is member


def test_one_of_two_bindings_to_the_same_goes(server: Server) -> None:
    first, second = (bind(server, id, "cluster-member", user="u-1") for id in "ab")
    server.resources.remove(first)
    assert clusters(server) == {"c-1"}
    server.resources.remove(second)
    assert clusters(server) == set()
    assert list(server.resources.all(KIND)) == []


def test_many_who_bind_one_user_at_once_lose_nothing(server: Server) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: bind(server, "x", "cluster-member", user="u-1", cluster=f"c-{n}"), range(5)))
    assert clusters(server) == {f"c-{number}" for number in range(5)}


@pytest.mark.parametrize("older", [False, True], ids=["kept", "an older Lariat's"])
def test_a_binding_that_goes_during_a_rebuild_stays_gone(server: Server, older: bool) -> None:
    """CVE-2021-36775: what was taken away comes back by no repair."""
    key = bind(server, "a", "cluster-owner", user="u-1")
    if older:
        server.resources.discard(server.resources.get(KIND, "user/u-1"))
    slow = Overtaken(server.store, key.kind)
    slow.meanwhile = lambda: server.resources.remove(key)
    rebuild(Resources(slow, server.clock, server.random, gather=entry))
    assert clusters(server) == set()


def test_a_binding_that_comes_during_a_rebuild_counts(server: Server) -> None:
    bind(server, "a", "cluster-member", user="u-1")
    slow = Overtaken(server.store, "clusterRoleTemplateBinding")
    slow.meanwhile = lambda: bind(server, "b", "cluster-member", user="u-1", cluster="c-2")
    rebuild(Resources(slow, server.clock, server.random, gather=entry))
    assert clusters(server) == {"c-1", "c-2"}


def test_a_store_of_an_older_lariat_is_brought_in_line(server: Server) -> None:
    admin = server.user("admin", administrator=True)
    bind(server, "a", "cluster-member", user="u-1")
    for record in [*server.resources.all(KIND)]:
        server.resources.discard(record)
    stale = Resource(kind=KIND, id="user/u-9", spec={"entries": {"globalRoleBinding/x": ["admin", ""]}})
    server.resources.create(stale)
    rebuild(server.resources)
    rights = server.parts.authenticator.rights
    assert rights.of(admin.user).administrator is True
    assert clusters(server) == {"c-1"}
    assert rights.of("u-9").administrator is False
    before = len(server.changes)
    rebuild(server.resources)
    assert len(server.changes) == before


@pytest.mark.parametrize(
    "entry", [None, "admin", ["admin"], ["", ""], ["admin", 1], ["admin", "c-1"], {"a": "b"}, ["system:masters"]]
)
def test_an_entry_that_can_not_be_read_gives_nothing(server: Server, entry: object) -> None:
    spec = {"entries": {"globalRoleBinding/x": entry}}
    server.resources.create(Resource(kind=KIND, id="user/u-1", spec=spec))
    assert server.parts.authenticator.rights.of("u-1").administrator is False


def test_what_an_administrator_chose_of_a_shipped_role_counts(server: Server) -> None:
    spec = {"newUserDefault": False, "rules": [], "name": "forged"}
    server.resources.create(Resource(kind="globalRole", id="user", spec=spec))
    known = library(server.resources)
    assert known.new_user_roles() == ()
    assert known.role("user") != ()
