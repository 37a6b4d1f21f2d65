"""Membership of projects, in both orders of change, and namespaces that no project may have."""

from __future__ import annotations

from itertools import permutations

import pytest

from chalicelib.auth.roles.bindings import Subject, read_all
from chalicelib.auth.roles.cluster import held, rights
from chalicelib.clusters.manifest import NAMESPACE
from chalicelib.controllers.placement import PROJECT, place
from tests.support.world import CLUSTER, NAMESPACES, PROJECTS, World, access, bind, library

ONE, TWO = PROJECTS
WHERE = {NAMESPACES[0]: ONE, NAMESPACES[1]: TWO}
BINDINGS = {ONE: bind("project-member", ONE, user="u-1"), TWO: bind("project-member", TWO, user="u-1")}


@pytest.mark.parametrize("left", list(permutations((ONE, TWO))))
def test_who_leaves_one_of_two_projects_keeps_nothing_of_it(left: tuple[str, str]) -> None:
    """CVE-2019-6287, in whichever order they are left."""
    bindings = dict(BINDINGS)
    for gone in left:
        del bindings[gone]
        world = World((), tuple(bindings.values()), WHERE)
        now = rights(read_all(world.bindings), library(), world.place)
        own = held([Subject("User", "u-1")], now, {"edit": ()})
        for namespace, project in WHERE.items():
            there = {holding.namespace for holding in now.holdings}
            assert (namespace in there) == (project in bindings)
            assert own.allows("get", "", "namespaces", namespace) == (project in bindings)
        assert access(world.bindings, library()).projects() == frozenset(bindings)


def test_a_binding_in_another_clusters_project_is_none_here() -> None:
    """CVE-2026-44945, CVE-2022-31247: a scope is a full id; the same short one elsewhere is another project."""
    bindings = (bind("project-owner", "c-2:p-1", user="u-1"), bind("cluster-owner", "c-2", user="u-1"))
    assert not rights(read_all(bindings), library(), World((), bindings, WHERE).place).holdings
    assert not access(bindings, library()).projects() & frozenset(PROJECTS)
    assert CLUSTER not in (access(bindings, library()).clusters() or {CLUSTER})


@pytest.mark.parametrize("record", [{}, {"uid": ONE}])
def test_the_agents_namespace_is_in_no_project(record: dict[str, str]) -> None:
    """CVE-2018-20321: a member could mount its account, and be whomever they like."""
    agents = {"metadata": {"name": NAMESPACE, "uid": "uid", "annotations": {PROJECT: ONE}}}
    placed = place([agents], record, frozenset(PROJECTS))
    assert placed.namespaces == {}
    assert placed.record == {"uid": ""}
