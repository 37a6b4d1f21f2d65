"""A project's secrets in each of its namespaces, and nowhere else."""

from __future__ import annotations

import pytest

from chalicelib.auth.roles.cluster import Place
from chalicelib.controllers.objects import ref
from chalicelib.controllers.secrets import COPY, Secret, plan

ONE, TWO = "c-1:p-1", "c-1:p-2"
PLACE = Place("c-1", frozenset((ONE, TWO)), {"web": ONE, "api": ONE, "other": TWO})
KEY = Secret(ONE, "key", "Opaque", {"a": "Yg=="})


def test_a_copy_in_every_namespace_of_the_project() -> None:
    made = plan([KEY], PLACE, []).create
    assert [document["metadata"]["namespace"] for document in made] == ["api", "web"]
    assert made[0]["metadata"]["annotations"] == {COPY: "true"}
    assert (made[0]["type"], made[0]["data"]) == ("Opaque", {"a": "Yg=="})
    assert plan([KEY], PLACE, made).is_empty


def test_changes_and_removals_follow() -> None:
    made = plan([KEY], PLACE, []).create
    changed = plan([Secret(ONE, "key", "Opaque", {"a": "Yw=="})], PLACE, made)
    assert [document["data"] for document in changed.update] == [{"a": "Yw=="}] * 2
    assert {item.ref for item in plan([], PLACE, made).delete} == {ref(document) for document in made}
    moved = plan([KEY], Place("c-1", PLACE.projects, {"web": TWO, "api": ONE}), made)
    assert [item.ref.namespace for item in moved.delete] == ["web"]


def test_another_type_makes_the_copy_anew() -> None:
    made = plan([KEY], PLACE, []).create
    plan_ = plan([Secret(ONE, "key", "kubernetes.io/basic-auth", {"a": "Yg=="})], PLACE, made)
    assert (len(plan_.delete), len(plan_.create), plan_.update) == (2, 2, ())


def test_somebody_elses_secret_of_that_name_stays() -> None:
    theirs = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "key", "namespace": "web"},
        "type": "Opaque",
        "data": {},
    }
    made = plan([KEY], PLACE, [theirs])
    assert made.refused == ("Secret web/key is there already and not Lariat's",)
    assert [document["metadata"]["namespace"] for document in made.create] == ["api"]
    assert made.delete == ()


@pytest.mark.parametrize(
    "wrong",
    [
        Secret(ONE, "key", "kubernetes.io/service-account-token", {}),
        Secret(ONE, "key", "bootstrap.kubernetes.io/token", {}),
        Secret(ONE, "../key", "Opaque", {}),
        Secret("c-2:p-1", "key", "Opaque", {}),
        Secret("c-1:p-gone", "key", "Opaque", {}),
    ],
)
def test_what_is_never_copied(wrong: Secret) -> None:
    assert plan([wrong], PLACE, []).is_empty


def test_a_secret_is_not_printed() -> None:
    assert "Yg==" not in repr(KEY)
