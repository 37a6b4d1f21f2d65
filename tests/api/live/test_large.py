"""A list of thousands of pods, from a cluster that gives them page by page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib.api.conversation import MOST
from chalicelib.clusters.client import Answer
from chalicelib.tunnel.heads import RequestHead
from chalicelib.types import Resource
from tests.support.server import Caller, Server, serving

PROJECT = "c-1:p-1"
POD = {
    "spec": {"containers": [{"name": "one", "image": "nginx", "env": [{"name": "A", "value": "b"}]}], "nodeName": "n"},
    "status": {"phase": "Running", "containerStatuses": [{"name": "one", "ready": True, "state": {"running": {}}}]},
}


class Crowded:
    """One namespace with ``count`` pods."""

    def __init__(self, count: int) -> None:
        self._count = count

    def connected(self, cluster: str) -> bool:
        return True

    def call(self, cluster: str, head: RequestHead, body: bytes, timeout: float) -> Answer:
        target = urlsplit(head.target)
        query = parse_qs(target.query)
        if not target.path.endswith("/pods"):
            note = {"field.cattle.io/projectId": PROJECT}
            return self._answer([{"metadata": {"name": "full", "annotations": note}}])
        start = int(query.get("continue", ["0"])[0])
        end = min(start + int(query["limit"][0]), self._count)
        return self._answer([self._pod(number) for number in range(start, end)], str(end) if end < self._count else "")

    def _pod(self, number: int) -> dict[str, object]:
        return {"metadata": {"name": f"pod-{number:05}", "namespace": "full", "uid": str(number)}, **POD}

    def _answer(self, items: list[dict[str, object]], follow: str = "") -> Answer:
        return Answer(200, json.dumps({"apiVersion": "v1", "metadata": {"continue": follow}, "items": items}).encode())


@pytest.fixture
def caller(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Caller]:
    with serving(tmp_path, transport=Crowded(request.param)) as server:
        yield known(server)


def known(server: Server) -> Caller:
    status = {"version": {"gitVersion": "v1.20.2"}}
    server.resources.create(Resource(kind="cluster", id="c-1", spec={"name": "one"}, status=status))
    return server.user("admin", administrator=True)


@pytest.mark.parametrize("caller", [5000], indirect=True)
def test_pages_of_a_large_list(caller: Caller) -> None:
    url, seen = f"/v3/project/{PROJECT}/pods?limit=2000", []
    while url:
        page = caller.get(url)
        seen += page.ids
        url = page.json["pagination"].get("next", "")
    assert seen == [f"full:pod-{number:05}" for number in range(5000)]
    assert caller.get(f"/v3/project/{PROJECT}/pods?name=pod-04321").ids == ["full:pod-04321"]


@pytest.mark.parametrize("caller", [MOST + 1], indirect=True)
def test_a_list_that_is_too_large_says_what_to_do(caller: Caller) -> None:
    refused = caller.get(f"/v3/project/{PROJECT}/pods")
    assert refused.error[:2] == (413, "RequestTooLarge")
    assert "namespaceId=" in refused.json["message"]
