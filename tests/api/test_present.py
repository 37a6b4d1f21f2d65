"""What of a resource is shown."""

from __future__ import annotations

from typing import Any

from chalicelib.api.present import milliseconds, show
from chalicelib.schema.kinds import KINDS
from chalicelib.schema.kinds.clusters import CLUSTER, REGISTRATION_TOKEN
from chalicelib.schema.kinds.identity import USER
from chalicelib.types import Condition, Resource
from tests.support.server import BASE

NOW = "2026-11-24T08:00:00Z"


def shown(**given: Any) -> dict[str, Any]:
    return show(CLUSTER, Resource(kind="cluster", id="c-1", **given), BASE, {})


def test_only_declared_fields_are_shown() -> None:
    document = shown(spec={"name": "one", "hidden": 1}, status={"driver": "imported", "secret": 2})
    assert (document["name"], document["driver"]) == ("one", "imported")
    assert not document.keys() & {"hidden", "secret", "spec", "status"}


def test_secret_and_sealed_values_are_not_shown() -> None:
    user = Resource(kind="user", id="u-1", spec={"password": "x"}, sealed={"password": "x"})
    assert "password" not in show(USER, user, BASE, {})
    token = Resource(kind="clusterRegistrationToken", id="c-1:crt-1", parent="c-1", sealed={"token": "x"})
    assert "token" not in show(REGISTRATION_TOKEN, token, BASE, {})


def test_a_computed_secret_is_not_shown_either() -> None:
    assert "password" not in show(USER, Resource(kind="user", id="u-1"), BASE, {"password": "x"})


def test_every_field_is_there_even_without_a_value() -> None:
    for kind in KINDS:
        document = show(kind, Resource(kind=kind.id, id="x"), BASE, {})
        expected = {name for name, field in kind.fields.items() if not field.secret and field.place != "sealed"}
        assert expected <= document.keys()


def test_a_kind_without_a_display_name_goes_by_its_id() -> None:
    token = Resource(kind="clusterRegistrationToken", id="c-1:crt-1", parent="c-1", spec={"name": "other"})
    document = show(REGISTRATION_TOKEN, token, BASE, {})
    assert (document["name"], document["clusterId"]) == ("crt-1", "c-1")


def test_conditions_carry_their_times() -> None:
    (condition,) = shown(conditions=(Condition("Ready", "False", "Lost", "gone", NOW),))["conditions"]
    assert condition == {
        "type": "Ready",
        "status": "False",
        "reason": "Lost",
        "message": "gone",
        "lastTransitionTime": NOW,
        "lastTransitionTimeTS": milliseconds(NOW),
        "lastUpdateTime": NOW,
        "lastUpdateTimeTS": milliseconds(NOW),
    }


def test_what_is_being_removed_says_since_when() -> None:
    document = shown(removed=NOW, finalizers=("agent",))
    assert (document["removed"], document["removedTS"], document["state"]) == (NOW, 1_795_507_200_000, "removing")
    assert "removed" not in shown()


def test_own_labels_join_the_creator() -> None:
    assert shown(labels={"team": "a"})["labels"] == {"cattle.io/creator": "norman", "team": "a"}


def test_times_in_milliseconds() -> None:
    assert milliseconds(NOW) == 1_795_507_200_000
    assert milliseconds("") is None
