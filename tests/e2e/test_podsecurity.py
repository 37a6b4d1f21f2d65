"""What pods may do to their nodes: templates of the cluster and of projects, in a real cluster that admits by them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.e2e.house import House, Person, soon
from tests.kubernetes import binaries
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.cluster import running as running_cluster
from tests.support.lariat import Client, eventually

pytestmark = pytest.mark.cluster
CHOOSE = "setpodsecuritypolicytemplate"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of its own: in it no pod is admitted without a policy."""
    folder = binaries.folder(os.environ, print)
    with running_cluster(folder, tmp_path_factory.mktemp("guarded"), "PodSecurityPolicy") as cluster:
        yield cluster


@pytest.fixture(scope="module")
def web(house: House) -> str:
    return house.project("web", "guarded-web")


@pytest.fixture(scope="module")
def shop(house: House) -> str:
    return house.project("shop", "guarded-shop")


@pytest.fixture(scope="module")
def owner(house: House, web: str, shop: str) -> Person:
    person = Person(house, "guarded")
    for project in (web, shop):
        house.bind(person, "project-owner", project)
    for space in ("guarded-web", "guarded-shop"):
        soon(partial(person.can, "create", "pods", "-n", space), "he owns both")
    return person


def pod(**context: Any) -> str:
    container = {"name": "one", "image": "example.test/one", "securityContext": context}
    spec = {"containers": [container]}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "pod-"}, "spec": spec})


def runs(owner: Person, space: str, **context: Any) -> bool:
    made = owner.kubectl("create", "-n", space, "-f", "-", stdin=pod(**context))
    assert made.code == 0 or "PodSecurityPolicy" in made.err, made
    return bool(made.code == 0)


def default(house: House, template: str | None) -> None:
    body = {"name": house.imported.name, "defaultPodSecurityPolicyTemplateId": template}
    assert house.admin.put(f"/v3/clusters/{house.imported.id}", json=body).status_code == 200


def choose(client: Client, project: str, template: str | None) -> Any:
    body = {"podSecurityPolicyTemplateId": template}
    return client.post(f"/v3/projects/{project}?action={CHOOSE}", json=body)


def owned(house: House) -> list[str]:
    found = house.cluster.kubectl(
        "get", "psp,clusterroles,rolebindings", "-A", "-l", "lariat.io/owner=podsecurity", "-o", "name"
    )
    return sorted(found.out.split())


def test_without_a_template_no_pod_is_admitted(owner: Person) -> None:
    assert not runs(owner, "guarded-web")


def test_the_clusters_default_is_every_projects(house: House, owner: Person) -> None:
    default(house, "restricted")
    for space in ("guarded-web", "guarded-shop"):
        soon(partial(runs, owner, space), "harmless pods run")
        assert not runs(owner, space, privileged=True)
        assert not runs(owner, space, runAsUser=0)
    assert "podsecuritypolicy.policy/restricted-psp" in owned(house)
    applied = "appliedPodSecurityPolicyTemplateId"
    eventually(lambda: house.imported.show()[applied] == "restricted", "it is applied")


def test_a_project_has_its_own(house: House, owner: Person, web: str) -> None:
    shown = house.admin.get(f"/v3/projects/{web}").json()
    assert (CHOOSE in shown["actions"], shown["podSecurityPolicyTemplateId"]) == (True, None)
    chosen = choose(house.admin, web, "unrestricted")
    assert (chosen.status_code, chosen.json()["podSecurityPolicyTemplateId"]) == (200, "unrestricted")
    soon(lambda: runs(owner, "guarded-web", privileged=True), "privileged pods run in the project")
    assert not runs(owner, "guarded-shop", privileged=True)
    assert house.admin.get(f"/v3/projects/{web}").json()["podSecurityPolicyTemplateId"] == "unrestricted"


def test_who_owns_a_project_does_not_choose_what_its_pods_may_do(house: House, owner: Person, shop: str) -> None:
    assert choose(owner.client, shop, "unrestricted").status_code == 403
    body = {"targetProjectId": shop, "podSecurityPolicyTemplateId": "unrestricted"}
    assert owner.client.post("/v3/podsecuritypolicytemplateprojectbindings", json=body).status_code == 403
    assert not owner.can("use", "podsecuritypolicies.policy/unrestricted-psp", "-n", "guarded-shop")
    assert not owner.can("create", "podsecuritypolicies.policy")
    role = ("create", "rolebinding", "sly", "--clusterrole=unrestricted-clusterrole", f"--user={owner.id}")
    assert "attempting to grant RBAC permissions not currently held" in owner.kubectl(*role, "-n", "guarded-shop").err
    assert not runs(owner, "guarded-shop", privileged=True)


def test_a_template_of_ones_own_can_be_changed_and_goes(house: House, owner: Person, web: str) -> None:
    spec = {"runAsUser": {"rule": "RunAsAny"}, "volumes": ["secret"], "privileged": False}
    house.make("/v3/podsecuritypolicytemplates", {"name": "odd", **spec})
    assert choose(house.admin, web, "odd").status_code == 200
    soon(lambda: not runs(owner, "guarded-web", privileged=True), "the template counts")
    assert runs(owner, "guarded-web", runAsUser=0)
    url = "/v3/podsecuritypolicytemplates/odd"
    assert house.admin.put(url, json={"privileged": True}).status_code == 200
    soon(lambda: runs(owner, "guarded-web", privileged=True), "the change counts")
    assert house.admin.delete(url).status_code in (200, 204)
    soon(lambda: not runs(owner, "guarded-web", privileged=True), "the cluster's default counts again")
    soon(lambda: runs(owner, "guarded-web"), "and lets harmless pods run")
    assert not any("odd" in name for name in owned(house))
    eventually(lambda: house.admin.get(f"/v3/projects/{web}").json()["podSecurityPolicyTemplateId"] is None, "said")


def test_nothing_is_left_without_a_template(house: House, owner: Person, web: str) -> None:
    assert choose(house.admin, web, "unrestricted").status_code == 200
    default(house, None)
    assert choose(house.admin, web, None).json()["podSecurityPolicyTemplateId"] is None
    soon(lambda: owned(house) == [], "nothing is left behind")
    assert not runs(owner, "guarded-web")
