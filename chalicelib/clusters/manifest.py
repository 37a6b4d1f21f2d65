"""What is applied to a cluster to import it: the agent and the least it needs, as ``kubectl apply -f`` takes it.

The agent's service account may impersonate users and groups, and nothing else: what a request may do, the cluster's own
RBAC decides for the impersonated user. The agent refuses requests that impersonate nobody.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import yaml

NAMESPACE = "lariat-system"
ACCOUNT = "lariat"
ROLE = "lariat-impersonator"
AGENT = "lariat-cluster-agent"
_LABELS = {"app.kubernetes.io/name": AGENT, "app.kubernetes.io/managed-by": "lariat"}


def manifest(*, server: str, token: str, checksum: str, image: str) -> str:
    """Return the YAML documents; ``checksum`` is empty where a public CA signs the server's certificate."""
    suffix = hashlib.sha256(f"{server}{token}".encode()).hexdigest()[:7]
    secret = f"lariat-credentials-{suffix}"
    credentials = {"url": server, "token": token, "checksum": checksum}
    documents = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": _LABELS}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _metadata(ACCOUNT)},
        _role(),
        _binding(),
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": _metadata(secret),
            "type": "Opaque",
            "data": {key: base64.b64encode(value.encode()).decode() for key, value in credentials.items()},
        },
        _deployment(secret, image),
    ]
    return yaml.safe_dump_all(documents, sort_keys=False)


def _metadata(name: str) -> dict[str, Any]:
    return {"name": name, "namespace": NAMESPACE, "labels": dict(_LABELS)}


def _role() -> dict[str, Any]:
    rules = [{"apiGroups": [""], "resources": ["users", "groups"], "verbs": ["impersonate"]}]
    metadata = {"name": ROLE, "labels": dict(_LABELS)}
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules}


def _binding() -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": ROLE, "labels": dict(_LABELS)},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": ROLE},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}],
    }


def _deployment(secret: str, image: str) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(AGENT),
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": dict(_LABELS)},
            "template": {"metadata": {"labels": dict(_LABELS)}, "spec": _pod(secret, image)},
        },
    }


def _pod(secret: str, image: str) -> dict[str, Any]:
    return {
        "serviceAccountName": ACCOUNT,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "agent",
                "image": image,
                "env": [
                    _variable("LARIAT_SERVER", secret, "url"),
                    _variable("LARIAT_TOKEN", secret, "token"),
                    _variable("LARIAT_CA_CHECKSUM", secret, "checksum"),
                ],
                "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
            }
        ],
    }


def _variable(name: str, secret: str, key: str) -> Mapping[str, Any]:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
