"""Who may do what with Lariat's own API, role by role, and where."""

from __future__ import annotations

import pytest

from chalicelib.auth.roles.access import GLOBALLY, Access, Scope
from chalicelib.auth.roles.kinds import target
from chalicelib.types import Resource
from tests.support.world import access, bind, library, role_template, rule

ONE, TWO = "c-1:p-1", "c-1:p-2"
IN_CLUSTER, IN_ONE, IN_TWO = Scope("c-1"), Scope("c-1", ONE), Scope("c-1", TWO)
ELSEWHERE, IN_OTHER = Scope("c-2"), Scope("c-2", "c-2:p-9")
MINE, OTHERS = Scope(user="u-1"), Scope(user="u-2")

ALL = "get list create update delete"
READS = "get list"


def may(caller: Access, kind: str, id: str = "", scope: Scope = GLOBALLY) -> str:
    summary = caller.summary(*target(kind), id, scope)
    return " ".join(verb for verb in ALL.split() if verb in summary)


def caller(*bindings: Resource, templates: tuple[Resource, ...] = ()) -> Access:
    return access(bindings, library(*templates))


ADMIN = caller(bind("admin", user="u-1"))
USER = caller(bind("user", user="u-1"))
OWNER = caller(bind("cluster-owner", "c-1", user="u-1"))
MEMBER = caller(bind("cluster-member", "c-1", user="u-1"))
PROJECT_OWNER = caller(bind("project-owner", ONE, user="u-1"))
PROJECT_MEMBER = caller(bind("project-member", ONE, user="u-1"))
READER = caller(bind("read-only", ONE, user="u-1"))
VIEWER = caller(bind("projects-view", "c-1", user="u-1"))
GREEDY = caller(
    bind("rt-x", ONE, user="u-1"), templates=(role_template("rt-x", rule("*", "*", "*"), context="project"),)
)
NOBODY = caller()


@pytest.mark.parametrize(
    ("who", "kind", "id", "scope", "verbs"),
    [
        (ADMIN, "user", "u-2", GLOBALLY, ALL),
        (ADMIN, "cluster", "c-1", GLOBALLY, ALL),
        (ADMIN, "projectRoleTemplateBinding", "p-1:x", IN_ONE, ALL),
        (ADMIN, "token", "token-x", MINE, ALL),
        (ADMIN, "token", "token-x", OTHERS, ""),
        (USER, "cluster", "", GLOBALLY, "create"),
        (USER, "cluster", "c-1", GLOBALLY, "create"),
        (USER, "roleTemplate", "x", GLOBALLY, READS),
        (USER, "setting", "x", GLOBALLY, READS),
        (USER, "user", "u-1", GLOBALLY, "get"),
        (USER, "user", "u-2", GLOBALLY, ""),
        (USER, "preference", "x", MINE, ALL),
        (USER, "preference", "x", OTHERS, ""),
        (USER, "globalRoleBinding", "", GLOBALLY, ""),
        (NOBODY, "setting", "x", GLOBALLY, ""),
        (NOBODY, "cluster", "c-1", GLOBALLY, ""),
        (NOBODY, "token", "token-x", MINE, ALL),
        (NOBODY, "preference", "x", MINE, ALL),
        (OWNER, "cluster", "c-1", GLOBALLY, ALL),
        (OWNER, "cluster", "c-2", GLOBALLY, ""),
        (OWNER, "cluster", "", GLOBALLY, ""),
        (OWNER, "user", "u-2", GLOBALLY, ""),
        (OWNER, "roleTemplate", "x", GLOBALLY, ""),
        (OWNER, "roleTemplate", "x", IN_CLUSTER, ""),
        (OWNER, "setting", "x", IN_ONE, ""),
        (OWNER, "clusterRegistrationToken", "c-1:x", IN_CLUSTER, ALL),
        (OWNER, "clusterRegistrationToken", "c-2:x", ELSEWHERE, ""),
        (OWNER, "project", TWO, IN_CLUSTER, ALL),
        (OWNER, "secret", "p-2:x", IN_TWO, ALL),
        (OWNER, "secret", "p-9:x", IN_OTHER, ""),
        (OWNER, "projectRoleTemplateBinding", "p-9:x", Scope("c-1", "c-2:p-9"), ""),
        (MEMBER, "cluster", "c-1", GLOBALLY, "get"),
        (MEMBER, "node", "c-1:x", IN_CLUSTER, READS),
        (MEMBER, "project", "", IN_CLUSTER, "create"),
        (MEMBER, "project", ONE, IN_CLUSTER, "create"),
        (MEMBER, "clusterRegistrationToken", "c-1:x", IN_CLUSTER, ""),
        (MEMBER, "secret", "p-1:x", IN_ONE, ""),
        (VIEWER, "project", TWO, IN_CLUSTER, READS),
        (VIEWER, "app", "p-2:x", IN_TWO, READS),
        (VIEWER, "secret", "p-2:x", IN_TWO, ""),
        (PROJECT_OWNER, "cluster", "c-1", GLOBALLY, "get"),
        (PROJECT_OWNER, "cluster", "c-2", GLOBALLY, ""),
        (PROJECT_OWNER, "project", ONE, IN_CLUSTER, ALL),
        (PROJECT_OWNER, "project", TWO, IN_CLUSTER, ""),
        (PROJECT_OWNER, "project", "", IN_CLUSTER, ""),
        (PROJECT_OWNER, "project", "c-2:p-1", ELSEWHERE, ""),
        (PROJECT_OWNER, "projectRoleTemplateBinding", "", IN_ONE, ALL),
        (PROJECT_OWNER, "projectRoleTemplateBinding", "", IN_TWO, ""),
        (PROJECT_OWNER, "clusterRoleTemplateBinding", "", IN_CLUSTER, ""),
        (PROJECT_OWNER, "secret", "p-1:x", IN_ONE, ALL),
        (PROJECT_OWNER, "notifier", "c-1:x", IN_CLUSTER, READS),
        (PROJECT_OWNER, "notifier", "c-2:x", ELSEWHERE, ""),
        (PROJECT_MEMBER, "project", ONE, IN_CLUSTER, "get"),
        (PROJECT_MEMBER, "projectRoleTemplateBinding", "p-1:x", IN_ONE, READS),
        (PROJECT_MEMBER, "app", "p-1:x", IN_ONE, ALL),
        (PROJECT_MEMBER, "secret", "p-1:x", IN_ONE, ALL),
        (READER, "app", "p-1:x", IN_ONE, READS),
        (READER, "secret", "p-1:x", IN_ONE, ""),
        (READER, "pipeline", "p-1:x", IN_ONE, READS),
        (GREEDY, "clusterRoleTemplateBinding", "c-1:x", IN_CLUSTER, ""),
        (GREEDY, "clusterRegistrationToken", "c-1:x", IN_CLUSTER, ""),
        (GREEDY, "notifier", "c-1:x", IN_CLUSTER, READS),
        (GREEDY, "cluster", "c-1", GLOBALLY, "get"),
        (GREEDY, "project", TWO, IN_CLUSTER, ""),
        (GREEDY, "secret", "p-1:x", IN_ONE, ALL),
        (GREEDY, "secret", "p-2:x", IN_TWO, ""),
    ],
)
def test_what_a_role_lets_its_holder_do(who: Access, kind: str, id: str, scope: Scope, verbs: str) -> None:
    assert may(who, kind, id, scope) == verbs
    for verb in ALL.split():
        assert who.allows(verb, *target(kind), id, scope) is (verb in verbs.split())


def test_rights_of_groups_add_up() -> None:
    bindings = [bind("read-only", ONE, group="team://red"), bind("create-ns", TWO, user="u-1")]
    both = access(bindings, library(), groups=("team://red", "team://none"))
    assert may(both, "app", "p-1:x", IN_ONE) == READS
    assert may(both, "project", TWO, IN_CLUSTER) == "get"
    assert both.projects() == {ONE, TWO}
    assert may(access(bindings, library()), "app", "p-1:x", IN_ONE) == ""


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_leaving_one_of_two_projects_ends_access_to_it(order: tuple[int, int]) -> None:
    bindings = [bind("project-member", ONE, user="u-1"), bind("project-member", TWO, user="u-1")]
    gone, stays = bindings[order[0]], bindings[order[1]]
    left = caller(stays)
    for binding, verbs in ((gone, ""), (stays, ALL)):
        project = str(binding.spec["projectId"])
        assert may(left, "app", "x", Scope("c-1", project)) == verbs


def test_where_to_look_for_a_list() -> None:
    assert ADMIN.clusters() == frozenset()
    assert caller(bind("nodes-view", "c-3", user="u-1"), bind("view", ONE, user="u-1")).clusters() == frozenset(
        ("c-1", "c-3")
    )
    assert (NOBODY.clusters(), NOBODY.projects()) == (frozenset(), frozenset())


def test_a_rule_for_one_group_is_not_for_another() -> None:
    template = role_template("rt-x", rule("*", "project.cattle.io", "projectroletemplatebindings secrets"))
    who = caller(bind("rt-x", ONE, user="u-1"), templates=(template,))
    assert may(who, "projectRoleTemplateBinding", "p-1:x", IN_ONE) == may(who, "secret", "p-1:x", IN_ONE) == ""


@pytest.mark.parametrize("template", [role_template("rt-x", {"verbs": ["*"]}), role_template("rt-y")])
def test_what_is_broken_or_unknown_grants_nothing(template: Resource) -> None:
    who = caller(bind("rt-x", ONE, user="u-1"), bind("gone", user="u-1"), templates=(template,))
    assert may(who, "app", "p-1:x", IN_ONE) == ""
    assert may(who, "cluster", "c-2") == ""


def test_membership_of_an_unknown_template_shows_nothing() -> None:
    who = caller(bind("gone", ONE, user="u-1"), bind("gone", "c-1", user="u-1"))
    assert may(who, "cluster", "c-1") == may(who, "project", ONE, IN_CLUSTER) == ""
