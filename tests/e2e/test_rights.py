"""Who may do what in a real cluster, by the real kubectl, and how soon: within two seconds of a binding's change."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.kubernetes.cluster import Cluster
from tests.support.lariat import PASSWORD, Client, Imported, Server, eventually

pytestmark = pytest.mark.cluster

SOON = 2.0
OWNED = "clusterroles,clusterrolebindings,rolebindings,networkpolicies,resourcequotas,limitranges,secrets"


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

    def project(self, name: str, *namespaces: str) -> str:
        """A project with new namespaces."""
        project = str(self.make("/v3/projects", {"clusterId": self.imported.id, "name": name})["id"])
        for namespace in namespaces:
            metadata = {"name": namespace, "annotations": {"field.cattle.io/projectId": project}}
            document = json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
            assert self.cluster.kubectl("create", "-f", "-", stdin=document).code == 0
        return project

    def bind(self, person: Person, role: str, project: str) -> str:
        kind, field = ("project", "projectId") if ":" in project else ("cluster", "clusterId")
        body = {field: project, "userId": person.id, "roleTemplateId": role}
        return f"/v3/{kind}roletemplatebindings/{self.make(f'/v3/{kind}roletemplatebindings', body)['id']}"

    def owned(self) -> list[str]:
        """What carries our label in the cluster."""
        found = self.cluster.kubectl("get", OWNED, "-A", "-l", "lariat.io/owner", "-o", "name")
        return sorted(found.out.split())


@pytest.fixture(scope="module")
def house(lariat: Server, admin: Client, imported: Imported, cluster: Cluster) -> House:
    return House(lariat, admin, imported, cluster)


@pytest.fixture(scope="module")
def dev(house: House) -> str:
    return house.project("dev", "web")


@pytest.fixture(scope="module")
def prod(house: House) -> str:
    return house.project("prod", "shop")


def soon(look: Callable[[], object], what: str) -> None:
    started = time.monotonic()
    eventually(look, what, SOON)
    assert time.monotonic() - started < SOON


@pytest.mark.parametrize("first", ["dev", "prod"])
def test_a_member_here_who_only_reads_there(house: House, dev: str, prod: str, first: str) -> None:
    person = Person(house, f"alex-{first}")
    assert not person.enters
    given = [(("project-member", dev)), (("read-only", prod))]
    bound = {role: house.bind(person, role, project) for role, project in (given if first == "dev" else given[::-1])}
    soon(lambda: person.can("create", "deployments.apps", "-n", "web"), "a member works in dev")
    soon(lambda: person.can("list", "pods", "-n", "shop"), "a reader looks into prod")
    assert person.may("create", "configmap", f"of-{first}", "-n", "web")
    assert person.may("get", "configmaps", "-n", "shop")
    for verb, what, where in (
        ("create", "deployments.apps", "shop"),
        ("delete", "pods", "shop"),
        ("get", "secrets", "shop"),
        ("list", "pods", "default"),
        ("create", "rolebindings", "web"),
    ):
        assert not person.can(verb, what, "-n", where), (verb, what, where)
    assert not person.can("list", "nodes")
    refused = person.kubectl("get", "pods", "-n", "default")
    assert f'User "{person.id}" cannot list resource' in refused.err
    house.admin.delete(bound["project-member"])
    soon(lambda: not person.can("create", "deployments.apps", "-n", "web"), "he is no member any more")
    assert person.may("get", "configmaps", "-n", "shop")
    house.admin.delete(bound["read-only"])
    soon(lambda: not person.enters, "he does not get in any more")


def test_a_members_view_of_lariat_itself(house: House, dev: str, prod: str) -> None:
    person = Person(house, "viewer")
    house.bind(person, "project-member", dev)
    soon(lambda: person.client.get("/v3/projects").json()["data"], "he sees his project")
    assert [each["id"] for each in person.client.get("/v3/projects").json()["data"]] == [dev]
    assert [each["id"] for each in person.client.get("/v3/clusters").json()["data"]] == [house.imported.id]
    assert person.client.delete(f"/v3/projects/{dev}").status_code == 403
    assert person.client.get(f"/v3/projects/{prod}").status_code == 404
    body = {"projectId": dev, "userId": person.id, "roleTemplateId": "project-owner"}
    assert person.client.post("/v3/projectroletemplatebindings", json=body).status_code == 403


def test_a_second_administrator_and_his_demotion(house: House) -> None:
    person = Person(house, "second")
    binding = house.make("/v3/globalrolebindings", {"userId": person.id, "globalRoleId": "admin"})
    soon(lambda: person.can("*", "*", "--all-namespaces"), "the second administrator may do everything")
    assert house.admin.delete(f"/v3/globalrolebindings/{binding['id']}").status_code == 204
    soon(lambda: not person.enters, "not any more")
    name = f"globaladmin-{person.id}"
    soon(lambda: house.cluster.kubectl("get", "clusterrolebinding", name).code == 1, "his binding is gone")


@pytest.mark.parametrize("end", ["user", "project", "role"])
def test_what_ends_leaves_nothing_behind(house: House, end: str) -> None:
    before = house.owned()
    person = Person(house, f"leaver-{end}")
    project = house.project(f"short-{end}", f"short-{end}")
    rules = [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}]
    role = house.make("/v3/roletemplates", {"name": "odd", "context": "project", "rules": rules})["id"]
    house.bind(person, role, project)
    soon(lambda: person.can("get", "deployments.apps", "-n", f"short-{end}"), "the role holds")
    gone = {"user": f"/v3/users/{person.id}", "project": f"/v3/projects/{project}", "role": f"/v3/roletemplates/{role}"}
    assert house.admin.delete(gone[end]).status_code in (200, 204)
    if end != "project":
        house.admin.delete(gone["project"])
    eventually(lambda: house.owned() == before, "nothing is left behind")


def test_a_changed_role_changes_what_its_holders_may(house: House, dev: str) -> None:
    person = Person(house, "changing")
    rules = [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}]
    role = house.make("/v3/roletemplates", {"name": "changing", "context": "project", "rules": rules})
    house.bind(person, role["id"], dev)
    soon(lambda: person.can("get", "deployments.apps", "-n", "web"), "the role holds")
    rules[0]["verbs"] = ["list"]
    assert house.admin.put(f"/v3/roletemplates/{role['id']}", json={"rules": rules}).status_code == 200
    soon(lambda: person.can("list", "deployments.apps", "-n", "web"), "what was added holds")
    assert not person.can("get", "deployments.apps", "-n", "web")


def test_the_clusters_own_namespaces_are_in_its_own_projects(house: House) -> None:
    projects = {each["name"]: each["id"] for each in house.admin.get("/v3/projects").json()["data"]}
    for namespace, project in (("default", "Default"), ("kube-system", "System")):
        found = house.cluster.kubectl("get", "namespace", namespace, "-o", "json").json
        assert found["metadata"]["annotations"]["field.cattle.io/projectId"] == projects[project]


def test_a_deleted_cluster_is_left_as_it_was(house: House) -> None:
    """The last one: it takes the cluster away."""
    assert house.owned()
    assert house.admin.delete(f"/v3/clusters/{house.imported.id}").status_code == 200
    eventually(lambda: house.admin.get(f"/v3/clusters/{house.imported.id}").status_code == 404, "the cluster is gone")
    assert house.owned() == []
    found = house.cluster.kubectl("get", "namespace", "default", "-o", "json").json
    assert "field.cattle.io/projectId" not in (found["metadata"].get("annotations") or {})
