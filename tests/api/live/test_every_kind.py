"""Each kind's whole life on the real cluster, and every refusal, through the v3 API."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from chalicelib.schema.kind import Kind
from chalicelib.schema.kinds import CONTEXTS, LIVE
from tests.api.live.conftest import Scene
from tests.api.live.least import CASES, Case

pytestmark = pytest.mark.cluster
each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.plural)

_NUMBERS = itertools.count(1)


def url(scene: Scene, case: Case) -> str:
    return f"/v3/cluster/c-1/{case.plural}" if case.mode == "cluster" else scene.url(case.plural)


def body(scene: Scene, case: Case) -> dict[str, Any]:
    place = {"namespaceId": scene.inside} if case.mode == "project" else {}
    return {"name": f"one-{next(_NUMBERS)}", **place, **case.needed}


def make(scene: Scene, case: Case) -> Any:
    return scene.admin.make(url(scene, case), body(scene, case))


def kind_of(case: Case) -> Kind:
    kind = CONTEXTS[case.mode].find(case.plural)
    assert kind is not None
    return kind


def test_every_kind_that_can_be_created_is_tried() -> None:
    assert {case.plural for case in CASES} == {kind.plural for kind in LIVE if "POST" in kind.collection_methods}


@each
def test_it_is_created_with_the_least_and_read(scene: Scene, case: Case) -> None:
    made = make(scene, case)
    read = scene.admin.get(made["links"]["self"])
    assert (read.status, read.json["id"]) == (200, made["id"])
    assert made["creatorId"] in ("u-admin", None)
    assert made["createdTS"] > 0
    if case.mode == "project":
        assert (made["namespaceId"], made["projectId"]) == (scene.inside, scene.home)


@each
def test_it_is_listed_filtered_and_paged(scene: Scene, case: Case) -> None:
    first, second = make(scene, case), make(scene, case)
    for name in ("project", "projects") if case.mode == "project" else ("cluster", "CLUSTERS"):
        path = url(scene, case).replace("/project/", f"/{name}/").replace("/cluster/", f"/{name}/")
        assert {first["id"], second["id"]} <= set(scene.admin.get(path).ids)
    path = url(scene, case)
    assert scene.admin.get(f"{path}?name={first['name']}").ids == [first["id"]]
    assert first["id"] not in scene.admin.get(f"{path}?name_ne={first['name']}").ids
    page = scene.admin.get(f"{path}?limit=1&sort=name&order=desc").json
    assert len(page["data"]) == 1
    assert page["pagination"]["partial"] is True
    following = scene.admin.get(page["pagination"]["next"])
    assert following.status == 200
    assert following.ids != [page["data"][0]["id"]]


@each
def test_who_has_read_something_older_changes_nothing(scene: Scene, case: Case) -> None:
    itself = make(scene, case)["links"]["self"]
    read = scene.admin.get(itself)
    stale = {"headers": [("if-match", '"1"')]}
    assert scene.admin.put(itself, case.change, **stale).error == (409, "Conflict", "")
    assert scene.admin.delete(itself, **stale).error == (409, "Conflict", "")
    assert scene.admin.get(itself).json["uuid"] == read.json["uuid"]
    # A controller may write meanwhile, as to any object.
    replies = (scene.admin.put(itself, case.change, headers=[("if-match", _tag(scene, itself))]) for _ in range(5))
    changed = next(reply for reply in replies if reply.status != 409)
    assert changed.status == 200, changed.body
    assert dict(changed.headers)["etag"] not in ("", dict(read.headers)["etag"])


def _tag(scene: Scene, itself: str) -> str:
    return dict(scene.admin.get(itself).headers)["etag"]


@each
def test_it_is_updated(scene: Scene, case: Case) -> None:
    made = make(scene, case)
    changed = scene.admin.put(made["links"]["update"], case.change)
    assert changed.status == 200, changed.body
    for name, value in case.change.items():
        shown = changed.json[name]
        assert value.items() <= shown.items() if isinstance(value, dict) else _bare(shown, value), name


def _bare(shown: Any, value: Any) -> bool:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return all(one.items() <= two.items() for one, two in zip(value, shown, strict=True))
    return bool(shown == value)


@each
def test_what_is_read_can_be_sent_back(scene: Scene, case: Case) -> None:
    made = make(scene, case)
    read = scene.admin.get(made["links"]["self"]).json
    again = scene.admin.put(made["links"]["update"], read)
    assert again.status == 200, again.body
    volatile = {"state", "transitioning", "transitioningMessage", "annotations", "workloadAnnotations", "data"}
    for name in read.keys() - volatile:
        if not name.endswith("Status") and name != "status":
            assert again.json[name] == read[name], name


@each
def test_it_is_removed(scene: Scene, case: Case) -> None:
    made = make(scene, case)
    assert scene.admin.delete(made["links"]["remove"]).status == 204
    gone = scene.admin.get(made["links"]["self"])
    assert gone.status == 404 or gone.json["state"] == "removing"


@each
def test_a_missing_field_is_named(scene: Scene, case: Case) -> None:
    for name in [name for name, field in kind_of(case).fields.items() if field.create and field.required]:
        sent = body(scene, case)
        del sent[name]
        assert scene.admin.post(url(scene, case), sent).error == (422, "MissingRequired", name)


@each
def test_a_wrong_type_is_named(scene: Scene, case: Case) -> None:
    for name, field in kind_of(case).fields.items():
        if field.create and field.type not in ("boolean", "json", "enum") and not field.secret:
            wrong = "x" if field.whole else ["x"]
            reply = scene.admin.post(url(scene, case), {**body(scene, case), name: wrong})
            assert reply.error == (422, "InvalidFormat", name)


@each
def test_json_of_any_shape_makes_nothing_fail(scene: Scene, case: Case) -> None:
    for name, field in kind_of(case).fields.items():
        for wrong in (7, "x", ["x"], {"a": ["b"]}, [{"a": 1}], {"matchLabels": 3}):
            if field.create and "json" in field.type:
                reply = scene.admin.post(url(scene, case), {**body(scene, case), name: wrong})
                assert reply.status < 500, (name, wrong, reply.body)


@each
def test_a_name_is_taken_once(scene: Scene, case: Case) -> None:
    sent = body(scene, case)
    assert scene.admin.post(url(scene, case), sent).status == 201
    assert scene.admin.post(url(scene, case), sent).error == (409, "AlreadyExists", "")


@each
def test_what_is_not_there(scene: Scene, case: Case) -> None:
    for id in ("nosuch", "a:nosuch", f"{scene.inside}:nosuch", "deployment:x:nosuch", "a:b:c:d", ":", "..", "a/b"):
        assert scene.admin.get(f"{url(scene, case)}/{id}").status == 404, id


@each
def test_who_may_nothing_in_the_cluster_sees_nothing(scene: Scene, case: Case) -> None:
    made = make(scene, case)
    assert scene.plain.get(made["links"]["self"]).error[:2] == (403, "Forbidden")
    assert scene.plain.put(made["links"]["self"], {}).error[:2] == (403, "Forbidden")
    assert scene.plain.delete(made["links"]["self"]).error[:2] == (403, "Forbidden")
    assert scene.plain.post(url(scene, case), body(scene, case)).error[:2] == (403, "Forbidden")
    listed = scene.plain.get(url(scene, case))
    assert (listed.status, listed.ids) == (200, [])
    assert scene.server.nobody.get(url(scene, case)).status == 401
