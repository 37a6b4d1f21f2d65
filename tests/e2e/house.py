"""People with kubectl, projects and bindings on the real cluster, for scenarios of who may do what."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chalicelib.controllers.placement import PROJECT
from tests.kubernetes.cluster import Cluster
from tests.support.lariat import PASSWORD, Client, Imported, Server, eventually

SOON = 2.0
"""Seconds within which a change has to count in a cluster."""

OWNED = "clusterroles,clusterrolebindings,rolebindings,networkpolicies,resourcequotas,limitranges,secrets,podsecuritypolicies"


class Person:
    """A user of Lariat, with kubectl."""

    def __init__(self, house: House, name: str) -> None:
        made = house.admin.post("/v3/users", json={"username": name, "password": PASSWORD})
        assert made.status_code == 201, made.text
        self.id = str(made.json()["id"])
        self.house = house
        self.client = house.lariat.log_in(name).__enter__()
        self._kubeconfig: Path | None = None

    def kubectl(self, *arguments: str, stdin: str | None = None) -> Any:
        if self._kubeconfig is None:
            token = str(self.client.headers["Authorization"]).removeprefix("Bearer ")
            self._kubeconfig = self.house.imported.kubeconfig_of(token)
        return self.house.cluster.kubectl(*arguments, kubeconfig=self._kubeconfig, stdin=stdin)

    def may(self, *arguments: str) -> bool:
        return bool(self.kubectl(*arguments).code == 0)

    @property
    def enters(self) -> bool:
        """Does Lariat let him through to the cluster?"""
        status = self.client.get(f"/k8s/clusters/{self.house.imported.id}/version").status_code
        assert status in (200, 403)
        return status == 200

    def can(self, *arguments: str) -> bool:
        return bool(self.kubectl("auth", "can-i", *arguments).out.strip() == "yes")


class House:
    def __init__(self, lariat: Server, admin: Client, imported: Imported, cluster: Cluster) -> None:
        self.lariat, self.admin, self.imported, self.cluster = lariat, admin, imported, cluster

    def make(self, url: str, body: dict[str, Any], client: Client | None = None) -> Any:
        made = (client or self.admin).post(url, json=body)
        assert made.status_code == 201, made.text
        return made.json()

    def project(self, name: str, *namespaces: str, **spec: Any) -> str:
        """A project with new namespaces."""
        project = str(self.make("/v3/projects", {"clusterId": self.imported.id, "name": name, **spec})["id"])
        for namespace in namespaces:
            assert self.cluster.kubectl("create", "-f", "-", stdin=namespaced(namespace, project)).code == 0
        return project

    def bind(self, person: Person, role: str, project: str) -> str:
        kind, field = ("project", "projectId") if ":" in project else ("cluster", "clusterId")
        body = {field: project, "userId": person.id, "roleTemplateId": role}
        return f"/v3/{kind}roletemplatebindings/{self.make(f'/v3/{kind}roletemplatebindings', body)['id']}"

    def owned(self) -> list[str]:
        """What carries our label in the cluster."""
        found = self.cluster.kubectl("get", OWNED, "-A", "-l", "lariat.io/owner", "-o", "name")
        return sorted(found.out.split())


def namespaced(name: str, project: str = "") -> str:
    """The manifest of a namespace that says which project it is to be in."""
    said = {"annotations": {PROJECT: project}} if project else {}
    return json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, **said}})


def soon(look: Callable[[], object], what: str) -> None:
    started = time.monotonic()
    eventually(look, what, SOON)
    assert time.monotonic() - started < SOON
