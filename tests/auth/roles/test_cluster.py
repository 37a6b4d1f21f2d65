"""What bindings mean inside of one cluster; ``tests/controllers/test_rights_on_cluster`` asks a real one the same."""

from __future__ import annotations

import pytest

from chalicelib.auth.roles.bindings import Subject, read_all
from chalicelib.auth.roles.cluster import Held, Place, Rights, held, rights
from chalicelib.auth.roles.library import Library
from chalicelib.auth.roles.rule import parse_all
from chalicelib.types import Resource
from tests.support.world import bind, library, role_template, rule

ONE = "c-1:p-1"
PLACE = Place("c-1", frozenset((ONE, "c-1:p-2")), {"web": ONE, "api": ONE, "other": "c-1:p-2"})
OWN = {"edit": parse_all([rule("*", "apps", "deployments")])}


def given(*bindings: Resource, roles: Library | None = None, place: Place = PLACE) -> Rights:
    return rights(read_all(bindings), roles or library(), place)


def of(made: Rights, user: str = "u-1") -> Held:
    return held([Subject("User", user)], made, OWN)


def test_what_a_project_member_gets() -> None:
    """The example of the contract."""
    made = given(bind("project-member", ONE, user="u-1"))
    assert {(holding.role, holding.namespace) for holding in made.holdings} == {
        ("project-member", "web"),
        ("project-member", "api"),
        ("edit", "web"),
        ("edit", "api"),
        ("p-1-namespaces-edit", ""),
        ("create-ns", ""),
        ("project-member-promoted", ""),
    }
    assert set(made.roles) == {"project-member", "p-1-namespaces-edit", "create-ns", "project-member-promoted"}
    (edit,) = made.roles["p-1-namespaces-edit"]
    assert edit.names == ("api", "web")
    assert made.roles["project-member-promoted"] == parse_all(
        [
            rule("get list watch", "core", "persistentvolumes"),
            rule("get list watch", "storage.k8s.io", "storageclasses"),
        ]
    )
    mine = of(made)
    assert mine.allows("create", "apps", "deployments", namespace="web")
    assert not mine.allows("create", "apps", "deployments", namespace="other")
    assert not mine.allows("create", "apps", "deployments")
    assert mine.allows("get", "", "namespaces", "web")
    assert not mine.allows("get", "", "namespaces", "other")
    assert not mine.allows("list", "", "namespaces")


def test_who_may_not_create_namespaces_reads_those_of_the_project() -> None:
    mine = of(given(bind("read-only", ONE, user="u-1")))
    assert mine.allows("get", "", "namespaces", "web")
    assert not mine.allows("delete", "", "namespaces", "web")
    assert not mine.allows("create", "", "namespaces")


def test_where_a_policy_hangs_on_labels_members_do_not_change_namespaces() -> None:
    """Else a project's owner could let their pods onto the nodes."""
    guarded = Place(PLACE.id, PLACE.projects, PLACE.namespaces, frozenset((ONE,)))
    mine = of(given(bind("project-owner", ONE, user="u-1"), place=guarded))
    assert [verb for verb in ("get", "delete", "update", "patch") if mine.allows(verb, "", "namespaces", "web")] == [
        "get",
        "delete",
    ]
    assert of(given(bind("project-owner", ONE, user="u-1"))).allows("patch", "", "namespaces", "web")


@pytest.mark.parametrize("namespaces", [{}, None, {"other": "c-1:p-2"}])
def test_an_empty_project_gives_no_namespace_at_all(namespaces: dict[str, str] | None) -> None:
    """A role without names would be about every namespace."""
    made = given(bind("project-owner", ONE, user="u-1"), place=Place("c-1", frozenset((ONE,)), namespaces))
    assert set(made.roles) == {"create-ns", "project-owner-promoted"}
    assert not of(made).allows("get", "", "namespaces", "other")


@pytest.mark.parametrize(
    "binding",
    [
        bind("cluster-owner", "c-2", user="u-1"),
        bind("project-owner", "c-1:p-gone", user="u-1"),
        bind("project-owner", "c-2:p-1", user="u-1"),
        bind("project-owner", "c-1", user="u-1"),
        bind("cluster-owner", ONE, user="u-1"),
        bind("gone", ONE, user="u-1"),
        bind("user", user="u-1"),
        bind("Evil/../name", ONE, user="u-1"),
    ],
)
def test_what_gives_nothing_here(binding: Resource) -> None:
    evil = role_template("Evil/../name", rule("get", "core", "pods"))
    assert given(binding, roles=library(evil)).holdings == ()


def test_administrators_hold_cluster_admin_once() -> None:
    everything = Resource(
        kind="globalRole",
        id="gr-all",
        spec={"rules": [rule("*", "*", "*"), {"verbs": ["*"], "nonResourceURLs": ["*"]}]},
    )
    roles = library(roles=[everything])
    made = given(bind("admin", user="u-1"), bind("gr-all", user="u-1"), bind("gr-all", group="g"), roles=roles)
    assert [(holding.subject.name, holding.role) for holding in made.holdings] == [
        ("g", "cluster-admin"),
        ("u-1", "cluster-admin"),
    ]


@pytest.mark.parametrize(
    ("template", "verbs"),
    [
        (rule("*", "core", "persistentvolumes"), ("*",)),
        (rule("*", "*", "*"), ("get", "list", "watch")),
        (rule("get delete", "core", "*"), ("get",)),
        (rule("*", "apps", "persistentvolumes"), None),
        (rule("delete", "core", "*"), None),
    ],
)
def test_what_is_promoted(template: dict[str, list[str]], verbs: tuple[str, ...] | None) -> None:
    made = given(bind("rt-x", ONE, user="u-1"), roles=library(role_template("rt-x", template)))
    found = {rule.resources[0]: rule.verbs for rule in made.roles.get("rt-x-promoted", ())}
    assert found.get("persistentvolumes") == verbs


def test_a_name_that_the_cluster_has_taken_gives_nothing() -> None:
    made = given(bind("cluster-member", "c-1", user="u-1"), bind("nodes-view", "c-1", user="u-1"))
    left = made.without(["cluster-member", "edit"])
    assert set(left.roles) == {holding.role for holding in left.holdings} == {"nodes-view"}


def test_an_external_role_that_is_not_there_grants_nothing() -> None:
    made = given(bind("view", ONE, user="u-1"))
    assert [(holding.role, holding.namespace) for holding in made.holdings if holding.namespace == "web"] == [
        ("view", "web")
    ]
    assert not of(made).allows("get", "", "pods", namespace="web")
