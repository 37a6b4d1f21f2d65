"""Who may hand out which roles: never more than they have."""

from __future__ import annotations

import pytest

from chalicelib.auth.roles.access import Access, Scope
from chalicelib.auth.roles.bindings import Subject, index, read_all
from chalicelib.auth.roles.rule import parse_all
from chalicelib.auth.roles.templates import ROLE_TEMPLATES
from chalicelib.errors import Invalid, NotFound
from tests.support.world import access, bind, library, role_template, rule

ONE, TWO = "c-1:p-1", "c-1:p-2"
IN_CLUSTER, IN_ONE, IN_TWO = Scope("c-1"), Scope("c-1", ONE), Scope("c-1", TWO)
ROLES = library(
    role_template("rt-pods", rule("get", "core", "pods")),
    role_template("rt-all", rule("*", "*", "*")),
    role_template("rt-locked", rule("get", "core", "pods"), locked=True),
    role_template("rt-broken", {"verbs": ["get"]}),
    role_template("rt-orphan", rule("get", "core", "pods"), roleTemplateIds=["gone"]),
    role_template("rt-own-admin", external=True),
)


def holder(role: str, scope: str = "") -> Access:
    return access([bind(role, scope, user="u-1")], ROLES)


@pytest.mark.parametrize(
    ("granter", "template", "scope", "answer"),
    [
        (holder("admin"), "cluster-owner", IN_CLUSTER, True),
        (holder("admin"), "cluster-admin", IN_CLUSTER, True),
        (holder("admin"), "rt-own-admin", IN_CLUSTER, True),
        (holder("cluster-owner", "c-1"), "cluster-owner", IN_CLUSTER, True),
        (holder("cluster-owner", "c-1"), "cluster-admin", IN_CLUSTER, True),
        (holder("cluster-owner", "c-1"), "project-owner", IN_ONE, True),
        (holder("cluster-owner", "c-1"), "cluster-owner", Scope("c-2"), False),
        (holder("cluster-owner", "c-1"), "project-owner", Scope("c-2", "c-2:p-1"), False),
        (holder("cluster-owner", "c-1"), "project-owner", Scope("c-1", "c-2:p-1"), False),
        (holder("cluster-admin", "c-1"), "cluster-owner", IN_CLUSTER, True),
        (holder("clusterroletemplatebindings-manage", "c-1"), "cluster-owner", IN_CLUSTER, False),
        (holder("clusterroletemplatebindings-manage", "c-1"), "clusterroletemplatebindings-view", IN_CLUSTER, True),
        (holder("cluster-member", "c-1"), "projects-create", IN_CLUSTER, True),
        (holder("projects-create", "c-1"), "cluster-member", IN_CLUSTER, False),
        (holder("project-owner", ONE), "project-owner", IN_ONE, True),
        (holder("project-owner", ONE), "project-owner", IN_TWO, False),
        (holder("project-owner", ONE), "cluster-member", IN_CLUSTER, False),
        (holder("project-owner", ONE), "rt-all", IN_ONE, False),
        (holder("project-owner", ONE), "rt-own-admin", IN_ONE, False),
        (holder("project-member", ONE), "read-only", IN_ONE, True),
        (holder("project-member", ONE), "project-owner", IN_ONE, False),
        (holder("projectroletemplatebindings-manage", ONE), "project-owner", IN_ONE, False),
        (holder("projectroletemplatebindings-manage", ONE), "secrets-view", IN_ONE, False),
        (holder("edit", ONE), "view", IN_ONE, True),
        (holder("view", ONE), "edit", IN_ONE, False),
        (holder("rt-all", ONE), "rt-pods", IN_ONE, True),
        (holder("rt-all", ONE), "edit", IN_ONE, True),
        (holder("roles-manage"), "rt-pods", IN_CLUSTER, False),
    ],
)
def test_who_may_bind_what(granter: Access, template: str, scope: Scope, answer: bool) -> None:
    assert granter.may_bind(template, scope) is answer


@pytest.mark.parametrize(
    "template", [role.id for role in ROLE_TEMPLATES if role.spec["context"] == "project" and role.id != "project-owner"]
)
def test_a_projects_owner_may_bind_every_shipped_project_role(template: str) -> None:
    assert holder("project-owner", ONE).may_bind(template, IN_ONE) is True


@pytest.mark.parametrize(
    ("template", "scope", "error"),
    [
        ("gone", IN_ONE, NotFound),
        ("rt-locked", IN_ONE, Invalid),
        ("rt-broken", IN_ONE, Invalid),
        ("rt-orphan", IN_ONE, Invalid),
        ("cluster-owner", IN_ONE, Invalid),
        ("project-owner", IN_CLUSTER, Invalid),
    ],
)
def test_what_nobody_may_bind(template: str, scope: Scope, error: type[Exception]) -> None:
    with pytest.raises(error):
        holder("admin").may_bind(template, scope)


@pytest.mark.parametrize(
    ("granter", "role", "answer"),
    [
        ("admin", "admin", True),
        ("admin", "gone", False),
        ("users-manage", "admin", False),
        ("users-manage", "users-manage", True),
        ("users-manage", "user", False),
        ("user", "catalogs-use", True),
        ("user", "user-base", True),
    ],
)
def test_who_may_bind_a_global_role(granter: str, role: str, answer: bool) -> None:
    assert holder(granter).may_bind_globally(role) is answer


def test_who_may_define_a_role() -> None:
    catalogs = parse_all([rule("get", "management.cattle.io", "catalogs")])
    assert holder("admin").may_define(parse_all([rule("*", "*", "*")]), ["cluster-admin"])
    assert holder("catalogs-manage").may_define(catalogs)
    assert not holder("roles-manage").may_define(catalogs)
    assert not holder("roles-manage").may_define((), ["cluster-owner"])
    assert not holder("roles-manage").may_define((), ["view"])
    assert holder("roles-manage").may_define(())


@pytest.mark.parametrize(
    ("caller", "other", "answer"),
    [
        (("admin", ""), ("admin", ""), True),
        (("admin", ""), ("cluster-owner", "c-1"), True),
        (("users-manage", ""), ("admin", ""), False),
        (("users-manage", ""), ("read-only", ONE), False),
        (("users-manage", ""), ("gone", ""), True),
        (("cluster-owner", "c-1"), ("project-owner", ONE), True),
        (("cluster-owner", "c-1"), ("project-owner", "c-2:p-1"), False),
        (("project-owner", ONE), ("edit", ONE), True),
    ],
)
def test_who_may_act_in_anothers_name(caller: tuple[str, str], other: tuple[str, str], answer: bool) -> None:
    assert holder(*caller).outranks(holder(*other)) is answer


def test_a_decision_does_not_look_at_what_others_have() -> None:
    """10,000 users, 5,000 bindings, 1,000 clusters: the index is made once, a decision takes its caller's part."""
    bindings = [
        bind("project-member", f"c-{number % 1000}:p-{number % 3}", user=f"u-{number * 2}", uid=f"uid-{number}")
        for number in range(4000)
    ]
    bindings += [bind("cluster-member", f"c-{number}", user="u-0", uid=f"uid-x-{number}") for number in range(1000)]
    found = index(read_all(bindings))
    assert sum(len(grants.clusters) + len(grants.projects) for grants in found.values()) == 5000
    for number in range(1000):
        caller = Access("u-0", [found[Subject("User", "u-0")]], ROLES)
        assert caller.allows("get", "management.cattle.io", "clusters", f"c-{number}")
