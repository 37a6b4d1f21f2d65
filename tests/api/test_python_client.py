"""The way Rancher's Python client builds its calls: from the schemas alone, then from links and actions."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.server import BASE, Caller, Server


class Client:
    """What ``rancher.Client`` does with a URL: find the schemas, and make ``list_x``, ``create_x`` … of them."""

    def __init__(self, caller: Caller, url: str) -> None:
        self._caller = caller
        first = caller.get(url)
        assert first.status == 200
        schemas = dict(first.headers)["x-api-schemas"]
        listed = first if schemas == url else caller.get(schemas)
        self.schemas = {each["id"]: each for each in listed.json["data"] if each["type"] == "schema"}
        self.names = {snake(id) for id in self.schemas} | set(self.schemas)

    def list(self, id: str, query: str = "") -> Any:
        schema = self.schemas[id]
        assert "GET" in schema["collectionMethods"]
        return self._caller.get(schema["links"]["collection"] + query).json

    def by_id(self, id: str, key: str) -> Any:
        found = self._caller.get(f"{self.schemas[id]['links']['collection']}/{key}").json
        return None if found.get("status") == 404 else found

    def create(self, id: str, **fields: Any) -> Any:
        schema = self.schemas[id]
        assert "POST" in schema["collectionMethods"]
        return self._caller.make(schema["links"]["collection"], fields)

    def update(self, found: Any, **fields: Any) -> Any:
        assert "PUT" in self.schemas[found["type"]]["resourceMethods"]
        return self._caller.put(found["links"]["self"], fields).json

    def delete(self, found: Any) -> bytes:
        return self._caller.delete(found["links"]["self"]).body

    def action(self, found: Any, name: str, **fields: Any) -> Any:
        return self._caller.post(found["actions"][name], fields)

    def follow(self, found: Any, link: str) -> Any:
        return self._caller.get(found["links"][link]).json


def snake(name: str) -> str:
    return re.sub(r"([A-Z])", r"_\1", name).lower()


@pytest.fixture
def client(admin: Caller) -> Client:
    return Client(admin, f"{BASE}/v3")


def test_the_names_of_its_methods(client: Client) -> None:
    assert {"cluster", "project_role_template_binding", "clusterRegistrationToken", "auth_config"} <= client.names


def test_the_base_and_the_list_of_schemas_do_the_same(admin: Caller, client: Client) -> None:
    assert Client(admin, f"{BASE}/v3/schemas").schemas == client.schemas


def test_a_cluster_and_what_is_in_it(admin: Caller, client: Client) -> None:
    cluster = client.create("cluster", name="one")
    project = client.create("project", name="a", clusterId=cluster["id"])
    assert client.by_id("project", project["id"])["name"] == "a"
    assert client.by_id("project", "nosuch") is None
    own = [each["id"] for each in client.list("project", f"?clusterId={cluster['id']}&name_ne=a")["data"]]
    assert project["id"] not in own
    assert [each["id"] for each in client.follow(cluster, "projects")["data"]] == sorted([*own, project["id"]])
    assert client.update(project, name="b")["name"] == "b"
    assert client.delete(project) == b""
    assert [each["id"] for each in client.follow(cluster, "projects")["data"]] == own


def test_actions_and_attributes(client: Client) -> None:
    cluster = client.create("cluster", name="one")
    assert client.action(cluster, "generateKubeconfig").json["config"].startswith("apiVersion")
    binding = client.create("projectRoleTemplateBinding", **bound(client, cluster))
    assert binding["groupId"] is binding["groupPrincipalId"] is binding["namespaceId"] is None
    driver = client.create("nodeDriver", url="https://drivers.example/x", name="x")
    assert (driver["state"], driver["actions"].keys()) == ("inactive", {"activate"})
    active = client.action(driver, "activate").json
    assert (active["state"], active["actions"].keys()) == ("active", {"deactivate"})
    assert client.action(driver, "activate").error == (404, "ActionNotAvailable", "")


def bound(client: Client, cluster: Any) -> dict[str, str]:
    project = client.create("project", name="a", clusterId=cluster["id"])
    template = client.create("roleTemplate", name="r", context="project")
    user = client.create("user", username="bob", password="correct horse battery")
    return {"projectId": project["id"], "roleTemplateId": template["id"], "userId": user["id"]}


@pytest.mark.parametrize("context", ["cluster", "project"])
def test_a_context_has_schemas_of_its_own(admin: Caller, client: Client, context: str) -> None:
    cluster = client.create("cluster", name="one")
    found = cluster if context == "cluster" else client.create("project", name="a", clusterId=cluster["id"])
    inside = Client(admin, found["links"]["self"])
    assert inside.schemas == Client(admin, found["links"]["self"] + "/schemas").schemas
    for schema in inside.schemas.values():
        assert schema["version"]["subContext"] is True
        assert schema["links"]["self"].startswith(f"{BASE}/v3/{context}/{found['id']}/schemas/")


def test_what_lives_in_a_project(admin: Caller, client: Client) -> None:
    cluster = client.create("cluster", name="one")
    project = client.create("project", name="a", clusterId=cluster["id"])
    inside = Client(admin, project["links"]["self"] + "/schemas")
    pipeline = inside.create("pipeline", repositoryUrl="https://git.example/a.git")
    assert pipeline["projectId"] == project["id"]
    assert pipeline["links"]["self"] == f"{BASE}/v3/project/{project['id']}/pipelines/{pipeline['id']}"
    assert [each["id"] for each in client.follow(project, "pipelines")["data"]] == [pipeline["id"]]
    other = client.create("project", name="b", clusterId=cluster["id"])
    assert client.follow(other, "pipelines")["data"] == []


def test_a_removed_cluster_takes_everything_along(server: Server, client: Client) -> None:
    cluster = client.create("cluster", name="one")
    binding = client.create("projectRoleTemplateBinding", **bound(client, cluster))
    client.create("node", clusterId=cluster["id"], requestedHostname="a")
    client.action(cluster, "generateKubeconfig")
    assert client.delete(cluster) == b""
    for kind in ("cluster", "project", "projectRoleTemplateBinding", "node"):
        assert client.list(kind)["data"] == [], kind
    assert client.by_id("user", binding["userId"])["username"] == "bob"
    assert [token.id for token in server.resources.all("token") if token.spec.get("clusterId")] == []
