"""What callers see of a cluster is what its own RBAC gives them, in the project that they look at, and no secret."""

from __future__ import annotations

import json

import pytest

from chalicelib.schema.kinds import CONTEXTS
from tests.api.live.conftest import Scene
from tests.api.live.least import CERTIFICATE, KEY, POD, SECRET
from tests.support.server import Caller

pytestmark = pytest.mark.cluster


def test_a_project_shows_its_own_namespaces_alone(scene: Scene, admin: Caller) -> None:
    here = scene.make("configMaps", name="here")
    there = admin.make(scene.url("configMaps", scene.other), {"name": "there", "namespaceId": scene.outside})
    assert there["id"] not in admin.get(scene.url("configMaps")).ids
    assert here["id"] in admin.get(scene.url("configMaps")).ids
    for method, body in (("GET", None), ("PUT", {"data": {}}), ("DELETE", None)):
        assert admin.call(method, f"{scene.url('configMaps')}/{there['id']}", body).status == 404
    stray = {"name": "stray", "namespaceId": scene.outside}
    assert admin.post(scene.url("configMaps"), stray).status == 404
    assert admin.post(scene.url("configMaps"), {**stray, "namespaceId": "default"}).status == 404
    wanted = f"{scene.url('configMaps')}?namespaceId={scene.outside}"
    assert admin.get(wanted).ids == []


def test_a_reader_of_one_namespace(scene: Scene) -> None:
    reader = scene.server.user("reader")
    scene.grant("u-reader", scene.inside)
    made = scene.make("services", name="seen", ports=[{"port": 80}])
    secret = scene.make("namespacedSecrets", name="unseen", stringData={"a": SECRET})
    assert made["id"] in reader.get(scene.url("services")).ids
    assert reader.get(made["links"]["self"]).status == 200
    assert reader.put(made["links"]["self"], {"selector": {}}).error[:2] == (403, "Forbidden")
    assert reader.get(secret["links"]["self"]).status == 403
    assert reader.get(scene.url("namespacedSecrets")).ids == []
    assert reader.get(scene.url("services", scene.other)).ids == []


def test_whom_the_cluster_knows_and_lariat_lets_in_no_more(scene: Scene) -> None:
    """The API is no way around the proxy's door: a binding that was left behind, or is for anybody, opens nothing."""
    known = scene.server.user("known")
    scene.allow("u-known", scene.inside, "admin")
    made = scene.make("configMaps", name="shut")
    paths = [made["links"]["self"], f"{made['links']['self']}/yaml", scene.url("configMaps"), scene.url("pods")]
    paths += [
        "/v3/cluster/c-1/namespaces",
        f"/v3/cluster/c-1/namespaces/{scene.inside}",
        "/v3/cluster/c-absent/namespaces",
    ]
    assert {path: known.get(path).status for path in paths} == dict.fromkeys(paths, 404)
    new = {"name": "new", "namespaceId": scene.inside}
    asked = len(scene.transport.requests)
    assert known.post(scene.url("configMaps"), new).status == 404
    assert known.put(made["links"]["self"], {"data": {"a": "b"}}).status == 404
    assert known.delete(made["links"]["self"]).status == 404
    assert known.post("/v3/cluster/c-1/namespaces", {"name": "new"}).status == 404
    assert len(scene.transport.requests) == asked
    scene.enter("u-known")
    assert known.get(made["links"]["self"]).status == 200


def test_in_a_project_of_many_namespaces(scene: Scene, admin: Caller) -> None:
    """Who may not list the whole cluster is asked namespace by namespace."""
    project = scene.project("wide")
    names = [f"wide-{number}" for number in range(20)]
    for name in names:
        scene.namespace(name, project)
    scene.cluster.kubectl("-n", "wide-7", "create", "configmap", "seven")
    lucky = scene.server.user("lucky")
    scene.grant("u-lucky", "wide-7")
    asked = len(scene.transport.requests)
    assert "wide-7:seven" in admin.get(scene.url("configMaps", project)).ids
    assert len(scene.transport.requests) - asked < 5
    assert "wide-7:seven" in lucky.get(scene.url("configMaps", project)).ids


def test_no_secret_comes_out(scene: Scene, admin: Caller) -> None:
    made = [
        scene.make("namespacedCertificates", name="s1", certs=CERTIFICATE, key=KEY),
        scene.make("namespacedBasicAuths", name="s2", username="me", password=SECRET),
        scene.make("namespacedSshAuths", name="s3", privateKey=SECRET),
        scene.make("namespacedDockerCredentials", name="s4", registries={"r": {"username": "u", "password": SECRET}}),
    ]
    plain = SECRET.encode().hex()
    key = json.dumps(KEY)[1:-1].splitlines()[0]
    for one in made:
        assert "yaml" not in one["links"]
        name = one["links"]["self"].rpartition("/")[2]
        paths = [one["links"]["self"], scene.url("namespacedSecrets"), f"{scene.url('namespacedSecrets')}/{name}"]
        paths += [f"{one['links']['self']}/yaml", scene.url(f"{one['type']}s")]
        bodies = [admin.get(path).body.decode() for path in paths] + [json.dumps(one)]
        bodies.append(admin.put(one["links"]["self"], {"description": "words"}).body.decode())
        for body in bodies:
            assert SECRET not in body
            assert plain not in body
            assert key not in body
    assert scene.server.rows().count(SECRET.encode()) == 0


def test_secrets_that_are_not_sent_again_stay(scene: Scene, admin: Caller) -> None:
    made = scene.make("namespacedBasicAuths", name="kept", username="me", password=SECRET)
    assert admin.put(made["links"]["self"], {"username": "you"}).status == 200
    stored = scene.cluster.get(f"/api/v1/namespaces/{scene.inside}/secrets/kept").json()["data"]
    assert {"username", "password"} == stored.keys()


def test_copies_of_project_secrets_are_hidden(scene: Scene, admin: Caller) -> None:
    made = scene.make("namespacedSecrets", name="copy", stringData={"a": "b"})
    note = "secret.user.cattle.io/secret=true"
    assert scene.cluster.kubectl("-n", scene.inside, "annotate", "secret", "copy", note).code == 0
    assert admin.get(made["links"]["self"]).status == 404
    assert made["id"] not in admin.get(scene.url("namespacedSecrets")).ids


def test_two_writers_of_different_fields_both_hold(scene: Scene, admin: Caller) -> None:
    made = scene.make("services", name="both", ports=[{"port": 80}])
    before = admin.get(made["links"]["self"]).json
    assert admin.put(made["links"]["self"], {"selector": {"a": "b"}}).status == 200
    assert admin.put(made["links"]["self"], {"description": before.get("description") or "late"}).status == 200
    after = admin.get(made["links"]["self"]).json
    assert (after["selector"], after["description"]) == ({"a": "b"}, "late")


@pytest.mark.parametrize("context", ["cluster", "project"])
def test_the_schemas_say_what_lives_there(scene: Scene, admin: Caller, context: str) -> None:
    place = {"cluster": "c-1", "project": scene.home}[context]
    document = admin.get(f"/v3/{context}/{place}/schemas").json
    found = {schema["id"]: schema for schema in document["data"]}
    for kind in CONTEXTS[context].kinds:
        schema = found[kind.id]
        assert schema["links"]["collection"].endswith(f"/v3/{context}/{place}/{kind.plural.lower()}")
        assert admin.get(schema["links"]["collection"]).status == 200, kind.id


def test_dates_come_as_numbers_too(scene: Scene) -> None:
    made = scene.make("namespacedCertificates", name="dated", certs=CERTIFICATE, key=KEY)
    assert made["expiresAtTS"] > made["issuedAtTS"] > 0


def test_kubernetes_refusals_pass_through(scene: Scene, admin: Caller) -> None:
    body = {"name": "bad", "namespaceId": scene.inside, **POD, "restartPolicy": "Never"}
    refused = admin.post(scene.url("deployments"), body)
    assert refused.error[:2] == (422, "Invalid")
    assert "restartPolicy" in refused.json["message"]
