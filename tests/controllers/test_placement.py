"""Which project a namespace is in: its annotation counts once, then the record does."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.clusters.manifest import NAMESPACE as AGENTS
from chalicelib.controllers.objects import Delete, Patch, Plan, Ref
from chalicelib.controllers.placement import PROJECT, place
from chalicelib.mapping.kind import CREATOR

ONE, TWO = "c-1:p-1", "c-1:p-2"
PROJECTS = frozenset((ONE, TWO))


def namespace(project: str = "", label: str = "", **metadata: Any) -> dict[str, Any]:
    annotations, labels = ({PROJECT: value} if value else {} for value in (project, label))
    return {"metadata": {"name": "web", "uid": "uid", "annotations": annotations, "labels": labels, **metadata}}


def said(project: str | None, label: str | None, name: str = "web") -> tuple[Patch, ...]:
    body = {"metadata": {"annotations": {PROJECT: project}, "labels": {PROJECT: label}}}
    return (Patch(Ref("v1", "Namespace", "", name), body),)


@pytest.mark.parametrize(
    ("seen", "record", "project", "patches"),
    [
        (namespace(ONE, "p-1"), {}, ONE, ()),
        (namespace(ONE), {}, ONE, said(ONE, "p-1")),
        (namespace(), {}, "", ()),
        (namespace("c-1:p-gone"), {}, "", said(None, None)),
        (namespace("c-2:p-1"), {}, "", said(None, None)),
        (namespace(ONE, "p-1"), {"uid": ONE}, ONE, ()),
        (namespace(TWO, "p-2"), {"uid": ONE}, ONE, said(ONE, "p-1")),
        (namespace(ONE, "p-2"), {"uid": ONE}, ONE, said(ONE, "p-1")),
        (namespace(), {"uid": ONE}, ONE, said(ONE, "p-1")),
        (namespace(ONE, "p-1"), {"uid": ""}, "", said(None, None)),
        (namespace(ONE, "p-1"), {"uid": "c-1:p-gone"}, "", said(None, None)),
        (namespace(TWO, "p-2"), {"another": ONE}, TWO, ()),
        (namespace(name=AGENTS), {}, "", ()),
        (namespace(ONE, "p-1", name=AGENTS), {}, "", said(None, None, AGENTS)),
        (namespace(ONE, "p-1", name=AGENTS), {"uid": ONE}, "", said(None, None, AGENTS)),
    ],
)
def test_where_a_namespace_is(
    seen: dict[str, Any], record: dict[str, str], project: str, patches: tuple[Patch, ...]
) -> None:
    made = place([seen], record, PROJECTS)
    assert made.namespaces == ({"web": project} if project else {})
    assert made.record == {"uid": project}
    assert made.plan.patch == patches


@pytest.mark.parametrize(
    ("seen", "record", "project"),
    [
        (namespace(), {}, TWO),
        (namespace(ONE), {}, ONE),
        (namespace("c-9:p-of-another-lariat"), {}, TWO),
        (namespace(), {"uid": ""}, ""),
        (namespace(name=AGENTS), {}, ""),
    ],
)
def test_a_namespace_that_comes_with_the_cluster(seen: dict[str, Any], record: dict[str, str], project: str) -> None:
    made = place([seen], record, PROJECTS, {"web": TWO, AGENTS: TWO})
    assert made.record == {"uid": project}


def test_a_namespace_that_goes_is_in_no_project() -> None:
    made = place([namespace(TWO, deletionTimestamp="2026-11-24T08:00:00Z")], {"uid": ONE}, PROJECTS)
    assert (made.namespaces, made.plan.patch) == ({}, ())


GONE = "c-1:p-gone"


@pytest.mark.parametrize(
    ("metadata", "record", "goes"),
    [
        ({}, GONE, True),
        ({"deletionTimestamp": "2026-11-24T08:00:00Z"}, GONE, False),
        ({"annotations": {PROJECT: GONE}}, GONE, False),
        ({}, ONE, False),
        ({}, "", False),
        ({}, None, False),
        ({"name": AGENTS}, GONE, False),
    ],
)
def test_what_was_made_through_the_api_goes_with_its_project(
    metadata: dict[str, Any], record: str | None, goes: bool
) -> None:
    seen = {"metadata": {"name": "web", "uid": "uid", "annotations": {CREATOR: "u-1", PROJECT: GONE}, **metadata}}
    known = {} if record is None else {"uid": record}
    made = place([seen], known, PROJECTS)
    deleted = (Delete(Ref("v1", "Namespace", "", "web"), "uid"),)
    assert made.plan.delete == (deleted if goes else ())
    if goes:
        assert (made.namespaces, made.plan) == ({}, Plan(delete=deleted))
        assert made.record == known, "until it is gone"
    assert place([seen], known, frozenset(), leaving=True).plan.delete == ()


def test_bare_metadata() -> None:
    assert place([{"metadata": {"name": "web", "uid": "uid"}}], {}, PROJECTS).namespaces == {}
