"""The API server's own reading of a request: it names the verb and the resource when it refuses somebody."""

from __future__ import annotations

import re

import pytest

from chalicelib.tunnel.attributes import Attributes, parse
from tests.kubernetes.cluster import Cluster
from tests.support.lariat import eventually

pytestmark = pytest.mark.cluster

REFUSAL = re.compile(
    r'User "nobody" cannot (?P<verb>\w+) resource "(?P<resource>[^"/]+)(/(?P<subresource>[^"]+))?" '
    r'in API group "(?P<group>[^"]*)"( in the namespace "(?P<namespace>[^"]*)"| at the cluster scope)'
)

PODS = "/api/v1/namespaces/a/pods"
ASKED = [
    *[
        f"GET {PODS}?{query}"
        for query in (
            "",
            "watch",
            "watch=",
            "watch=1",
            "watch=true",
            "watch=0",
            "watch=f",
            "watch=F",
            "watch=no",
            "watch=False",
            "watch=FALSE",
            "watch=0&watch=1",
            "watch=1&watch=0",
            "w%61tch=1",
            "watch=%30",
            "Watch=1",
            "limit=x&watch=1",
        )
    ],
    f"GET {PODS}/p?watch=true",
    f"GET {PODS}/p/log?follow=1&watch=1",
    "GET /api/v1/watch/namespaces/a/pods",
    "POST /api/v1/watch/namespaces/a/pods",
    "GET /api/v1/watch/namespaces/a/pods/p",
    "GET /apis/apps/v1/watch/deployments",
    "GET /api/v1/proxy/namespaces/a/services/s",
    "GET /api/v1/namespaces/a/services/s/proxy/x?watch=1",
    "DELETE /api/v1/namespaces/a/pods?watch=1",
    "GET /api/v1/namespaces/a",
    "GET /api/v1/namespaces?watch=1",
]


@pytest.mark.parametrize("asked", ASKED)
def test_the_cluster_reads_it_likewise(cluster: Cluster, asked: str) -> None:
    method, _, target = asked.partition(" ")
    path, _, query = target.partition("?")
    answer = cluster.request(method, target, headers={"Impersonate-User": "nobody"})
    assert answer.status_code == 403
    expected = parse(method, path, query)
    found = REFUSAL.search(answer.json()["message"])
    assert found is not None, answer.text
    said = Attributes(
        version=expected.version, name=expected.name, **{k: v or "" for k, v in found.groupdict().items()}
    )
    assert said == expected


@pytest.fixture(scope="module")
def lister(cluster: Cluster) -> str:
    """Somebody who may list, but not watch."""
    for command in (
        "clusterrole lister --verb=list --resource=pods",
        "clusterrolebinding l --clusterrole=lister --user=l",
    ):
        assert cluster.kubectl("create", *command.split()).code == 0
    return "l"


@pytest.mark.parametrize(("query", "verb"), [("", "list"), ("?watch=0", "list"), ("?watch=1", "watch")])
def test_a_request_for_the_head_alone_is_judged_like_the_whole(
    cluster: Cluster, lister: str, query: str, verb: str
) -> None:
    assert parse("HEAD", PODS, query[1:]).verb == verb

    def forbidden() -> bool:
        answer = cluster.request("HEAD", PODS + query, headers={"Impersonate-User": lister})
        return answer.status_code == 403

    # The authorizer hears of a new role a moment later.
    eventually(lambda: forbidden() is (verb == "watch"), "the cluster judges by the verb")
