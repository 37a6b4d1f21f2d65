"""From what is there to what is wanted, in as few writes as it takes."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.controllers.objects import OWNER, Delete, Plan, Ref, compare, merged, metadata, same, short


def thing(name: str = "one", owner: str = "tests", kind: str = "ConfigMap", **payload: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata(owner, name, "web"), **payload}


def stored(document: dict[str, Any], **extra: Any) -> dict[str, Any]:
    return {**document, "metadata": {**document["metadata"], "uid": "uid-1", "resourceVersion": "7", **extra}}


def test_nothing_to_do() -> None:
    document = thing(data={"a": "b"})
    assert compare("tests", [document], [stored(document)]).is_empty
    assert compare("tests", [], []) == Plan()


def test_what_is_missing_is_created_and_what_is_surplus_goes() -> None:
    plan = compare("tests", [thing("one")], [stored(thing("two"))])
    assert plan.create == (thing("one"),)
    assert plan.delete == (Delete(Ref("v1", "ConfigMap", "web", "two"), "uid-1"),)
    assert plan.update == ()


def test_drift_is_repaired_against_the_version_that_was_seen() -> None:
    (update,) = compare("tests", [thing(data={"a": "b"})], [stored(thing(data={"a": "c"}))]).update
    assert (update["data"], update["metadata"]["resourceVersion"]) == ({"a": "b"}, "7")


def test_what_can_not_be_changed_is_made_anew() -> None:
    wanted, there = thing(roleRef={"name": "a"}), stored(thing(roleRef={"name": "b"}))
    plan = compare("tests", [wanted], [there])
    assert (len(plan.delete), plan.create, plan.update) == (1, (wanted,), ())


@pytest.mark.parametrize("owner", ["others", ""])
def test_what_is_not_ours_stays(owner: str) -> None:
    there = stored(thing(owner=owner))
    assert compare("tests", [], [there]) == Plan()
    plan = compare("tests", [thing(data={"a": "b"})], [there])
    assert plan == Plan(refused=("ConfigMap web/one is there already and not Lariat's",))


@pytest.mark.parametrize(
    ("wanted", "observed", "answer"),
    [
        ({"rules": []}, {"rules": None}, True),
        ({}, {"rules": None, "status": {"x": 1}}, True),
        ({"rules": [{"verbs": ["get"]}]}, {"rules": [{"verbs": ["get"], "resourceNames": []}]}, True),
        ({"rules": [{"verbs": ["get"]}]}, {"rules": [{"verbs": ["get"], "resourceNames": ["x"]}]}, False),
        ({"rules": [{"verbs": ["get"]}]}, {"rules": [{"verbs": ["get"]}, {"verbs": ["*"]}]}, False),
        ({"data": {"a": "1000m"}}, {"data": {"a": "1"}}, False),
    ],
)
def test_sameness(wanted: dict[str, Any], observed: dict[str, Any], answer: bool) -> None:
    assert same(thing(**wanted), stored(thing(**observed))) is answer


def test_quantities_are_compared_as_numbers() -> None:
    wanted = thing(kind="ResourceQuota", spec={"hard": {"limits.cpu": "1500m", "limits.memory": "1024Mi"}})
    observed = thing(kind="ResourceQuota", spec={"hard": {"limits.cpu": "1.5", "limits.memory": "1Gi"}})
    assert same(wanted, stored(observed))


def test_what_others_add_to_the_metadata_does_not_matter_but_what_they_take_does() -> None:
    document = thing()
    more = stored(document, labels={**document["metadata"]["labels"], "x": "y"}, annotations={"a": "b"})
    less = stored(document, labels={OWNER: "tests"})
    assert same(document, more)
    assert not same(document, less)


def test_short_names_depend_on_every_part() -> None:
    names = [short("a", "b"), short("ab"), short("a", "b", ""), short("b", "a")]
    assert len(set(names)) == len(names)
    assert short("a", "b") == names[0]
    assert all(name.isalnum() and len(name) == 16 for name in names)


def test_one_pass_for_several_plans() -> None:
    one, two = compare("tests", [thing("one")], []), compare("tests", [], [stored(thing("two"))])
    both = merged([one, two])
    assert (both.create, both.delete) == (one.create, two.delete)
