"""Pod security policy templates, and which one a project has."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.server import Caller, Server

TEMPLATES = "/v3/podsecuritypolicytemplates"
BINDINGS = "/v3/podsecuritypolicytemplateprojectbindings"
FIELD = "podSecurityPolicyTemplateId"


@pytest.fixture
def project(admin: Caller) -> str:
    cluster = admin.make("/v3/clusters", {"name": "one"})["id"]
    return str(admin.make("/v3/projects", {"clusterId": cluster, "name": "p"})["id"])


def choose(caller: Caller, project: str, body: Any) -> Any:
    return caller.post(f"/v3/projects/{project}?action=setpodsecuritypolicytemplate", body)


def test_two_come_with_the_server(admin: Caller) -> None:
    assert admin.get(TEMPLATES).ids == ["restricted", "unrestricted"]
    strict = admin.get(f"{TEMPLATES}/restricted").json
    assert (strict["privileged"], strict["requiredDropCapabilities"]) == (False, ["ALL"])
    assert "remove" not in strict["links"]
    assert admin.delete(f"{TEMPLATES}/restricted").status == 403
    assert admin.put(f"{TEMPLATES}/restricted", {"volumes": ["secret"]}).json["volumes"] == ["secret"]
    assert admin.get(f"{TEMPLATES}/restricted").json["runAsUser"]["rule"] == "MustRunAsNonRoot"
    assert admin.post(TEMPLATES, {"name": "restricted"}).status == 409


def test_a_project_has_one_at_most(admin: Caller, project: str) -> None:
    for template in ("restricted", "unrestricted", "unrestricted"):
        assert choose(admin, project, {FIELD: template}).json[FIELD] == template
        assert [each[FIELD] for each in admin.get(BINDINGS).json["data"]] == [template]
    assert admin.get(f"/v3/projects/{project}").json[FIELD] == "unrestricted"
    admin.make(BINDINGS, {"targetProjectId": project, FIELD: "restricted"})
    assert choose(admin, project, {FIELD: "restricted"}).status == 200
    assert len(admin.get(BINDINGS).ids) == 1
    for _ in range(2):
        assert choose(admin, project, {FIELD: None}).json[FIELD] is None
        assert admin.get(BINDINGS).ids == []


@pytest.mark.parametrize(
    ("body", "code"),
    [({}, "MissingRequired"), ({FIELD: "nope"}, "InvalidReference"), ({FIELD: ["restricted"]}, "InvalidFormat")],
)
def test_what_can_not_be_chosen(admin: Caller, project: str, body: Any, code: str) -> None:
    assert choose(admin, project, body).error == (422, code, FIELD)
    assert admin.get(BINDINGS).ids == []


def test_who_chooses_for_the_cluster_chooses_for_its_projects(server: Server, admin: Caller, project: str) -> None:
    cluster = project.partition(":")[0]
    owner, mighty = server.user("owner"), server.user("mighty")
    body = {"projectId": project, "userId": owner.user, "roleTemplateId": "project-owner"}
    admin.make("/v3/projectroletemplatebindings", body)
    body = {"clusterId": cluster, "userId": mighty.user, "roleTemplateId": "cluster-owner"}
    admin.make("/v3/clusterroletemplatebindings", body)
    assert choose(owner, project, {FIELD: "unrestricted"}).status == 403
    assert choose(mighty, project, {FIELD: "restricted"}).status == 200
    assert choose(owner, project, {FIELD: None}).status == 403
    assert choose(server.user("stranger"), project, {FIELD: None}).status == 404
