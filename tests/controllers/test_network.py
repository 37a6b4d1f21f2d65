"""Who is heard in a project's namespaces."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.auth.roles.cluster import Place
from chalicelib.controllers.network import NAMESPACE_NAME, plan
from chalicelib.controllers.placement import PROJECT

ONE, SYSTEM = "c-1:p-1", "c-1:p-s"
PLACE = Place("c-1", frozenset((ONE, SYSTEM)), {"web": ONE, "api": ONE, "kube-system": SYSTEM})


def friends(policy: Any) -> tuple[str, list[str]]:
    (peer,) = policy["spec"]["ingress"][0]["from"]
    (expression,) = peer["namespaceSelector"]["matchExpressions"]
    return expression["key"], expression["values"]


@pytest.mark.parametrize(
    ("system", "named", "heard"),
    [
        (SYSTEM, False, (PROJECT, ["p-1", "p-s"])),
        ("", False, (PROJECT, ["p-1"])),
        (SYSTEM, True, (NAMESPACE_NAME, ["api", "kube-system", "web"])),
        ("", True, (NAMESPACE_NAME, ["api", "web"])),
    ],
)
def test_isolation(system: str, named: bool, heard: tuple[str, list[str]]) -> None:
    made = plan(PLACE, system, True, named, []).create
    policies = {policy["metadata"]["namespace"]: policy for policy in made}
    assert set(policies) == {"web", "api"} | ({"kube-system"} if not system else set())
    assert friends(policies["web"]) == heard
    assert policies["web"]["spec"]["podSelector"] == {}


def test_switching_it_off_takes_the_policies_away() -> None:
    made = plan(PLACE, SYSTEM, True, True, []).create
    assert len(plan(PLACE, SYSTEM, False, True, made).delete) == 2
    assert plan(PLACE, SYSTEM, True, True, made).is_empty
