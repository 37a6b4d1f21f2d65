"""Ingresses in Kubernetes' old and new shape."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from chalicelib.errors import Invalid
from chalicelib.mapping.ingresses import INGRESS, STATE
from chalicelib.mapping.paths import get

NAMED = {"name": "n", "namespaceId": "default"}
ASKED = {"host": "h.example.org", "paths": {"/x": {"serviceId": "default:x", "targetPort": 80}}}
NEW = {
    "path": "/x",
    "pathType": "ImplementationSpecific",
    "backend": {"service": {"name": "x", "port": {"number": 80}}},
}
OLD = {"path": "/x", "backend": {"serviceName": "x", "servicePort": 80}}


def paths(source: dict[str, Any], rule: int = 0) -> Any:
    return source["spec"]["rules"][rule]["http"]["paths"]


@pytest.mark.parametrize(
    ("minor", "version", "path"),
    [
        (13, "extensions/v1beta1", OLD),
        (18, "networking.k8s.io/v1beta1", OLD),
        (19, "networking.k8s.io/v1", NEW),
        (31, "networking.k8s.io/v1", NEW),
    ],
)
def test_the_shape_follows_the_version(minor: int, version: str, path: dict[str, Any]) -> None:
    assert INGRESS.served.version(minor) == version
    made = INGRESS.to_kubernetes({**NAMED, "rules": [ASKED]}, version=version)
    assert paths(made) == [path]
    assert INGRESS.to_v3(made)["rules"] == [ASKED]


def test_a_list_of_paths_as_later_versions_of_the_api_have_it() -> None:
    rule = {"host": "h", "paths": [{"path": "/x", "serviceId": "default:x", "targetPort": "80"}]}
    assert paths(INGRESS.to_kubernetes({**NAMED, "rules": [rule]})) == [NEW]


def test_workloads_stand_in_an_annotation() -> None:
    backend = {"workloadIds": ["deployment:default:a", "deployment:default:b"], "targetPort": 80}
    made = INGRESS.to_kubernetes({**NAMED, "rules": [{"host": "h", "paths": {"/": backend}}]})
    assert paths(made)[0]["backend"]["service"]["name"].startswith("ingress-")
    assert INGRESS.to_v3(made)["rules"][0]["paths"]["/"] == backend
    plain = INGRESS.to_kubernetes({"rules": [{"host": "h", "paths": {"/": ASKED["paths"]["/x"]}}]}, made)  # type: ignore[index]
    assert get(plain, *STATE) is None


STORED = {
    "apiVersion": "networking.k8s.io/v1",
    "metadata": {"name": "n", "namespace": "default"},
    "spec": {
        "rules": [
            {
                "host": "h",
                "http": {
                    "paths": [
                        {
                            "path": "/x",
                            "pathType": "Exact",
                            "backend": {"service": {"name": "x", "port": {"number": 1}}},
                        },
                        {
                            "path": "/x",
                            "pathType": "Prefix",
                            "backend": {"service": {"name": "y", "port": {"number": 2}}},
                        },
                        {"path": "/f", "pathType": "Prefix", "backend": {"resource": {"kind": "Bucket", "name": "f"}}},
                    ]
                },
            }
        ]
    },
}


def test_types_of_paths_and_backends_that_v3_has_no_word_for_stay() -> None:
    shown = INGRESS.to_v3(STORED)["rules"]
    shown[0]["paths"]["/x"]["targetPort"] = 9
    shown[0]["paths"]["/new"] = {"serviceId": "default:z", "targetPort": 3}
    made = INGRESS.to_kubernetes({"rules": shown}, copy.deepcopy(STORED))
    before, after = paths(STORED), paths(made)
    assert after[0] == {**before[0], "backend": {"service": {"name": "x", "port": {"number": 9}}}}
    assert after[1:3] == before[1:3]
    assert after[3]["path"] == "/new"


def test_a_backend_without_a_port_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        INGRESS.to_kubernetes({**NAMED, "defaultBackend": {"serviceId": "default:x"}})
    assert refused.value.field == "targetPort"


def test_it_waits_for_an_address() -> None:
    assert INGRESS.to_v3(STORED)["state"] == "initializing"
    ready = {**STORED, "status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}}
    assert INGRESS.to_v3(ready)["state"] == "active"
