"""The least that creates one of each kind, and a change that each takes."""

from __future__ import annotations

import base64
import datetime
from typing import Any, NamedTuple

import trustme

_LEAF = trustme.CA().issue_cert("one.example.org", not_after=datetime.datetime(2030, 1, 2, tzinfo=datetime.UTC))
CERTIFICATE = b"".join(pem.bytes() for pem in _LEAF.cert_chain_pems).decode()
KEY = _LEAF.private_key_pem.bytes().decode()
SECRET = "a-secret-that-nobody-reads"

CONTAINERS = [{"name": "one", "image": "nginx"}]
POD: dict[str, Any] = {"containers": CONTAINERS}
MOVED = {"containers": [{"name": "one", "image": "nginx:2"}]}


class Case(NamedTuple):
    """``needed`` is what a caller must say besides its name and namespace; ``change`` is what an update sends."""

    plural: str
    needed: dict[str, Any]
    change: dict[str, Any]
    mode: str = "project"


NOTED = {"description": "words"}

CASES = (
    Case("namespaces", {}, NOTED, "cluster"),
    Case(
        "persistentVolumes",
        {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "nfs": {"server": "s", "path": "/"}},
        NOTED,
        "cluster",
    ),
    Case("storageClasses", {"provisioner": "example.org/none"}, NOTED, "cluster"),
    Case("deployments", POD, {"scale": 0}),
    Case("statefulSets", {**POD, "statefulSetConfig": {"serviceName": "s"}}, {"scale": 0}),
    Case("daemonSets", POD, MOVED),
    Case("replicaSets", POD, {"scale": 0}),
    Case("jobs", POD, {"workloadLabels": {"a": "b"}}),
    Case("cronJobs", {**POD, "cronJobConfig": {"schedule": "1 2 3 4 5"}}, {"cronJobConfig": {"suspend": True}}),
    Case("workloads", POD, {"scale": 0}),
    Case("pods", POD, NOTED),
    Case("services", {"ports": [{"port": 80}]}, {"selector": {"a": "b"}}),
    Case("dnsRecords", {"ipAddresses": ["10.1.2.3"]}, {"ipAddresses": ["10.1.2.4"]}),
    Case("ingresses", {"defaultBackend": {"serviceId": "x:web", "targetPort": 80}}, NOTED),
    Case("configMaps", {}, {"data": {"a": "1"}}),
    # More than any of the volumes has: none is bound while a test looks.
    Case(
        "persistentVolumeClaims",
        {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}},
        NOTED,
    ),
    Case(
        "horizontalPodAutoscalers",
        {
            "workloadId": "deployment:x:web",
            "maxReplicas": 3,
            "metrics": [{"type": "Resource", "name": "cpu", "target": {"type": "Utilization", "utilization": 50}}],
        },
        {"maxReplicas": 4},
    ),
    Case("namespacedSecrets", {"stringData": {"a": SECRET}}, {"data": {"b": base64.b64encode(b"x").decode()}}),
    Case("namespacedServiceAccountTokens", {"accountName": "default"}, NOTED),
    Case(
        "namespacedDockerCredentials",
        {"registries": {"index.example": {"username": "me", "password": SECRET}}},
        NOTED,
    ),
    Case("namespacedCertificates", {"certs": CERTIFICATE, "key": KEY}, NOTED),
    Case("namespacedBasicAuths", {"username": "me", "password": SECRET}, {"username": "you"}),
    Case("namespacedSshAuths", {"privateKey": SECRET}, NOTED),
)
