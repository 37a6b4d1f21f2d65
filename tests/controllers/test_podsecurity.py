"""Pod security templates as policies, and as labels where policies are gone."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.auth.roles.cluster import Place
from chalicelib.controllers.podsecurity import BY_US, ENFORCE, OPEN, STRICT, choose, level, plan
from chalicelib.types import Resource

ONE, TWO = "c-1:p-1", "c-1:p-2"
PLACE = Place("c-1", frozenset((ONE, TWO)), {"web": ONE, "other": TWO})


def template(**spec: Any) -> Resource:
    return Resource(kind="podSecurityPolicyTemplate", id="t", spec={**STRICT.spec, **spec})


def namespace(name: str = "web", ours: str = "", label: str = "") -> dict[str, Any]:
    annotations, labels = ({BY_US: ours} if ours else {}, {ENFORCE: label} if label else {})
    return {"metadata": {"name": name, "annotations": annotations, "labels": labels}}


def test_which_template_applies() -> None:
    cluster = Resource(kind="cluster", id="c-1", spec={"defaultPodSecurityPolicyTemplateId": "restricted"})
    own = Resource(kind="project", id=ONE, spec={"podSecurityPolicyTemplateId": "unrestricted"})
    other, lost = (Resource(kind="project", id=id) for id in (TWO, "c-1:p-3"))
    templates = {"restricted": STRICT, "unrestricted": OPEN}
    assert choose(cluster, [own, other], templates) == {ONE: OPEN, TWO: STRICT}
    assert choose(Resource(kind="cluster", id="c-1"), [own, lost], templates) == {ONE: OPEN}
    assert choose(Resource(kind="cluster", id="c-1"), [own], {}) == {ONE: STRICT}


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (STRICT, "restricted"),
        (OPEN, "privileged"),
        (template(privileged=True), "privileged"),
        (template(hostPID=True), "privileged"),
        (template(volumes=["hostPath"]), "privileged"),
        (template(volumes=["*"]), "privileged"),
        (template(allowedCapabilities=["NET_ADMIN"]), "privileged"),
        (template(allowPrivilegeEscalation=True), "baseline"),
        (template(runAsUser={"rule": "RunAsAny"}), "baseline"),
        (Resource(kind="podSecurityPolicyTemplate", id="t"), "restricted"),
    ],
)
def test_the_level_that_a_template_amounts_to(made: Resource, expected: str) -> None:
    assert level(made) == expected


def test_a_policy_and_who_may_use_it() -> None:
    made = plan({ONE: STRICT}, PLACE, True, [], [namespace()])
    assert made.patch == ()
    policy, role, binding = made.create
    assert (policy["kind"], policy["metadata"]["name"]) == ("PodSecurityPolicy", "restricted-psp")
    assert policy["spec"].get("privileged") is None
    assert role["rules"][0]["resourceNames"] == ["restricted-psp"]
    assert binding["metadata"]["namespace"] == "web"
    assert binding["subjects"][0]["name"] == "system:serviceaccounts:web"
    assert plan({ONE: STRICT}, PLACE, True, made.create, [namespace()]).is_empty
    assert len(plan({}, PLACE, True, made.create, [namespace()]).delete) == 3


@pytest.mark.parametrize(
    ("chosen", "seen", "said"),
    [
        ({ONE: STRICT}, namespace(), "restricted"),
        ({ONE: OPEN}, namespace(ours="restricted", label="restricted"), "privileged"),
        ({ONE: STRICT}, namespace(ours="restricted", label="privileged"), "restricted"),
        ({ONE: STRICT}, namespace(label="privileged"), "restricted"),
        ({}, namespace(ours="restricted", label="restricted"), None),
    ],
)
def test_a_label_where_policies_are_gone(chosen: dict[str, Resource], seen: dict[str, Any], said: str | None) -> None:
    made = plan(chosen, PLACE, False, [], [seen])
    assert made.create == ()
    assert [patch.body["metadata"] for patch in made.patch] == [
        {"labels": {ENFORCE: said}, "annotations": {BY_US: said}}
    ]


@pytest.mark.parametrize(
    ("chosen", "seen"),
    [
        ({ONE: STRICT}, namespace(ours="restricted", label="restricted")),
        ({}, namespace(label="privileged")),
        ({ONE: STRICT}, namespace("elsewhere", label="privileged")),
    ],
)
def test_labels_that_stay(chosen: dict[str, Resource], seen: dict[str, Any]) -> None:
    assert plan(chosen, PLACE, False, [], [seen]).is_empty
