"""``generateKubeconfig``: what kubectl gets, and for how long it is good."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from chalicelib.api.http import base_url
from tests.api.conftest import CA
from tests.support.server import Caller, Server, serving

MINUTES = "/v3/settings/kubeconfig-token-ttl-minutes"


@pytest.fixture
def cluster(admin: Caller) -> str:
    return str(admin.make("/v3/clusters", {"name": "one"})["id"])


def generate(caller: Caller, cluster: str, **options: Any) -> Any:
    reply = caller.post(f"/v3/clusters/{cluster}?action=generateKubeconfig", **options)
    assert reply.status == 200
    assert (reply.json["type"], reply.json["baseType"]) == ("generateKubeConfigOutput", "generateKubeConfigOutput")
    return yaml.safe_load(reply.json["config"])


def test_the_kubeconfig_is_complete(admin: Caller, cluster: str) -> None:
    document = generate(admin, cluster)
    authority = base64.b64encode(CA.encode()).decode()
    server = f"https://lariat.example/k8s/clusters/{cluster}"
    token = document["users"][0]["user"].pop("token")
    assert document == {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "one", "cluster": {"server": server, "certificate-authority-data": authority}}],
        "users": [{"name": "one", "user": {}}],
        "contexts": [{"name": "one", "context": {"user": "one", "cluster": "one"}}],
        "current-context": "one",
    }
    assert token.startswith(f"kubeconfig-{admin.user}.{cluster}-")


@pytest.mark.parametrize("body", [None, {}, {"nosuch": 1}])
def test_a_body_is_not_needed(admin: Caller, cluster: str, body: Any) -> None:
    assert generate(admin, cluster, body=body)["current-context"] == "one"


def test_under_a_public_ca_no_authority_is_named(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        admin = server.user("admin", administrator=True)
        document = generate(admin, admin.make("/v3/clusters", {"name": "one"})["id"])
        assert document["clusters"][0]["cluster"].keys() == {"server"}


@pytest.mark.parametrize(
    ("headers", "host"),
    [
        ((("host", "lariat.example:8443"),), "lariat.example:8443"),
        ((("host", "inner"), ("x-forwarded-host", "outer.example")), "outer.example"),
        ((("host", 'evil"\n  insecure-skip-tls-verify: true'),), "localhost"),
    ],
)
def test_the_server_is_the_host_that_the_caller_used(
    admin: Caller, cluster: str, headers: tuple[tuple[str, str], ...], host: str
) -> None:
    document = generate(admin, cluster, base=base_url(headers))
    assert document["clusters"][0]["cluster"]["server"] == f"https://{host}/k8s/clusters/{cluster}"


def test_the_setting_server_url_does_not_count(admin: Caller, cluster: str) -> None:
    admin.put("/v3/settings/server-url", {"value": "https://fixed.example"})
    server = generate(admin, cluster)["clusters"][0]["cluster"]["server"]
    assert server == f"https://lariat.example/k8s/clusters/{cluster}"


def test_the_token_is_good_for_this_cluster_alone(server: Server, admin: Caller, cluster: str) -> None:
    token = generate(admin, cluster)["users"][0]["user"]["token"]
    caller = server.caller(token)
    assert caller.get(f"/v3/clusters/{cluster}").status == 200
    assert caller.get("/v3/clusters").status == 401
    headers = [("authorization", caller.authorization)]
    admitted = server.parts.gatekeeper.admit("GET", f"/k8s/clusters/{cluster}/api", "", headers, False)
    assert admitted.identity.user == admin.user


def test_each_kubeconfig_has_a_token_of_its_own(server: Server, admin: Caller, cluster: str) -> None:
    first, second = [generate(admin, cluster)["users"][0]["user"]["token"] for _ in range(2)]
    assert first != second
    admin.delete(f"/v3/tokens/{first.partition(':')[0]}")
    assert server.caller(first).get(f"/v3/clusters/{cluster}").status == 401
    assert server.caller(second).get(f"/v3/clusters/{cluster}").status == 200


def test_the_caller_sees_its_tokens(admin: Caller, cluster: str) -> None:
    name = generate(admin, cluster)["users"][0]["user"]["token"].partition(":")[0]
    token = admin.get(f"/v3/tokens/{name}").json
    assert (token["clusterId"], token["isDerived"], token["description"]) == (cluster, True, "kubeconfig of one")
    assert token["labels"]["authn.management.cattle.io/kind"] == "kubeconfig"


@pytest.mark.parametrize(
    ("minutes", "end"),
    [("", "2026-12-24T08:00:00Z"), ("90", "2026-11-24T09:30:00Z"), ("0", "")],
    ids=["default", "set", "never"],
)
def test_the_setting_ends_the_token(admin: Caller, cluster: str, minutes: str, end: str) -> None:
    admin.put(MINUTES, {"value": minutes})
    name = generate(admin, cluster)["users"][0]["user"]["token"].partition(":")[0]
    assert admin.get(f"/v3/tokens/{name}").json["expiresAt"] == end


@pytest.mark.parametrize("minutes", ["9" * 12, "9" * 30, "9" * 5000, "5256001"], ids=len)
def test_a_setting_beyond_all_dates_is_refused(admin: Caller, cluster: str, minutes: str) -> None:
    assert admin.put(MINUTES, {"value": minutes}).status == 422
    assert admin.post(f"/v3/clusters/{cluster}?action=generateKubeconfig").status == 200
    assert admin.get("/v3/tokens").status == 200


def test_a_renamed_cluster_goes_by_its_new_name(admin: Caller, cluster: str) -> None:
    admin.put(f"/v3/clusters/{cluster}", {"name": "two"})
    assert generate(admin, cluster)["current-context"] == "two"
