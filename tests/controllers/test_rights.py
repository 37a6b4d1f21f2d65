"""Rights as RBAC objects: names, labels, what is compared, and that nothing stays behind."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.auth.roles.bindings import read_all
from chalicelib.auth.roles.cluster import Place
from chalicelib.controllers.objects import Document, Plan, ref
from chalicelib.controllers.rights import BINDING_OWNER, OWNER, PROJECT_ROLE, ROLE_OWNER, plan
from tests.support.world import NOTHING, World, bind, library, role_template, rule, worlds

ONE = "c-1:p-1"
PLACE = Place("c-1", frozenset((ONE,)), {"web": ONE})


def apply(observed: list[Document], plan: Plan) -> list[Document]:
    """What a cluster holds once a plan is carried out."""
    gone = {item.ref for item in plan.delete} | {ref(document) for document in plan.update}
    kept = [document for document in observed if ref(document) not in gone]
    return [*kept, *map(_stored, plan.create), *map(_stored, plan.update)]


def _stored(document: Document) -> dict[str, Any]:
    return {**document, "metadata": {**document["metadata"], "uid": "uid", "resourceVersion": "1"}}


def objects(*bindings: Any) -> dict[str, Document]:
    made = plan(read_all(bindings), library(), PLACE, [])
    return {document["metadata"]["name"]: document for document in made.create}


def test_a_project_binding() -> None:
    made = objects(bind("read-only", ONE, group="team://red", uid="uid-1"))
    assert made["read-only"]["metadata"]["annotations"] == {ROLE_OWNER: "read-only"}
    role = made["p-1-namespaces-readonly"]
    assert role["metadata"]["annotations"] == {PROJECT_ROLE: "p-1-namespaces-readonly"}
    assert role["rules"] == [rule("get", "core", "namespaces", "web")]
    (binding,) = (
        made for made in made.values() if made["kind"] == "RoleBinding" and made["roleRef"]["name"] == "read-only"
    )
    assert binding["metadata"]["namespace"] == "web"
    assert binding["metadata"]["labels"] == {
        "lariat.io/owner": "rights",
        "cattle.io/creator": "norman",
        BINDING_OWNER: "uid-1",
    }
    assert binding["subjects"] == [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "team://red"}]
    wide = [made for made in made.values() if made["kind"] == "ClusterRoleBinding"]
    assert {binding["roleRef"]["name"] for binding in wide} == {"p-1-namespaces-readonly", "read-only-promoted"}
    assert all(binding["metadata"]["labels"]["uid-1"] == "owner-user" for binding in wide)


def test_an_administrators_binding_has_ranchers_name() -> None:
    made = objects(bind("admin", user="u-1"), bind("admin", group="team://red"))
    names = sorted(made)
    assert (names[1], len(names)) == ("globaladmin-u-1", 2)
    assert names[0].startswith("globaladmin-")


def test_a_role_of_the_clusters_own_is_neither_changed_nor_handed_out() -> None:
    own = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "read-only"}}
    made = plan(read_all([bind("read-only", ONE, user="u-1")]), library(), PLACE, [own])
    assert made.refused == ("ClusterRole read-only is there already and not Lariat's",)
    assert "read-only" not in {document.get("roleRef", {}).get("name") for document in made.create}
    assert (made.delete, made.update) == ((), ())


def test_a_changed_template_changes_its_role_alone() -> None:
    def planned(observed: list[Document], verbs: str) -> Plan:
        roles = library(role_template("rt-x", rule(verbs, "core", "pods")))
        return plan(read_all([bind("rt-x", ONE, user="u-1")]), roles, PLACE, observed)

    before = apply([], planned([], "get"))
    made = planned(before, "get list")
    assert [document["metadata"]["name"] for document in made.update] == ["rt-x"]
    assert (made.delete, made.create) == ((), ())


def test_a_moved_namespace_takes_its_bindings_along() -> None:
    bindings = read_all([bind("rt-x", ONE, user="u-1"), bind("rt-x", "c-1:p-2", user="u-2")])
    roles, projects = library(role_template("rt-x", rule("get", "core", "pods"))), frozenset((ONE, "c-1:p-2"))
    before = apply([], plan(bindings, roles, Place("c-1", projects, {"web": ONE}), []))
    made = plan(bindings, roles, Place("c-1", projects, {"web": "c-1:p-2"}), before)
    after = apply(before, made)
    (left,) = (document for document in after if document["kind"] == "RoleBinding")
    assert left["subjects"][0]["name"] == "u-2"


@settings(max_examples=60, deadline=None)
@given(st.lists(worlds(), max_size=4))
def test_whatever_came_before_the_last_state_counts_and_in_the_end_nothing_is_left(sequence: list[World]) -> None:
    observed: list[Document] = []
    for world in sequence:
        made = plan(world.read, world.library, world.place, observed)
        observed = apply(observed, made)
        assert plan(world.read, world.library, world.place, observed).is_empty
        fresh = plan(world.read, world.library, world.place, [])
        assert {ref(document) for document in observed} == {ref(document) for document in fresh.create}
        assert all(document["metadata"]["labels"]["lariat.io/owner"] == OWNER for document in observed)
    assert apply(observed, plan(NOTHING.read, NOTHING.library, NOTHING.place, observed)) == []
