"""A person of a directory, from the login to what a real cluster lets them do, and how that ends."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kubernetes.cluster import Cluster
from tests.support.lariat import Client, Imported, Lariat, eventually
from tests.support.slapd import GROUPS, PASSWORD, PEOPLE, READER, READER_PASSWORD, Slapd
from tests.support.slapd import running as running_slapd

pytestmark = pytest.mark.cluster

CONFIG = "/v3/authConfigs/openldap"
LOGIN = "/v3-public/openLdapProviders/openldap?action=login"
GROUP = f"openldap_group://cn=devs,{GROUPS}"
SOON = 10.0
"""Seconds within which what is revoked ends."""


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with running_slapd(tmp_path_factory.mktemp("slapd")) as slapd:
        yield slapd


@pytest.fixture
def enabled(admin: Client, slapd: Slapd) -> None:
    settings = {
        "servers": ["127.0.0.1"],
        "port": slapd.secure,
        "tls": True,
        "certificate": slapd.trust,
        "serviceAccountDistinguishedName": READER,
        "serviceAccountPassword": READER_PASSWORD,
        "userSearchBase": PEOPLE,
        "groupSearchBase": GROUPS,
        "accessMode": "unrestricted",
    }
    login = {"username": "bob", "password": PASSWORD, "enabled": True}
    answer = admin.post(f"{CONFIG}?action=testAndApply", json={"ldapConfig": settings, **login})
    assert answer.status_code == 200, answer.text


def log_in(lariat: Lariat, **more: str) -> str:
    """Log in as curl would; return the token."""
    command = ["curl", "-sS", "--cacert", str(lariat.authority), f"{lariat.url}{LOGIN}"]
    fields = {"username": "ann", "password": PASSWORD, **more}
    body = ",".join(f'"{name}":"{value}"' for name, value in fields.items())
    # Neither a proxy nor an authority of the machine has a say.
    environment = {"PATH": os.environ["PATH"]}
    done = subprocess.run([*command, "-d", f"{{{body}}}"], capture_output=True, text=True, check=True, env=environment)
    _, found, rest = done.stdout.partition('"token":"')
    assert found, done.stdout
    return rest.partition('"')[0]


def may(cluster: Cluster, kubeconfig: Path, *what: str) -> bool:
    return cluster.kubectl("auth", "can-i", *what, kubeconfig=kubeconfig).out.strip() == "yes"


def test_a_groups_rights_reach_the_cluster_and_end_with_the_provider(
    lariat: Lariat, admin: Client, imported: Imported, cluster: Cluster, enabled: None
) -> None:
    theirs = imported.kubeconfig_of(log_in(lariat))
    path = f"/k8s/clusters/{imported.id}/api"
    assert "you have no access to a cluster" in cluster.kubectl("get", "--raw", path, kubeconfig=theirs).err
    member = {"clusterId": imported.id, "groupPrincipalId": GROUP, "roleTemplateId": "cluster-member"}
    made = admin.post("/v3/clusterroletemplatebindings", json=member)
    assert made.status_code == 201, made.text
    assert not may(cluster, theirs, "list", "pods", "-n", "default")
    binding = ("create", "rolebinding", "devs", "--clusterrole=view", f"--group={GROUP}", "-n", "default")
    assert cluster.kubectl(*binding).code == 0
    assert may(cluster, theirs, "list", "pods", "-n", "default")
    assert not may(cluster, theirs, "delete", "pods", "-n", "default")
    assert not may(cluster, theirs, "list", "pods", "-n", "kube-system")
    assert cluster.kubectl("get", "pods", "-n", "default", kubeconfig=theirs).code == 0

    scoped = imported.kubeconfig_of(log_in(lariat, responseType=f"kubeconfig_{imported.id}"))
    assert may(cluster, scoped, "list", "pods", "-n", "default")

    assert admin.post(f"{CONFIG}?action=disable").status_code == 200
    for ended in (theirs, scoped):

        def refused(kubeconfig: Path = ended) -> bool:
            done = cluster.kubectl("get", "pods", "-n", "default", kubeconfig=kubeconfig)
            return done.code != 0 and "must be logged in" in done.err

        eventually(refused, "the session has ended", SOON)
    with lariat.client() as anybody:
        body = {"username": "ann", "password": PASSWORD}
        assert anybody.post(LOGIN, json=body).status_code == 404
    assert admin.get("/v3/clusters").status_code == 200
