"""What grows with what: these counts fail on any rise. ``make bench`` has the same for a thousand clusters."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.auth import tokens
from chalicelib.auth.trust import OVERLAP
from chalicelib.types import Key, Resource
from tests.support.fleet import Fleet
from tests.support.server import Server, serving

RULES = [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}]

BINDING = {"calls": 18, "reads": 16, "writes": 2, "keys": 2, "messages": 22}
"""To bring a project's new binding into its cluster: the roles, the holdings in three namespaces, and a lease."""


@pytest.mark.parametrize("count", [10, 100, 1000])
def test_a_projects_binding_costs_the_same_however_many_clusters_there_are(tmp_path: Path, count: int) -> None:
    with serving(tmp_path) as server:
        fleet = Fleet(server, count)
        cluster = fleet.ids[3]
        user = server.user("ann").user
        fleet.settle(cluster)
        fleet.bind("project-member", cluster, user)
        assert fleet.work() == ([cluster], BINDING)
        assert fleet.work() == ([], dict.fromkeys(BINDING, 0))


@pytest.mark.parametrize("inherited", [False, True])
def test_a_role_touches_each_cluster_where_it_counts_once(tmp_path: Path, inherited: bool) -> None:
    with serving(tmp_path) as server:
        fleet = Fleet(server, 20)
        body = {"name": "r", "context": "project", "rules": RULES}
        role = bound = str(fleet.admin.make("/v3/roletemplates", body)["id"])
        if inherited:
            heir = {"name": "heir", "context": "project", "roleTemplateIds": [role]}
            bound = str(fleet.admin.make("/v3/roletemplates", heir)["id"])
        users = [server.user(f"u{number}").user for number in range(3)]
        for cluster in fleet.ids[:4]:
            for user in users:
                fleet.bind(bound, cluster, user)
            fleet.settle(cluster)
        messages = {id: len(fleet.transport.clusters[id].requests) for id in fleet.ids}
        fleet.admin.put(f"/v3/roletemplates/{role}", {"rules": [{**RULES[0], "verbs": ["get", "list"]}]})
        touched, _ = fleet.work()
        assert sorted(touched) == fleet.ids[:4]
        spent = {id: len(fleet.transport.clusters[id].requests) - messages[id] for id in fleet.ids}
        assert len({spent[id] for id in fleet.ids[:4]}) == 1
        assert not any(spent[id] for id in fleet.ids[4:])


@pytest.mark.parametrize(("groups", "calls"), [(0, 2), (5, 2), (90, 2)])
def test_a_caller_is_proved_in_two_calls_one_of_them_for_all_rights(tmp_path: Path, groups: int, calls: int) -> None:
    """Of many others nothing is read; and by a process that has proved them nothing at all."""
    with serving(tmp_path) as server:
        fleet = Fleet(server, 30)
        caller = server.user("ann")
        names = [f"team://{number}" for number in range(groups)]
        for name in names:
            body = {"clusterId": fleet.ids[0], "groupPrincipalId": name, "roleTemplateId": "nodes-view"}
            fleet.admin.make("/v3/clusterroletemplatebindings", body)
        _carry(server, caller.token, names)
        for id in fleet.ids:
            fleet.bind("read-only", id, caller.user)
        server.clock.advance(OVERLAP + 1)
        authenticator = server.parts.authenticator
        authenticator.authenticate([fleet.admin.authorization])
        fleet.store.counts.clear()
        authenticator.authenticate([caller.authorization])
        assert fleet.store.counts["calls"] == calls
        authenticator.authenticate([caller.authorization])
        assert fleet.store.counts["calls"] == calls


def _carry(server: Server, token: str, groups: list[str]) -> None:
    """Have a token carry groups, and be used today: its first use of a day is a write more."""

    def told(stored: Resource) -> Resource:
        return tokens.used(replace(stored, spec={**stored.spec, "groupPrincipals": groups}), server.clock.now())

    server.resources.update(Key("token", token), told)
