"""A server that has the real cluster, with two projects in it, and callers with more and fewer rights there."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.types import Resource
from tests.kubernetes.cluster import Cluster
from tests.support.direct import DirectTransport
from tests.support.lariat import eventually
from tests.support.server import Caller, Server, serving

_NUMBERS = itertools.count(1)


class Scene:
    """``home`` and ``other`` are projects with a namespace each: ``inside`` and ``outside``."""

    def __init__(self, server: Server, cluster: Cluster, transport: DirectTransport) -> None:
        self.server = server
        self.cluster = cluster
        self.transport = transport
        self.admin = server.user("admin", administrator=True)
        self.plain = server.user("plain")
        status = {"version": cluster.get("/version").json()}
        server.resources.create(Resource(kind="cluster", id="c-1", spec={"name": "one"}, status=status))
        self.enter(self.plain.user)
        self.home, self.other = (self.project(name) for name in ("home", "other"))
        number = next(_NUMBERS)
        self.inside, self.outside = f"inside-{number}", f"outside-{number}"
        self.namespace(self.inside, self.home)
        self.namespace(self.outside, self.other)

    def project(self, name: str) -> str:
        return str(self.admin.make("/v3/projects", {"name": name, "clusterId": "c-1"})["id"])

    def namespace(self, name: str, project: str) -> None:
        self.admin.make("/v3/cluster/c-1/namespaces", {"name": name, "projectId": project})
        # No pod can be created before its account has a token.
        account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
        eventually(lambda: self.cluster.get(account).json().get("secrets"), "the account has a token")

    def url(self, plural: str, project: str = "") -> str:
        return f"/v3/project/{project or self.home}/{plural}"

    def make(self, plural: str, **body: Any) -> Any:
        return self.admin.make(self.url(plural), {"namespaceId": self.inside, **body})

    def enter(self, user: str) -> None:
        """Let a user into the cluster, who may then do there what it says."""
        body = {"clusterId": "c-1", "userId": user, "roleTemplateId": "projects-create"}
        self.admin.make("/v3/clusterroletemplatebindings", body)

    def grant(self, user: str, namespace: str, role: str = "view") -> None:
        """``enter``, and ``allow``."""
        self.enter(user)
        self.allow(user, namespace, role)

    def allow(self, user: str, namespace: str, role: str = "view") -> None:
        """What the cluster itself says of a user."""
        name = f"{user}-{role}"
        made = self.cluster.kubectl(
            "-n", namespace, "create", "rolebinding", name, f"--clusterrole={role}", f"--user={user}"
        )
        assert made.code == 0, made


@pytest.fixture(scope="session")
def administered(cluster: Cluster) -> Cluster:
    """The cluster with the server's administrator as its own."""
    name, role = "lariat-admin", "--clusterrole=cluster-admin"
    assert cluster.kubectl("create", "clusterrolebinding", name, role, "--user=u-admin").code == 0
    return cluster


@pytest.fixture(scope="module")
def scene(administered: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with (
        DirectTransport(administered) as transport,
        serving(tmp_path_factory.mktemp("live"), transport=transport) as server,
    ):
        yield Scene(server, administered, transport)


@pytest.fixture
def admin(scene: Scene) -> Caller:
    return scene.admin
