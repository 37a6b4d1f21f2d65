"""A project's secrets in a real cluster: in each of its namespaces, as they are now, and gone with the original."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kubernetes.cluster import Cluster
from tests.support.lariat import PASSWORD, Client, Imported, Lariat, eventually
from tests.support.pem import CERT, CHAIN, KEY

pytestmark = pytest.mark.cluster

CANARY = "canary-of-a-project"
NAMES = ("registry", "settings", "web")


class Home:
    """A project with two namespaces, ``kitchen`` and ``hall``, and a secret of each of three sorts."""

    def __init__(self, admin: Client, imported: Imported, cluster: Cluster) -> None:
        self.admin, self.cluster, self.of = admin, cluster, imported.id
        self.project = self.made("/v3/projects", clusterId=imported.id, name="home")["id"]
        for namespace in ("kitchen", "hall"):
            self.namespace(namespace)
        registries = {"registry.example": {"username": "u", "password": CANARY}}
        self.secrets = [
            self.made(self.url("dockerCredentials"), name="registry", registries=registries),
            self.made(self.url("secrets"), name="settings", data={"a": "AAEC"}),
            self.made(self.url("certificates"), name="web", certs=CHAIN, key=KEY),
        ]

    def made(self, url: str, **body: Any) -> Any:
        answer = self.admin.post(url, json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def namespace(self, name: str) -> None:
        self.made(f"/v3/cluster/{self.of}/namespaces", name=name, projectId=self.project)

    def url(self, plural: str) -> str:
        return f"/v3/project/{self.project}/{plural}"

    def copies(self, namespace: str) -> dict[str, Any]:
        """Lariat's secrets in a namespace, by name."""
        found = self.cluster.kubectl("get", "secrets", "-n", namespace, "-l", "lariat.io/owner=secrets", "-o", "json")
        return {each["metadata"]["name"]: each for each in found.json["items"]}

    def arrive(self, namespace: str, *names: str) -> dict[str, Any]:
        """Wait until a namespace has these copies and no others."""
        eventually(lambda: self.copies(namespace).keys() == set(names), f"{names} in {namespace}")
        return self.copies(namespace)

    def becomes(self, namespace: str, name: str, key: str, value: str) -> None:
        wanted = base64.b64encode(value.encode()).decode()
        eventually(
            lambda: self.copies(namespace)[name]["data"].get(key) == wanted, f"{name} has changed in {namespace}"
        )


@pytest.fixture(scope="module")
def home(admin: Client, imported: Imported, cluster: Cluster) -> Iterator[Home]:
    yield Home(admin, imported, cluster)
    cluster.kubectl("delete", "namespace", "kitchen", "hall", "attic", "--wait=false")


def test_they_are_in_every_namespace(home: Home) -> None:
    for namespace in ("kitchen", "hall"):
        found = home.arrive(namespace, *NAMES)
        assert [each["type"] for _, each in sorted(found.items())] == [
            "kubernetes.io/dockerconfigjson",
            "Opaque",
            "kubernetes.io/tls",
        ]
        assert all(each["metadata"]["annotations"]["secret.user.cattle.io/secret"] == "true" for each in found.values())
        assert base64.b64decode(found["web"]["data"]["tls.key"]).decode() == KEY
        config = json.loads(base64.b64decode(found["registry"]["data"][".dockerconfigjson"]))
        assert config["auths"]["registry.example"]["password"] == CANARY
    assert home.copies("default") == {}


def test_namespaces_lists_leave_them_out(home: Home) -> None:
    home.arrive("hall", *NAMES)
    own = home.made(home.url("namespacedSecrets"), name="own", namespaceId="hall", data={"b": "AAEC"})
    listed = {each["id"] for each in home.admin.get(home.url("namespacedSecrets")).json()["data"]}
    assert own["id"] in listed
    assert not listed & {f"{namespace}:{name}" for namespace in ("kitchen", "hall") for name in NAMES}
    for plural in ("namespacedCertificates", "namespacedDockerCredentials"):
        assert home.admin.get(home.url(plural)).json()["data"] == []
    assert home.admin.get(home.url("namespacedCertificates/hall:web")).status_code == 404


def test_a_change_reaches_them(home: Home) -> None:
    home.arrive("kitchen", *NAMES)
    _, settings, web = (each["links"]["self"] for each in home.secrets)
    assert home.admin.put(settings, json={"data": {"a": "AAEC"}, "stringData": {"b": "text"}}).status_code == 200
    assert home.admin.put(web, json={"certs": CERT}).status_code == 200
    for namespace in ("kitchen", "hall"):
        home.becomes(namespace, "settings", "b", "text")
        home.becomes(namespace, "web", "tls.crt", CERT)
        home.becomes(namespace, "web", "tls.key", KEY)


def test_a_new_namespace_gets_them_and_one_that_leaves_loses_them(home: Home) -> None:
    home.namespace("attic")
    home.arrive("attic", *NAMES)
    moved = home.admin.post(f"/v3/cluster/{home.of}/namespaces/attic?action=move", json={"projectId": None})
    assert moved.status_code == 200
    home.arrive("attic")


def test_nobody_without_rights_sees_them(home: Home, lariat: Lariat) -> None:
    made = home.admin.post("/v3/users", json={"username": "stranger", "password": PASSWORD})
    assert made.status_code == 201
    with lariat.log_in("stranger") as stranger:
        for plural in ("secrets", "certificates", "dockerCredentials"):
            assert stranger.get(home.url(plural)).json()["data"] == []
            assert stranger.post(home.url(plural), json={"name": "mine"}).status_code == 403
        assert stranger.get(home.secrets[0]["links"]["self"]).status_code == 404
    assert CANARY not in home.admin.get(home.url("secrets")).text
    assert CANARY not in lariat.output


def test_what_is_removed_is_gone(home: Home) -> None:
    home.arrive("hall", *NAMES)
    assert home.admin.delete(home.secrets[0]["links"]["remove"]).status_code == 204
    for namespace in ("kitchen", "hall"):
        home.arrive(namespace, "settings", "web")
    assert home.admin.delete(f"/v3/projects/{home.project}").status_code in (200, 204)
    for namespace in ("kitchen", "hall"):
        home.arrive(namespace)
    assert home.cluster.kubectl("get", "secret", "own", "-n", "hall").code == 0
