"""Bindings, read strictly, and indexed by subject."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.auth.identity import CONTROLLER
from chalicelib.auth.roles.bindings import GROUP, USER, Grants, Subject, index, read, read_all
from chalicelib.types import Resource
from tests.support.world import bind


def binding(**spec: Any) -> Resource:
    whole = {"roleTemplateId": "r", "projectId": "c-1:p-1", **spec}
    return Resource(kind="projectRoleTemplateBinding", id="x", uid="uid", spec=whole)


@pytest.mark.parametrize(
    ("spec", "subject"),
    [
        ({"userId": "u-1"}, Subject(USER, "u-1")),
        ({"userId": "u-1", "userPrincipalId": "local://u-1"}, Subject(USER, "u-1")),
        ({"groupPrincipalId": "ldap://CN=Größe, X"}, Subject(GROUP, "ldap://CN=Größe, X")),
        ({"groupId": "g"}, Subject(GROUP, "g")),
    ],
)
def test_whom_a_binding_is_for(spec: dict[str, Any], subject: Subject) -> None:
    found = read(binding(**spec))
    assert found is not None
    assert (found.subject, found.scope, found.role) == (subject, "c-1:p-1", "r")


@pytest.mark.parametrize(
    "wrong",
    [
        binding(),
        binding(userId=""),
        binding(userId=7),
        binding(userId="u-1", groupId="g"),
        binding(userPrincipalId="local://u-1"),
        binding(userPrincipalId="local://u-1", groupId="g"),
        binding(userId="system:admin"),
        binding(userId=CONTROLLER),
        binding(groupId="system:masters"),
        binding(groupId="System:masters"),
        binding(groupId=" system:masters"),
        binding(groupId="g\n"),
        binding(groupId="g" * 600),
        binding(userId="u-1", projectId="c-1"),
        binding(userId="u-1", projectId="c-1:p-1:x"),
        binding(userId="u-1", projectId="../x:y"),
        binding(userId="u-1", projectId=None),
        binding(userId="u-1", roleTemplateId=""),
        binding(userId="u-1", roleTemplateId=None),
        replace(binding(userId="u-1"), uid=""),
        replace(binding(userId="u-1"), uid="not a label"),
        replace(binding(userId="u-1"), removed="2026-11-24T08:00:00Z"),
        replace(binding(userId="u-1"), kind="clusterRoleTemplateBinding"),
        replace(binding(userId="u-1"), kind="globalRoleBinding"),
        replace(binding(userId="u-1"), kind="surprise"),
    ],
)
def test_what_is_no_binding(wrong: Resource) -> None:
    assert read(wrong) is None


def test_one_record_for_each_subject() -> None:
    bound = read_all(
        [
            bind("user", user="u-1"),
            bind("b", "c-1", user="u-1"),
            bind("a", "c-1", user="u-1"),
            bind("a", "c-2:p-1", user="u-1"),
            bind("a", "c-2:p-1", group="g"),
        ]
    )
    found = index(bound)
    assert found == {
        Subject(USER, "u-1"): Grants(("user",), {"c-1": ("a", "b")}, {"c-2:p-1": ("a",)}),
        Subject(GROUP, "g"): Grants((), {}, {"c-2:p-1": ("a",)}),
    }
    assert index(reversed(bound)) == found
