"""Which writes to namespaces pass the proxy, and what comes after them; on Lambda's proxy, with an agent in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from chalicelib.auth import tokens
from chalicelib.auth.login import new_user
from chalicelib.clusters.affected import Affected, woken
from chalicelib.clusters.desired import place, placement
from chalicelib.controllers.placement import PROJECT
from chalicelib.proxy.buffered import Reply
from chalicelib.proxy.namespaces import LARGEST
from chalicelib.tunnel.heads import RequestHead, ResponseHead
from chalicelib.types import Resource
from tests.proxy.test_buffered import JSON, KEY, House, message
from tests.support.relay import CLUSTER, Edge

A, B, QUOTA = (f"{CLUSTER}:p-{name}" for name in ("a", "b", "quota"))
WEB = "/api/v1/namespaces/web"
MERGE = ("content-type", "application/merge-patch+json")
PATCH = ("content-type", "application/json-patch+json")
STRATEGIC = ("content-type", "application/strategic-merge-patch+json")
PROTOBUF = ("content-type", "application/vnd.kubernetes.protobuf")
APPLY = ("content-type", "application/apply-patch+yaml")
POINTER = "/metadata/annotations/field.cattle.io~1projectId"


class Scene(House):
    """Projects a and b, of which the caller may have a's namespaces only; ``web`` is in ``held``, if anywhere."""

    def __init__(self, edge: Edge) -> None:
        super().__init__(edge)
        resources = self.resources = edge.resources
        for id in (A, B, QUOTA):
            quota = {"resourceQuota": {"limit": {"pods": "1"}}} if id == QUOTA else {}
            resources.create(Resource(kind="project", id=id, parent=CLUSTER, spec={"name": id, **quota}))
        resources.create(new_user("u-member", "member", "", {}))
        for name, project, role in (
            ("1", A, "project-owner"),
            ("2", B, "read-only"),
            ("3", QUOTA, "project-member"),
        ):
            spec = {"userId": "u-member", "roleTemplateId": role}
            kind = "projectRoleTemplateBinding"
            resources.create(Resource(kind=kind, id=f"{project}:{name}", parent=project, spec=spec))
        resources.create(tokens.new("token-m", KEY, "u-member", now=edge.clock.now(), ttl=0, spec={}, labels={}))
        self.said: str | None = A
        self.status = 200
        self.answers_with(self._answer)
        assert self.agent is not None

    def _answer(self, head: RequestHead, _: bytes) -> tuple[ResponseHead, Sequence[bytes]]:
        if head.method == "GET" and self.said is None:
            return ResponseHead(404, (JSON,)), [b"{}"]
        named = {"annotations": {PROJECT: self.said}} if self.said else {}
        document = {"kind": "Namespace", "metadata": {"name": "web", "uid": "uid-web", **named}}
        return ResponseHead(200 if head.method == "GET" else self.status, (JSON,)), [json.dumps(document).encode()]

    def write(self, method: str, path: str, body: Any, kind: tuple[str, str] = JSON, user: str = "m") -> Reply:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        bearer = ("authorization", f"Bearer token-{user}:{KEY}")
        path, _, query = path.partition("?")
        return self.buffered.answer(method, f"/k8s/clusters/{CLUSTER}{path}", query, (bearer, kind), data)

    @property
    def written(self) -> list[str]:
        """What reached the cluster but the reads."""
        assert self.agent is not None
        return [f"{head.method} {head.target}" for head in self.agent.requests if head.method != "GET"]

    @property
    def looked_at(self) -> list[str]:
        """The clusters that are looked at because of what was written since the last time."""
        affected = Affected(self.resources)
        return [each for key in woken(self.notices()) for each in affected.by(key)]

    def notices(self) -> list[Any]:
        keys = [notice.key for notice in self.resources.all("notice")]
        fresh = [key for key in keys if key not in self._seen]
        self._seen.update(keys)
        return fresh

    @property
    def _seen(self) -> set[Any]:
        found: set[Any] = self.__dict__.setdefault("seen", set())
        return found


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    edge = Edge(tmp_path)
    scene = Scene(edge)
    scene.notices()
    yield scene
    edge.close()


def named(project: str | None, **more: Any) -> dict[str, Any]:
    return {
        "kind": "Namespace",
        "apiVersion": "v1",
        "metadata": {"name": "web", "annotations": {PROJECT: project}},
        **more,
    }


PLAIN = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "web"}}


@pytest.mark.parametrize(
    ("method", "path", "body", "kind"),
    [
        ("POST", "/api/v1/namespaces", named(A), JSON),
        ("POST", "/api/v1/namespaces", PLAIN, JSON),
        ("POST", "/api/v1/%6eamespaces/", PLAIN, JSON),
        ("PUT", WEB, named(A), JSON),
        ("PUT", f"{WEB}/status", named(A), JSON),
        ("PATCH", WEB, {"metadata": {"labels": {"a": "b"}}}, MERGE),
        ("PATCH", f"{WEB}?fieldManager=x", named(A), APPLY),
        ("POST", "/api/v1/namespaces", b"k8s\x00 protobuf", PROTOBUF),
        ("DELETE", WEB, b"", JSON),
        ("DELETE", "/api/v1/namespaces", b"no JSON: nobody reads it", JSON),
    ],
)
def test_a_write_has_its_cluster_looked_at(scene: Scene, method: str, path: str, body: Any, kind: Any) -> None:
    assert scene.write(method, path, body, kind).status == 200
    assert scene.written == [f"{method} {path}"]
    assert scene.looked_at == [CLUSTER]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/namespaces"),
        ("GET", WEB),
        ("POST", f"{WEB}/pods"),
        ("PATCH", f"{WEB}/configmaps/one"),
        ("POST", "/apis/example.io/v1/namespaces"),
    ],
)
def test_nothing_else_does(scene: Scene, method: str, path: str) -> None:
    assert scene.write(method, path, b"{ no JSON" if method != "GET" else b"").status == 200
    assert scene.looked_at == []


@pytest.mark.parametrize("status", [403, 404, 409, 422, 500])
def test_a_write_that_the_cluster_refuses_changes_nothing(scene: Scene, status: int) -> None:
    scene.status, scene.said = status, ""
    assert scene.write("POST", "/api/v1/namespaces", named(A)).status == status
    assert scene.write("PATCH", WEB, named(A), MERGE, user="admin").status == status
    assert scene.looked_at == []
    assert placement(scene.resources, CLUSTER) == {}


FOREIGN = [
    pytest.param("POST", "/api/v1/namespaces", named(B), JSON, id="new"),
    pytest.param("POST", "/api/v1/%6Eamespaces", named(B), JSON, id="new, escaped"),
    pytest.param("POST", "/api/v1/namespaces?dryRun=All", named(B), JSON, id="new, tried"),
    pytest.param("POST", "/api/v1/namespaces", named("c-other:p-x"), JSON, id="new, of another cluster"),
    pytest.param("PATCH", WEB, named(B), MERGE, id="annotated"),
    pytest.param("PATCH", WEB, named(B), STRATEGIC, id="kubectl annotate"),
    pytest.param("PATCH", WEB, named(B), APPLY, id="applied"),
    pytest.param("PATCH", f"{WEB}/status", named(B), MERGE, id="by the status"),
    pytest.param("PUT", WEB, named(B), JSON, id="replaced"),
    pytest.param("PUT", f"{WEB}/finalize", named(B), JSON, id="finalized"),
    pytest.param("PATCH", WEB, [{"op": "replace", "path": POINTER, "value": B}], PATCH, id="patched"),
    pytest.param("PATCH", WEB, [{"op": "add", "path": f"x{POINTER}", "value": B}], PATCH, id="patched, sloppily"),
]


@pytest.mark.parametrize(("method", "path", "body", "kind"), FOREIGN)
def test_nobody_puts_a_namespace_into_a_project_of_others(
    scene: Scene, method: str, path: str, body: Any, kind: Any
) -> None:
    reply = scene.write(method, path, body, kind)
    assert reply.status == 403
    assert "you may not manage namespaces of project" in message(reply)
    assert (scene.written, scene.looked_at) == ([], [])


@pytest.mark.parametrize("body", [named(A), named(None), [{"op": "remove", "path": POINTER}]])
def test_nobody_takes_a_namespace_out_of_a_project_of_others(scene: Scene, body: Any) -> None:
    """What it says of itself counts for nothing, once Lariat knows where it is."""
    place(scene.resources, CLUSTER, "uid-web", B, "")
    scene.notices()
    reply = scene.write("PATCH", WEB, body, PATCH if isinstance(body, list) else MERGE)
    assert (reply.status, message(reply)) == (403, "you may not manage the namespaces of the project that it is in")
    assert (scene.written, scene.looked_at) == ([], [])


def test_nobody_takes_what_is_in_no_project_but_who_may_change_the_cluster(scene: Scene) -> None:
    scene.said = ""
    reply = scene.write("PATCH", WEB, named(A), MERGE)
    assert (reply.status, "those who may change the cluster" in message(reply)) == (403, True)
    assert scene.written == []


@pytest.mark.parametrize(("source", "target"), [(A, B), (B, A), (A, ""), ("", A)])
def test_who_may_in_both_moves_it(scene: Scene, source: str, target: str) -> None:
    scene.said = source
    assert scene.write("PATCH", WEB, named(target or None), MERGE, user="admin").status == 200
    assert placement(scene.resources, CLUSTER) == {"uid-web": target}
    assert CLUSTER in scene.looked_at


def test_a_move_that_was_overtaken_moves_nothing(scene: Scene) -> None:
    """Rights were asked for where it was: in the project where it is by now, the caller may have none."""
    answer = scene._answer

    def overtaken(head: RequestHead, body: bytes) -> tuple[ResponseHead, Sequence[bytes]]:
        if head.method != "GET":
            place(scene.resources, CLUSTER, "uid-web", B, A)
            scene.notices()
        return answer(head, body)

    scene.answers_with(overtaken)
    assert scene.write("PATCH", WEB, named(None), MERGE).status == 200
    assert placement(scene.resources, CLUSTER) == {"uid-web": B}
    assert scene.looked_at == [CLUSTER], "what it says of itself is put right"


@pytest.mark.parametrize(
    ("query", "moved"),
    [("dryRun=All", {}), ("force=1&dry%52un=All", {}), ("fieldManager=dryRun", {"uid-web": B})],
)
def test_a_dry_run_moves_nothing(scene: Scene, query: str, moved: dict[str, str]) -> None:
    assert scene.write("PATCH", f"{WEB}?{query}", named(B), MERGE, user="admin").status == 200
    assert placement(scene.resources, CLUSTER) == moved


def test_a_project_with_a_quota_takes_new_ones_only(scene: Scene) -> None:
    assert scene.write("POST", "/api/v1/namespaces", named(QUOTA)).status == 200
    reply = scene.write("PATCH", WEB, named(QUOTA), MERGE)
    assert (reply.status, message(reply)) == (400, f"can't move the namespace: project {QUOTA} has a quota set")


def test_one_that_is_applied_for_the_first_time_is_new(scene: Scene) -> None:
    scene.said = None
    assert scene.write("PATCH", WEB, named(B), APPLY).status == 403
    assert scene.write("PATCH", WEB, named(A), APPLY).status == 200
    assert scene.looked_at == [CLUSTER]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"metadata":{"annotations":{"field.cattle.io/projectId":"%s"}},"metadata":{"name":"x"}}' % B.encode(), JSON),
        (
            b"metadata:\n  annotations:\n    field.cattle.io/projectId: " + B.encode(),
            ("content-type", "application/yaml"),
        ),
        (b'metadata: {annotations: {"\\x66ield.cattle.io/projectId": x}}', APPLY),
        (b"k8s\x00 field.cattle.io/projectId", PROTOBUF),
        (json.dumps(named(B)).encode("utf-16"), JSON),
        ({"metadata": {"name": "web", "<<": {"annotations": {PROJECT: B}}}}, APPLY),
        (b"[" * 100_000, JSON),
        (b"", JSON),
        ([{"op": "replace", "path": "/metadata/annotations", "value": {PROJECT: B}}], PATCH),
        ([{"op": "add", "path": "", "value": named(B)}], PATCH),
        ([{"op": "copy", "from": "/metadata/annotations/x", "path": POINTER}], PATCH),
        ([{"op": "move", "from": POINTER, "path": "/metadata/annotations/x"}], PATCH),
        ([{"op": "move", "from": "/metadata/annotations", "path": "/metadata/labels"}], PATCH),
        (named(["c-1:p-1"]), JSON),  # type: ignore[arg-type]
        (json.dumps(named(A)).encode(), ("content-encoding", "gzip")),
    ],
)
def test_what_can_be_read_in_two_ways_goes_no_further(scene: Scene, body: Any, kind: tuple[str, str]) -> None:
    assert scene.write("PATCH" if kind in (APPLY, PATCH) else "POST", WEB, body, kind).status == 400
    assert scene.written == []


def test_the_largest_write(scene: Scene) -> None:
    document = json.dumps(named(A)).encode()
    assert scene.write("POST", "/api/v1/namespaces", document.ljust(LARGEST)).status == 200
    assert scene.write("POST", "/api/v1/namespaces", document.ljust(LARGEST + 1)).status == 413


def test_a_cluster_that_does_not_say_where_a_namespace_is(scene: Scene) -> None:
    scene.answers_with(lambda *_: (ResponseHead(500, (JSON,)), [b"{}"]))
    assert scene.write("PATCH", WEB, named(A), MERGE).status == 503
    assert scene.written == []
