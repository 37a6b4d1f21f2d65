"""The secrets of a whole project: what is shown, what is refused, who may."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from chalicelib.clusters import secrets
from chalicelib.clusters.affected import Affected, woken
from chalicelib.types import Key
from tests.api.test_subscriptions import Ear, types
from tests.api.world import World
from tests.support.pem import CERT, CHAIN, KEY, OTHER_KEY
from tests.support.server import Caller, Server

TLS = {"certs": CHAIN, "key": KEY}
REGISTRIES = {"registry.example": {"username": "u", "password": "a-password"}}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class Projects:
    """Two projects; ``home`` is the one to work in."""

    def __init__(self, server: Server, admin: Caller) -> None:
        world = World(server, admin)
        self.server, self.admin = server, admin
        self.home = world.one("project")
        self.other = admin.make("/v3/projects", {"name": "other", "clusterId": self.cluster})["id"]

    @property
    def cluster(self) -> str:
        return self.home.partition(":")[0]

    def url(self, plural: str, project: str = "") -> str:
        return f"/v3/project/{project or self.home}/{plural}"

    def make(self, plural: str, name: str, **body: Any) -> Any:
        return self.admin.make(self.url(plural), {"name": name, **body})

    def bound(self, name: str, role: str) -> Caller:
        caller = self.server.user(name)
        body = {"projectId": self.home, "userId": caller.user, "roleTemplateId": role}
        self.admin.make("/v3/projectroletemplatebindings", body)
        return caller

    def kept(self) -> dict[str, Any]:
        """What the clusters are to get, by name."""
        project = self.server.resources.get("project", self.home)
        found = secrets.load(self.server.resources, self.server.seal, [project])
        return {secret.name: (secret.type, dict(secret.data)) for secret in found}


@pytest.fixture
def projects(server: Server, admin: Caller) -> Projects:
    return Projects(server, admin)


def test_a_certificate_says_what_it_is(projects: Projects) -> None:
    made = projects.make("certificates", "web", **TLS)
    assert (made["id"], made["type"], made["baseType"]) == (f"{projects.home[-7:]}:web", "certificate", "secret")
    assert (made["projectId"], made["namespaceId"], made["kind"]) == (projects.home, None, "certificate")
    assert (made["cn"], made["algorithm"], made["version"]) == ("one", "ECDSA", "3")
    assert made["subjectAlternativeNames"] == ["one.example.org", "10.1.2.3"]
    assert made["expiresAtTS"] > made["issuedAtTS"]
    assert made["links"]["self"].endswith(projects.url(f"certificates/{made['id']}"))
    assert projects.kept() == {"web": ("kubernetes.io/tls", {"tls.crt": encoded(CHAIN), "tls.key": encoded(KEY)})}


def test_all_sorts_are_one_collection_and_each_is_one_of_its_own(projects: Projects) -> None:
    ids = [
        projects.make("basicAuths", "a", username="u", password="p")["id"],
        projects.make("certificates", "b", **TLS)["id"],
        projects.make("dockerCredentials", "c", registries=REGISTRIES)["id"],
        projects.make("secrets", "d", data={"a": "AAEC"})["id"],
        projects.make("sshAuths", "e", privateKey="k")["id"],
    ]
    admin = projects.admin
    assert admin.get(projects.url("secrets")).ids == ids
    assert admin.get(projects.url("secrets", projects.other)).ids == []
    assert admin.get(projects.url("certificates")).ids == ids[1:2]
    assert admin.get(projects.url(f"secrets/{ids[1]}")).json["type"] == "certificate"
    assert admin.get(projects.url(f"basicAuths/{ids[1]}")).status == 404
    assert admin.get(projects.url(f"secrets/{ids[1]}", projects.other)).status == 404
    kinds = [each["kind"] for each in admin.get(projects.url("secrets")).json["data"]]
    assert kinds == ["basicAuth", "certificate", "dockerCredential", "Opaque", "sshAuth"]
    assert admin.post(projects.url("secrets"), {"name": "b"}).error == (409, "AlreadyExists", "")


@pytest.mark.parametrize("kind", ["certificate", "kubernetes.io/tls"])
def test_any_sort_may_be_given_as_data(projects: Projects, kind: str) -> None:
    made = projects.make("secrets", "web", kind=kind, data={"tls.crt": encoded(CHAIN), "tls.key": encoded(KEY)})
    assert (made["type"], made["cn"], "data" in made) == ("certificate", "one", False)


@pytest.mark.parametrize(
    ("plural", "body", "error"),
    [
        ("certificates", {"certs": "x", "key": KEY}, ("InvalidBodyContent", "certs")),
        ("certificates", {"certs": CERT, "key": OTHER_KEY}, ("InvalidBodyContent", "key")),
        ("certificates", {"certs": CERT}, ("MissingRequired", "key")),
        ("sshAuths", {}, ("MissingRequired", "privateKey")),
        ("dockerCredentials", {}, ("MissingRequired", "registries")),
        ("secrets", {"kind": "helm.sh/release"}, ("InvalidOption", "kind")),
        ("secrets", {"data": {"a": "not base64"}}, ("InvalidFormat", "data")),
        ("secrets", {"data": {"a/b": "AAEC"}}, ("InvalidFormat", "data")),
        ("secrets", {"data": {"..": "AAEC"}}, ("InvalidFormat", "data")),
        ("secrets", {"stringData": {"a b": "x"}}, ("InvalidFormat", "data")),
        ("secrets", {"kind": "certificate", "data": {"tls.crt": "AAEC"}}, ("MissingRequired", "data")),
        ("secrets", {"kind": "sshAuth", "data": {"a": "AAEC"}}, ("MissingRequired", "data")),
        ("secrets", {"kind": "dockerCredential", "data": {".dockerconfigjson": "AAEC"}}, ("InvalidFormat", "data")),
        (
            "secrets",
            {"kind": "certificate", "data": {"tls.crt": "AAEC", "tls.key": ""}},
            ("InvalidBodyContent", "certs"),
        ),
    ],
)
def test_what_no_cluster_would_take(
    projects: Projects, plural: str, body: dict[str, Any], error: tuple[str, str]
) -> None:
    assert projects.admin.post(projects.url(plural), {"name": "a", **body}).error == (422, *error)


def test_a_change_keeps_what_is_not_sent(projects: Projects) -> None:
    web = projects.make("certificates", "web", **TLS)["links"]["self"]
    changed = projects.admin.put(web, {"certs": CERT, "key": "", "kind": "Opaque", "description": "d"}).json
    assert (changed["certs"], changed["description"], changed["kind"]) == (CERT, "d", "certificate")
    assert projects.kept()["web"][1] == {"tls.crt": encoded(CERT), "tls.key": encoded(KEY)}
    assert projects.admin.put(web, {"key": OTHER_KEY}).error == (422, "InvalidBodyContent", "key")
    assert projects.admin.put(web, {"certs": None}).error == (422, "NotNullable", "certs")


def test_texts_join_the_data(projects: Projects) -> None:
    made = projects.make("secrets", "a", data={"a": "AAEC"}, stringData={"b": "text"})
    assert made["data"] == {"a": "AAEC", "b": encoded("text")}
    self = made["links"]["self"]
    assert projects.admin.put(self, {"stringData": {"c": "x"}}).json["data"].keys() == {"a", "b", "c"}
    assert projects.admin.put(self, {"description": "d"}).json["data"].keys() == {"a", "b", "c"}
    assert projects.admin.put(f"{self}?_replace=true", {"stringData": {"d": "x"}}).json["data"] == {"d": encoded("x")}


def test_a_registrys_password_stays_with_its_user(projects: Projects) -> None:
    made = projects.make("dockerCredentials", "a", registries=REGISTRIES)
    expected = {"type": "/v3/project/schemas/registryCredential", "username": "u"}
    assert made["registries"] == {"registry.example": expected}
    changed = projects.admin.put(made["links"]["self"], {"registries": {"registry.example": {"username": "v"}}}).json
    assert changed["registries"]["registry.example"]["username"] == "v"


def test_a_service_accounts_token_says_that_it_is_not_copied(projects: Projects) -> None:
    made = projects.make("serviceAccountTokens", "a", accountName="default", token="a-token")
    assert [each["status"] for each in made["conditions"] if each["type"] == "Implemented"] == ["False"]


@pytest.mark.parametrize(
    ("role", "creates", "reads"),
    [
        ("project-owner", True, True),
        ("project-member", True, True),
        ("secrets-manage", True, True),
        ("secrets-view", False, True),
        ("read-only", False, False),
        ("workloads-manage", False, False),
    ],
)
def test_a_role_in_the_project_decides(projects: Projects, role: str, creates: bool, reads: bool) -> None:
    made = projects.make("secrets", "a", data={"a": "AAEC"})
    caller = projects.bound("somebody", role)
    status = 201 if creates else 403
    assert caller.post(projects.url("secrets"), {"name": "b"}).status == status
    assert caller.post(projects.url("sshAuths"), {"name": "c", "privateKey": "k"}).status == status
    assert caller.post(projects.url("secrets", projects.other), {"name": "d"}).status == 403
    assert (made["id"] in caller.get(projects.url("secrets")).ids) is reads
    assert caller.get(made["links"]["self"]).status == (200 if reads else 404)
    refused = 403 if reads else 404
    assert caller.put(made["links"]["self"], {"description": "d"}).status == (200 if creates else refused)
    assert caller.delete(made["links"]["self"]).status == (204 if creates else refused)


def test_a_stranger_sees_nothing(projects: Projects, plain: Caller) -> None:
    made = projects.make("certificates", "web", **TLS)
    for project in (projects.home, projects.other, "c-1:p-1"):
        for plural in ("secrets", "certificates"):
            assert plain.get(projects.url(plural, project)).ids == []
            assert plain.get(projects.url(f"{plural}/{made['id']}", project)).status == 404


def test_each_change_leads_to_the_cluster(projects: Projects, server: Server) -> None:
    def concerned() -> list[str]:
        keys = woken([change.key for change in server.changes if change.new])
        server.changes.clear()
        affected = Affected(server.resources)
        return sorted({cluster for key in keys for cluster in affected.by(key)})

    server.changes.clear()
    made = projects.make("basicAuths", "a", username="u")
    assert concerned() == [projects.cluster]
    assert projects.admin.put(made["links"]["self"], {"username": "v"}).status == 200
    assert concerned() == [projects.cluster]
    assert projects.admin.delete(made["links"]["self"]).status == 204
    assert concerned() == [projects.cluster]


def test_they_go_with_their_project(projects: Projects, server: Server) -> None:
    projects.make("certificates", "web", **TLS)
    assert projects.admin.delete(f"/v3/projects/{projects.home}").status in (200, 204)
    assert list(server.resources.all("secret")) == []


def test_each_is_told_once_as_what_it_is(projects: Projects, server: Server, admin: Caller) -> None:
    path = f"/v3/project/{projects.home}/subscribe"
    everything, some = Ear(server, admin, path), Ear(server, admin, path, types("certificate"))
    web = projects.make("certificates", "web", **TLS)
    plain = projects.make("secrets", "a", data={"a": "AAEC"})
    heard = everything.hear()
    assert [(event["data"]["type"], event["data"]["id"]) for event in heard] == [
        ("certificate", web["id"]),
        ("secret", plain["id"]),
    ]
    assert not any("data" in event["data"] for event in heard)
    assert [event["data"]["id"] for event in some.hear()] == [web["id"]]
    kept = [Key("secret", web["id"]), Key("secret", plain["id"])]
    assert sorted(key for key in everything.there if key[0] == "secret") == sorted(kept)
    assert some.there == kept[:1]
    assert admin.delete(web["links"]["self"]).status == 204
    assert [(event["name"], event["data"]["id"]) for event in some.hear()] == [("resource.remove", web["id"])]
