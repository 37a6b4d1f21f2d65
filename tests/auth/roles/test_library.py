"""Roles read once: inheritance, what is broken in them, defaults, and the shipped ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.auth.roles.globals import GLOBAL_ROLES
from chalicelib.auth.roles.library import MOST_INHERITED, Library
from chalicelib.auth.roles.rule import parse_all
from chalicelib.auth.roles.shipped import restored
from chalicelib.auth.roles.templates import ROLE_TEMPLATES
from chalicelib.errors import Invalid, NotFound
from chalicelib.types import Resource
from tests.support.world import global_role, library, role_template, rule

PODS, SECRETS = rule("get", "core", "pods"), rule("get", "core", "secrets")


def gathered(roles: Library, id: str, context: str = "project") -> list[str]:
    return [template.id for template in roles.bundle(id, context).templates]


def test_inheritance_is_followed_and_circles_end() -> None:
    roles = library(
        role_template("a", PODS, roleTemplateIds=["b", "view"]),
        role_template("b", SECRETS, roleTemplateIds=["a", "gone"]),
    )
    assert gathered(roles, "a") == ["a", "b", "view"]
    assert roles.bundle("a", "project").rules == parse_all([PODS, SECRETS])
    assert roles.bundle("a", "project").external == {"view"}


def test_too_much_inheritance_grants_nothing() -> None:
    chain = [
        role_template(f"t-{number}", PODS, roleTemplateIds=[f"t-{number + 1}"]) for number in range(MOST_INHERITED + 1)
    ]
    assert gathered(library(*chain), "t-0") == []
    assert len(gathered(library(*chain), "t-1")) == MOST_INHERITED


@pytest.mark.parametrize(
    ("context", "asked", "found"),
    [
        ("project", "project", True),
        ("project", "cluster", False),
        ("cluster", "project", False),
        ("", "project", True),
        ("", "cluster", True),
        ("galaxy", "project", False),
        (7, "project", False),
    ],
)
def test_the_context(context: Any, asked: str, found: bool) -> None:
    assert bool(library(role_template("a", PODS, context=context)).bundle("a", asked).rules) is found


@pytest.mark.parametrize(
    "broken",
    [
        role_template("a", {"verbs": ["get"]}),
        role_template("a", PODS, {"verbs": ["get"]}),
        replace(role_template("a", PODS), removed="2026-11-24T08:00:00Z"),
        role_template("a", PODS, external=True),
        role_template("a", PODS, external="yes"),
        role_template("a", PODS, roleTemplateIds="b"),
        role_template("a", PODS, roleTemplateIds=[1]),
        Resource(kind="roleTemplate", id="a", spec={"rules": "all"}),
    ],
)
def test_what_is_broken_has_no_rules(broken: Resource) -> None:
    assert library(broken).bundle("a", "project").rules == ()


def test_unknown_and_broken_global_roles_have_no_rules() -> None:
    roles = library(roles=[global_role("broken", {"verbs": ["*"]}), global_role("whole", PODS)])
    assert roles.role("broken") == roles.role("gone") == ()
    assert roles.role("whole") == parse_all([PODS])


@pytest.mark.parametrize(
    ("template", "code"),
    [
        (role_template("a", PODS, locked=True), "InvalidState"),
        (role_template("a", PODS, context="cluster"), "InvalidBodyContent"),
        (role_template("a", {"verbs": ["get"]}), "InvalidFormat"),
        (role_template("a", PODS, roleTemplateIds=["gone"]), "InvalidFormat"),
    ],
)
def test_what_can_not_be_bound(template: Resource, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        library(template).checked("a", "project")
    assert caught.value.code == code


def test_what_can_be_bound() -> None:
    assert library(role_template("a", PODS)).checked("a", "project").rules == parse_all([PODS])
    with pytest.raises(NotFound):
        library().checked("gone", "project")


def test_defaults() -> None:
    roles = library()
    assert roles.defaults("cluster") == ("cluster-owner",)
    assert roles.defaults("project") == ("project-owner",)
    assert roles.new_user_roles() == ("user",)
    locked = library(role_template("a", clusterCreatorDefault=True, locked=True))
    assert locked.defaults("cluster") == ("cluster-owner",)


def test_heirs() -> None:
    assert library(role_template("a", roleTemplateIds=["b"])).heirs("b") == ("a",)
    assert library().heirs("view") == ("projects-view", "read-only")


def test_the_shipped_roles() -> None:
    roles = library()
    assert [role.id for role in GLOBAL_ROLES] == [
        "admin",
        "user",
        "user-base",
        "clusters-create",
        "nodedrivers-manage",
        "catalogs-manage",
        "catalogs-use",
        "users-manage",
        "roles-manage",
        "authn-manage",
        "settings-manage",
        "podsecuritypolicytemplates-manage",
    ]
    assert len({template.id for template in ROLE_TEMPLATES}) == 33
    external = {template.id for template in ROLE_TEMPLATES if template.spec["external"]}
    assert external == {"cluster-admin", "admin", "edit", "view"}
    for template in ROLE_TEMPLATES:
        bundle = roles.checked(template.id, template.spec["context"])
        assert bundle.rules or bundle.external
    for role in GLOBAL_ROLES:
        assert roles.role(role.id)


def test_a_start_restores_rules_and_keeps_choices() -> None:
    owner = next(template for template in ROLE_TEMPLATES if template.id == "project-owner")
    spoiled = replace(
        owner, spec={**owner.spec, "rules": [], "locked": True, "projectCreatorDefault": False}, version=3
    )
    back = restored(spoiled, owner)
    assert (back.spec["rules"], back.version) == (owner.spec["rules"], 3)
    assert (back.spec["locked"], back.spec["projectCreatorDefault"]) == (True, False)
    assert restored(None, owner) == owner
