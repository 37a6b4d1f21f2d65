"""What a path asks of Kubernetes, by the API server's own rules."""

from __future__ import annotations

import pytest

from chalicelib.tunnel.attributes import Attributes, parse

TABLE = [
    ("GET /", "get"),
    ("GET /version", "get"),
    ("GET /api", "get"),
    ("GET /api/v1", "get"),
    ("GET /apis/apps", "get"),
    ("GET /apis/apps/v1", "get"),
    ("POST /healthz/etcd", "post"),
    ("GET /api/v1/nodes", "list - v1 - nodes"),
    ("GET /api/v1/nodes/", "list - v1 - nodes"),
    ("HEAD /api/v1/nodes/n1", "get - v1 - nodes n1"),
    ("PUT /api/v1/nodes/n1/status", "update - v1 - nodes n1 status"),
    ("GET /api/v1/namespaces", "list - v1 - namespaces"),
    ("DELETE /api/v1/namespaces/a", "delete - v1 a namespaces a"),
    ("PUT /api/v1/namespaces/a/finalize", "update - v1 a namespaces a finalize"),
    ("PATCH /api/v1/namespaces/a/status", "patch - v1 a namespaces a status"),
    ("POST /api/v1/namespaces/a/pods", "create - v1 a pods"),
    ("GET /api/v1/namespaces/a/pods/p", "get - v1 a pods p"),
    ("POST /api/v1/namespaces/a/pods/p/exec", "create - v1 a pods p exec"),
    ("GET /api/v1/namespaces/a/pods/p/log?follow=1", "get - v1 a pods p log"),
    ("DELETE /api/v1/namespaces/a/pods", "deletecollection - v1 a pods"),
    ("GET /api/v1/pods?watch=true", "watch - v1 - pods"),
    ("GET /api/v1/pods?watch=0", "list - v1 - pods"),
    ("GET /api/v1/pods?limit=1;watch=1", "watch - v1 - pods"),
    ("HEAD /api/v1/pods?watch=true", "watch - v1 - pods"),
    ("GET /api/v1/namespaces/a/pods/p?watch=true", "get - v1 a pods p"),
    ("GET /api/v1/watch/namespaces/a/pods", "watch - v1 a pods"),
    ("GET /api/v1/namespaces/a/services/s:80/proxy/x/y", "get - v1 a services s:80 proxy"),
    ("GET /apis/apps/v1/namespaces/a/deployments", "list apps v1 a deployments"),
    ("PATCH /apis/apps/v1/namespaces/a/deployments/d/scale", "patch apps v1 a deployments d scale"),
    (
        "GET /apis/rbac.authorization.k8s.io/v1/clusterroles/a%3Ab",
        "get rbac.authorization.k8s.io v1 - clusterroles a:b",
    ),
    ("OPTIONS /api/v1/pods", "options - v1 - pods"),
]
"""What is asked; then verb, group, version, namespace, resource, name and subresource, `-` for none."""


@pytest.mark.parametrize(("asked", "expected"), TABLE, ids=[asked for asked, _ in TABLE])
def test_attributes(asked: str, expected: str) -> None:
    method, _, target = asked.partition(" ")
    path, _, query = target.partition("?")
    assert parse(method, path, query) == Attributes(*["" if word == "-" else word for word in expected.split()])


def test_an_object_has_no_empty_parts() -> None:
    assert parse("GET", "/api/v1/nodes/n1", "").object == {"version": "v1", "resource": "nodes", "name": "n1"}
