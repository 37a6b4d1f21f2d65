"""A project's secrets, certificates and registry credentials, copied to each of its namespaces and gone with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from chalicelib.auth.roles.cluster import Place
from chalicelib.controllers.objects import Document, Plan, compare, metadata

OWNER = "secrets"
KINDS = ("Secret",)
COPY = "secret.user.cattle.io/secret"
"""Rancher's annotation on copies; the API hides them from the lists of a namespace's own secrets."""

TYPES = frozenset(
    (
        "Opaque",
        "kubernetes.io/dockerconfigjson",
        "kubernetes.io/dockercfg",
        "kubernetes.io/tls",
        "kubernetes.io/basic-auth",
        "kubernetes.io/ssh-auth",
    )
)
"""A service account's token is not among them: a copy would mint a token in every namespace."""

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Secret:
    """``project`` is a full id, ``data`` is as Kubernetes has it, in base64; never printed."""

    project: str
    name: str
    type: str
    data: Mapping[str, str] = field(repr=False)


def plan(secrets: Iterable[Secret], place: Place, observed: Iterable[Document]) -> Plan:
    """``observed`` has the copies, and others' secrets of the same names, which are never overwritten."""
    wanted = [
        _copy(secret, namespace)
        for secret in secrets
        if secret.type in TYPES and secret.project in place.projects and _NAME.fullmatch(secret.name)
        for namespace in place.of_project(secret.project)
    ]
    return compare(OWNER, wanted, observed)


def _copy(secret: Secret, namespace: str) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(OWNER, secret.name, namespace, annotations={COPY: "true"}),
        "type": secret.type,
        "data": dict(secret.data),
    }
