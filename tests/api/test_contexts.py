"""What lives in a cluster or project is found by the path of that one alone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.server import Caller, Server


@pytest.fixture
def two(admin: Caller) -> list[Any]:
    """Two clusters with a project each."""
    clusters = [admin.make("/v3/clusters", {"name": name}) for name in ("one", "two")]
    return [(each["id"], admin.make("/v3/projects", {"name": "p", "clusterId": each["id"]})["id"]) for each in clusters]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_resource_of_another_cluster_is_not_there(admin: Caller, two: list[Any], method: str) -> None:
    (one, project), (other, _) = two
    assert admin.call(method, f"/v3/clusters/{other}/projects/{project}", {"name": "x"}).error[0] == 404
    assert admin.get(f"/v3/cluster/{one}/projects/{project}").json["name"] == "p"
    assert admin.call(method, f"/v3/CLUSTERS/{one}/project/{project}", {"name": "x"}).status in (200, 204)


def test_the_path_decides_where_something_is_created(admin: Caller, two: list[Any]) -> None:
    (one, _), (other, _) = two
    made = admin.make(f"/v3/clusters/{one}/projects", {"name": "q", "clusterId": other})
    assert made["clusterId"] == one


def test_a_clusters_token_sees_that_cluster_and_no_keys(server: Server, admin: Caller, two: list[Any]) -> None:
    (one, project), (other, foreign) = two
    admin.make("/v3/clusterregistrationtokens", {"clusterId": one})
    scoped = server.token(admin.user, cluster=one)
    assert project in scoped.get(f"/v3/clusters/{one}/projects").ids
    assert scoped.get(f"/v3/clusters/{one}/projects/{foreign}").status == 404
    for path in (f"{one}/clusterRegistrationTokens", f"{one}/tokens", f"{one}/Token", f"{other}/projects"):
        assert scoped.get(f"/v3/clusters/{path}").status == 401
    assert scoped.post(f"/v3/clusters/{one}/projects", {"name": "x"}).status == 401


@pytest.mark.parametrize("path", ["/v3/clusters/{}/users", "/v3/clusters/{}/nosuch", "/v3/projects/{}/settings"])
def test_what_does_not_live_there_is_no_kind_there(admin: Caller, two: list[Any], path: str) -> None:
    assert admin.get(path.format(two[0][0])).error == (404, "NotFound", "")
