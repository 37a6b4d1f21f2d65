"""Versions and paths of Kubernetes resources, and quantities."""

from __future__ import annotations

from fractions import Fraction

import pytest

from chalicelib.errors import NotFound, Unavailable
from chalicelib.mapping.kinds import KINDS, find
from chalicelib.mapping.quantities import number
from chalicelib.mapping.served import minor


@pytest.mark.parametrize(
    ("id", "minor", "version"),
    [
        ("cronJob", 13, "batch/v1beta1"),
        ("cronJob", 20, "batch/v1beta1"),
        ("cronJob", 21, "batch/v1"),
        ("horizontalPodAutoscaler", 13, "autoscaling/v2beta2"),
        ("horizontalPodAutoscaler", 22, "autoscaling/v2beta2"),
        ("horizontalPodAutoscaler", 31, "autoscaling/v2"),
        ("deployment", 13, "apps/v1"),
        ("storageClass", 31, "storage.k8s.io/v1"),
        ("replicationController", 31, "v1"),
    ],
)
def test_versions(id: str, minor: int, version: str) -> None:
    kind = find(id)
    assert kind is not None
    assert kind.served.version(minor) == version


@pytest.mark.parametrize("release", range(13, 32))
def test_every_kind_is_served_by_every_release(release: int) -> None:
    assert all(kind.served.version(release) for kind in KINDS)


def test_paths() -> None:
    deployment, node = find("DEPLOYMENTS"), find("node")
    assert deployment is not None
    assert node is not None
    assert deployment.served.path("apps/v1") == "/apis/apps/v1/deployments"
    assert deployment.served.path("apps/v1", "ns") == "/apis/apps/v1/namespaces/ns/deployments"
    assert deployment.served.path("apps/v1", "ns", "web") == "/apis/apps/v1/namespaces/ns/deployments/web"
    assert node.served.path("v1", name="one.internal") == "/api/v1/nodes/one.internal"


@pytest.mark.parametrize("name", ["..", "a/b", ".", "a/../b", "a?x=y", "a%2fb", "A", "-a", "a ", "a\n", "x" * 254])
def test_no_name_leads_elsewhere(name: str) -> None:
    kind = find("pod")
    assert kind is not None
    for namespace, object in ((name, "a"), ("a", name)):
        with pytest.raises(NotFound):
            kind.served.path("v1", namespace, object)


@pytest.mark.parametrize(("text", "expected"), [("v1.20.2", 20), ("20+", 20), ("v1.27.3-eks-1", 27), ("9", 9)])
def test_minor_releases(text: str, expected: int) -> None:
    assert minor(text) == expected


def test_what_is_no_release() -> None:
    for text in ("", "latest", "v2.0.0"):
        with pytest.raises(Unavailable):
            minor(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4", 4),
        ("100m", Fraction(1, 10)),
        ("1Ki", 1024),
        ("1.5Gi", Fraction(3, 2) * 1024**3),
        ("1k", 1000),
        ("1E", 10**18),
        ("1e3", 1000),
        ("-1", -1),
        ("2.", 2),
        ("", None),
        ("x", None),
        ("1mi", None),
        ("1Kb", None),
        (None, None),
    ],
)
def test_quantities(text: object, expected: object) -> None:
    assert number(text) == expected
