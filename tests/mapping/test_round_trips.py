"""What a caller asks for in the v3 shape comes back in the v3 shape, through a real API server."""

from __future__ import annotations

import base64
import datetime
from typing import Any

import pytest
import trustme

from chalicelib.mapping import drain, rollout
from chalicelib.mapping.kinds import find
from chalicelib.mapping.place import Place
from chalicelib.mapping.workloads import DEPLOYMENT, REPLICA_SET
from tests.mapping.conftest import NAMESPACE, Api
from tests.mapping.shapes import CONTAINERS, PODS, TEMPLATE

pytestmark = pytest.mark.cluster

PLACE = Place(cluster="c-abcde", projects={NAMESPACE: "c-abcde:p-fghij"})

_LEAF = trustme.CA().issue_cert(
    "one.example.org", "10.1.2.3", not_after=datetime.datetime(2030, 1, 2, tzinfo=datetime.UTC)
)
CERTIFICATE = b"".join(pem.bytes() for pem in _LEAF.cert_chain_pems).decode()
KEY = _LEAF.private_key_pem.bytes().decode()

ASKED: list[tuple[str, dict[str, Any]]] = [
    (
        "deployment",
        {
            **TEMPLATE,
            "scale": 0,
            "paused": True,
            "workloadLabels": {"on": "object"},
            "workloadAnnotations": {"on": "object"},
            "deploymentConfig": {
                "minReadySeconds": 1,
                "strategy": "RollingUpdate",
                "maxSurge": "30%",
                "maxUnavailable": 0,
                "revisionHistoryLimit": 3,
                "progressDeadlineSeconds": 90,
            },
        },
    ),
    ("deployment", {**PODS, "scale": 0, "deploymentConfig": {"strategy": "Recreate"}}),
    (
        "deployment",
        {**PODS, "scale": 0, "selector": {"matchLabels": {"a": "b"}}, "labels": {"a": "b"}},
    ),
    (
        "statefulSet",
        {
            **TEMPLATE,
            "scale": 0,
            "statefulSetConfig": {
                "strategy": "RollingUpdate",
                "partition": 2,
                "podManagementPolicy": "Parallel",
                "serviceName": "svc",
                "revisionHistoryLimit": 2,
                "volumeClaimTemplates": [
                    {
                        "name": "store",
                        "accessModes": ["ReadWriteOnce"],
                        "storageClassId": "fast",
                        "resources": {"requests": {"storage": "1Gi"}},
                    }
                ],
            },
        },
    ),
    (
        "statefulSet",
        {**PODS, "scale": 0, "statefulSetConfig": {"strategy": "OnDelete", "serviceName": "s"}},
    ),
    (
        "daemonSet",
        {**TEMPLATE, "daemonSetConfig": {"strategy": "RollingUpdate", "maxUnavailable": "20%", "minReadySeconds": 4}},
    ),
    ("daemonSet", {**PODS, "daemonSetConfig": {"strategy": "OnDelete"}}),
    ("replicaSet", {**TEMPLATE, "scale": 0, "replicaSetConfig": {"minReadySeconds": 2}}),
    ("replicationController", {**TEMPLATE, "scale": 0, "replicationControllerConfig": {"minReadySeconds": 2}}),
    (
        "job",
        {
            **PODS,
            "jobConfig": {"parallelism": 0, "completions": 2, "backoffLimit": 1, "activeDeadlineSeconds": 60},
        },
    ),
    (
        "cronJob",
        {
            **PODS,
            "labels": {"pod": "label"},
            "cronJobConfig": {
                "schedule": "1 2 3 4 5",
                "suspend": True,
                "concurrencyPolicy": "Replace",
                "startingDeadlineSeconds": 30,
                "successfulJobsHistoryLimit": 1,
                "failedJobsHistoryLimit": 4,
                "jobConfig": {"backoffLimit": 2},
                "jobLabels": {"job": "label"},
                "jobAnnotations": {"job": "annotation"},
            },
        },
    ),
    ("pod", {**PODS, "automountServiceAccountToken": False, "labels": {"a": "b"}, "description": "a pod"}),
    (
        "service",
        {
            "kind": "NodePort",
            "selector": {"a": "b"},
            "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}],
            "sessionAffinity": "ClientIP",
            "description": "words",
        },
    ),
    ("service", {"hostname": "example.org"}),
    ("dnsRecord", {"hostname": "other.example.org"}),
    ("dnsRecord", {"ipAddresses": ["10.1.2.3", "fd00::1"]}),
    ("dnsRecord", {"targetWorkloadIds": ["deployment:mapping:web"]}),
    ("dnsRecord", {"targetDnsRecordIds": ["mapping:other"]}),
    ("dnsRecord", {"selector": {"a": "b"}}),
    (
        "ingress",
        {
            "rules": [
                {
                    "host": "a.example.org",
                    "paths": {
                        "/x": {"serviceId": "mapping:x", "targetPort": 80},
                        "/y": {"workloadIds": ["deployment:mapping:y", "deployment:mapping:z"], "targetPort": 8080},
                    },
                },
                {"paths": {"": {"serviceId": "mapping:z", "targetPort": "http"}}},
            ],
            "defaultBackend": {"workloadIds": ["deployment:mapping:d"], "targetPort": 1},
            "tls": [{"certificateId": "mapping:cert", "hosts": ["a.example.org"]}],
        },
    ),
    ("configMap", {"data": {"a": "b"}, "binaryData": {"c": "AAEC"}, "description": "words"}),
    (
        "persistentVolumeClaim",
        {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassId": "fast"},
    ),
    ("namespacedSecret", {"kind": "Opaque", "data": {"a": "AAEC"}, "description": "words"}),
    ("namespacedCertificate", {"certs": CERTIFICATE, "key": KEY}),
    (
        "namespacedDockerCredential",
        {"registries": {"r.example.org": {"username": "u", "password": "p", "description": "d"}}},
    ),
    ("namespacedBasicAuth", {"username": "u", "password": "p"}),
    ("namespacedSshAuth", {"privateKey": "PRIVATE"}),
    ("namespacedServiceAccountToken", {"accountName": "default"}),
    (
        "horizontalPodAutoscaler",
        {
            "workloadId": "statefulset:mapping:x",
            "minReplicas": 2,
            "maxReplicas": 5,
            "metrics": [
                {"type": "Resource", "name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}},
                {
                    "type": "Object",
                    "name": "requests",
                    "describedObject": {"kind": "Service", "name": "x"},
                    "target": {"type": "Value", "value": "2k"},
                },
                {"type": "Resource", "name": "cpu", "target": {"type": "Utilization", "utilization": 70}},
            ],
        },
    ),
    (
        "namespace",
        {
            "projectId": "c-abcde:p-fghij",
            "description": "words",
            "labels": {"a": "b"},
            "resourceQuota": {"limit": {"pods": "5"}},
        },
    ),
    (
        "persistentVolume",
        {
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "1Gi"},
            "nfs": {"server": "s", "path": "/p"},
            "storageClassId": "none",
            "persistentVolumeReclaimPolicy": "Retain",
        },
    ),
    (
        "persistentVolume",
        {
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "1Gi"},
            "hostPath": {"path": "/x", "kind": "Directory"},
        },
    ),
    (
        "storageClass",
        {
            "provisioner": "example.org/p",
            "parameters": {"type": "fast"},
            "reclaimPolicy": "Retain",
            "allowVolumeExpansion": True,
        },
    ),
]

WRITE_ONLY = {"key", "password", "privateKey", "token"}


@pytest.mark.parametrize(("id", "asked"), ASKED, ids=[f"{at}-{id}" for at, (id, _) in enumerate(ASKED)])
def test_what_is_asked_for_comes_back(api: Api, id: str, asked: dict[str, Any], request: pytest.FixtureRequest) -> None:
    kind = find(id)
    assert kind is not None
    name = f"t{request.node.callspec.indices['id']}-{id.lower()}"[:40]
    values = {**asked, "name": name, "namespaceId": NAMESPACE, "creatorId": "u-abcde"}
    made = api.create(kind, kind.to_kubernetes(values, version=api.version(kind)))
    shown = kind.to_v3(api.get(kind, made), PLACE)
    assert_holds(shown, {name: value for name, value in asked.items() if name not in WRITE_ONLY})
    assert not WRITE_ONLY & shown.keys()
    assert shown["type"] == id
    assert shown["creatorId"] == (None if kind.base == "workload" else "u-abcde")
    assert shown["created"].endswith("Z")
    assert shown["uuid"] == made["metadata"]["uid"]
    assert kind.locate(shown["id"]) == (NAMESPACE if kind.served.namespaced else "", name)


@pytest.mark.parametrize(("id", "asked"), ASKED, ids=[f"{at}-{id}" for at, (id, _) in enumerate(ASKED)])
def test_the_whole_resource_put_back_changes_nothing(id: str, asked: dict[str, Any]) -> None:
    kind = find(id)
    assert kind is not None
    made = kind.to_kubernetes({**asked, "name": "n", "namespaceId": NAMESPACE})
    assert kind.to_kubernetes(kind.to_v3(made, PLACE), made, PLACE) == made


def assert_holds(shown: Any, asked: Any, path: str = "") -> None:
    """Everything that was asked for is there; what the server filled in besides is its own affair."""
    if isinstance(asked, dict):
        assert isinstance(shown, dict), path
        for name, value in asked.items():
            if name not in WRITE_ONLY:
                assert_holds(shown.get(name), value, f"{path}.{name}")
    elif isinstance(asked, list) and asked and isinstance(asked[0], dict):
        assert isinstance(shown, list), path
        assert len(shown) == len(asked), path
        for at, (one, other) in enumerate(zip(shown, asked, strict=True)):
            assert_holds(one, other, f"{path}[{at}]")
    else:
        assert shown == asked, path


def test_a_minimal_deployment_takes_over_everything(api: Api) -> None:
    """An update writes every field, not only a creation."""
    kind = find("deployment")
    assert kind is not None
    least = {"name": "least", "namespaceId": NAMESPACE, "scale": 0, "containers": [{"name": "web", "image": "i"}]}
    stored = api.create(kind, kind.to_kubernetes(least))
    values = {**TEMPLATE, "labels": {**TEMPLATE["labels"], **stored["spec"]["selector"]["matchLabels"]}}
    _, after = api.update(kind, stored, lambda before: kind.to_kubernetes(values, before))
    assert_holds(kind.to_v3(after, PLACE), values)
    cleared = dict.fromkeys(name for name in TEMPLATE if name not in ("containers", "labels"))
    values = {**cleared, "containers": least["containers"]}
    _, back = api.update(kind, stored, lambda before: kind.to_kubernetes(values, before))
    fresh = api.create(kind, kind.to_kubernetes({**least, "name": "fresh"}))
    assert back["spec"]["template"]["spec"] == fresh["spec"]["template"]["spec"]


def test_a_rollback_restores_the_template(api: Api) -> None:
    least = {"name": "rolled", "namespaceId": NAMESPACE, "scale": 0, "containers": [{"name": "web", "image": "one"}]}
    stored = api.create(DEPLOYMENT, DEPLOYMENT.to_kubernetes(least))
    first = api.until(lambda: rollout.revisions(stored, api.all(REPLICA_SET)), 1)
    two = {"containers": [{"name": "web", "image": "two"}]}
    api.update(DEPLOYMENT, stored, lambda before: DEPLOYMENT.to_kubernetes(two, before))
    api.until(lambda: rollout.revisions(stored, api.all(REPLICA_SET)), 2)
    id = REPLICA_SET.to_v3(first[0])["id"]
    _, after = api.update(DEPLOYMENT, stored, lambda before: rollout.rolled_back(before, api.all(REPLICA_SET), id))
    assert after["spec"]["template"] == stored["spec"]["template"]


def test_an_eviction_of_a_drains_plan_is_taken(api: Api) -> None:
    kind = find("pod")
    assert kind is not None
    pod = api.create(
        kind, kind.to_kubernetes({"name": "leaving", "namespaceId": NAMESPACE, "containers": CONTAINERS[1:2]})
    )
    (eviction,) = drain.plan([pod], drain.options({"force": True, "gracePeriod": 0}), api.minor)
    api.evict(eviction)
    assert api.until(lambda: [item for item in api.all(kind) if item["metadata"]["name"] == "leaving"], 0) == []


def test_secrets_reach_the_cluster(api: Api) -> None:
    kind = find("namespacedDockerCredential")
    assert kind is not None
    values = {"name": "reach", "namespaceId": NAMESPACE, "registries": {"r": {"username": "u", "password": "p"}}}
    stored = api.create(kind, kind.to_kubernetes(values))
    shown = kind.to_v3(stored)
    assert shown["registries"] == {"r": {"username": "u"}}
    shown["registries"]["s"] = {"username": "v", "password": "q"}
    _, after = api.update(kind, stored, lambda before: kind.to_kubernetes(shown, before))
    config = base64.b64decode(after["data"][".dockerconfigjson"]).decode()
    assert '"password":"p"' in config
    assert '"password":"q"' in config
