"""Namespaces in projects, and their state while controllers are at work."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.mapping.namespaces import NAMESPACE, is_hidden, moved, project_of


def namespace(*conditions: dict[str, str], phase: str = "Active", **annotations: str) -> dict[str, Any]:
    kept = {"cattle.io/status": json.dumps({"Conditions": conditions})} if conditions else {}
    return {"metadata": {"name": "web", "annotations": {**kept, **annotations}}, "status": {"phase": phase}}


def test_its_project_stands_in_annotation_and_label() -> None:
    made = NAMESPACE.to_kubernetes({"name": "web", "projectId": "c-abcde:p-fghij", "creatorId": "u-1"})
    assert made["metadata"]["labels"]["field.cattle.io/projectId"] == "p-fghij"
    assert project_of(made) == "c-abcde:p-fghij"
    shown = NAMESPACE.to_v3(made)
    assert (shown["id"], shown["projectId"], shown["creatorId"], shown["annotations"]) == (
        "web",
        "c-abcde:p-fghij",
        "u-1",
        {},
    )
    assert "namespaceId" not in shown


def test_moving() -> None:
    there = moved(namespace(), "c-abcde:p-fghij")
    assert NAMESPACE.to_v3(there)["projectId"] == "c-abcde:p-fghij"
    nowhere = moved(there, None)
    assert NAMESPACE.to_v3(nowhere)["projectId"] is None
    assert "field.cattle.io/projectId" not in json.dumps(nowhere)


def test_no_update_moves_it() -> None:
    """Neither by the field, nor by the label and the annotation that stand for it."""
    stored = {"metadata": {**moved(namespace(), "c-abcde:p-fghij")["metadata"], "uid": "u"}}
    key = "field.cattle.io/projectId"
    forged = {"projectId": "c-abcde:p-other", "labels": {key: "p-other"}, "annotations": {key: "c-abcde:p-other"}}
    assert NAMESPACE.to_kubernetes(forged, stored) == stored


def test_a_quota_is_kept_as_wished() -> None:
    made = NAMESPACE.to_kubernetes({"name": "web", "resourceQuota": {"limit": {"pods": "5"}}})
    assert NAMESPACE.to_v3(made)["resourceQuota"] == {"limit": {"pods": "5"}}


@pytest.mark.parametrize(
    ("source", "state", "transitioning"),
    [
        (namespace(), "active", "no"),
        (namespace(phase="Terminating"), "terminating", "no"),
        (
            namespace({"Type": "InitialRolesPopulated", "Status": "Unknown", "Message": "Populating"}),
            "activating",
            "yes",
        ),
        (namespace({"Type": "InitialRolesPopulated", "Status": "False"}), "activating", "error"),
        (namespace({"Type": "InitialRolesPopulated", "Status": "True"}), "active", "no"),
        (namespace(**{"cattle.io/status": "{"}), "active", "no"),
        (namespace(**{"cattle.io/status": '{"Conditions": [1, {"Type": 2}]}'}), "active", "no"),
    ],
)
def test_state(source: dict[str, Any], state: str, transitioning: str) -> None:
    shown = NAMESPACE.to_v3(source)
    assert (shown["state"], shown["transitioning"]) == (state, transitioning)


def test_backing_namespaces_are_hidden() -> None:
    assert is_hidden(namespace(**{"management.cattle.io/system-namespace": "true"}))
    assert not is_hidden(namespace())
