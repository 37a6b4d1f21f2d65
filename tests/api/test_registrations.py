"""Registration tokens: the commands they show, and that only who may see one ever does."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from chalicelib.api.application import Application
from chalicelib.auth.tokens import ALPHABET, KEY_LENGTH
from chalicelib.types import Key, Seal
from tests.api.conftest import CA
from tests.support.server import BASE, Caller, Server, serving

TOKENS = "/v3/clusterregistrationtokens"
PIN = hashlib.sha256(CA.encode() + b"\n").hexdigest()


@pytest.fixture
def cluster(admin: Caller) -> Any:
    return admin.make("/v3/clusters", {"name": "one"})


@pytest.fixture
def token(admin: Caller, cluster: Any) -> Any:
    return admin.make(TOKENS, {"clusterId": cluster["id"]})


def commands(token: Any, server: str) -> dict[str, str]:
    manifest = f"{server}/v3/import/{token['token']}.yaml"
    return {
        "manifestUrl": manifest,
        "command": f"kubectl apply -f {manifest}",
        "insecureCommand": f"curl --insecure -sfL {manifest} | kubectl apply -f -",
    }


def test_the_first_answer_has_everything(token: Any, cluster: Any) -> None:
    assert token.items() >= commands(token, BASE).items()
    assert token["id"] == f"{cluster['id']}:{token['name']}"
    assert re.fullmatch(rf"crt-[{ALPHABET}]{{5}}", token["name"])
    assert re.fullmatch(rf"[{ALPHABET}]{{{KEY_LENGTH}}}", token["token"])
    assert (token["clusterId"], token["state"], token["transitioning"]) == (cluster["id"], "active", "no")


def test_a_token_can_be_read_again(admin: Caller, token: Any) -> None:
    assert admin.get(f"{TOKENS}/{token['id']}").json == token
    assert admin.get(TOKENS).json["data"] == [token]


def test_a_cluster_may_have_several(admin: Caller, cluster: Any, token: Any) -> None:
    other = admin.make(TOKENS, {"clusterId": cluster["id"]})
    assert other["token"] != token["token"]
    assert sorted(admin.get(f"{TOKENS}?clusterId={cluster['id']}").ids) == sorted([token["id"], other["id"]])
    assert admin.get(f"{TOKENS}?clusterId=c-other").ids == []


def test_a_chosen_name_is_the_name(admin: Caller, cluster: Any) -> None:
    token = admin.make(TOKENS, {"clusterId": cluster["id"], "name": "default-token"})
    assert token["id"] == f"{cluster['id']}:default-token"


def test_a_chosen_name_twice(admin: Caller, cluster: Any) -> None:
    admin.make(TOKENS, {"clusterId": cluster["id"], "name": "default-token"})
    reply = admin.post(TOKENS, {"clusterId": cluster["id"], "name": "default-token"})
    assert reply.error == (409, "AlreadyExists", "")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, (422, "MissingRequired", "clusterId")),
        ({"clusterId": ""}, (422, "MissingRequired", "clusterId")),
        ({"clusterId": "c-nope"}, (404, "NotFound", "")),
        ({"clusterId": "c-nope", "name": "A B"}, (422, "InvalidFormat", "name")),
    ],
)
def test_what_makes_no_token(admin: Caller, body: Any, error: tuple[int, str, str]) -> None:
    assert admin.post(TOKENS, body).error == error


def test_a_caller_can_not_choose_the_token(admin: Caller, cluster: Any) -> None:
    body = {"clusterId": cluster["id"], "token": "mine", "command": "rm -rf /"}
    token = admin.make(TOKENS, body)
    assert token["token"] != "mine"
    assert token["command"].startswith("kubectl apply ")


def test_commands_name_the_host_that_the_caller_used(admin: Caller, token: Any) -> None:
    base = "https://other.example:8443"
    shown = admin.get(f"{TOKENS}/{token['id']}", base=base).json
    assert shown.items() >= commands(token, base).items()


def test_the_setting_server_url_wins(admin: Caller, token: Any) -> None:
    admin.put("/v3/settings/server-url", {"value": "https://fixed.example"})
    shown = admin.get(f"{TOKENS}/{token['id']}").json
    assert shown.items() >= commands(token, "https://fixed.example").items()
    assert "--server https://fixed.example " in shown["agentCommand"]
    manifest = admin.get(f"/v3/import/{token['token']}.yaml").body
    assert credentials(manifest)["url"] == "https://fixed.example"


def test_the_agents_command_pins_the_ca(token: Any) -> None:
    expected = f"python -m agent --server {BASE} --token {token['token']} --ca-checksum {PIN} --kubeconfig "
    assert expected in token["agentCommand"]


def test_the_verified_command_trusts_the_ca_alone(token: Any) -> None:
    (encoded,) = re.findall(r"<\(echo (\S+) \| base64 -d\)", token["verifiedCommand"])
    assert base64.b64decode(encoded).decode() == CA
    assert token["verifiedCommand"].endswith(f" {token['manifestUrl']} | kubectl apply -f -")


@pytest.mark.parametrize("ending", ["", "\n", "\n\n"])
def test_the_checksum_counts_one_final_newline(tmp_path: Path, ending: str) -> None:
    with serving(tmp_path, {"cacerts": CA + ending}) as server:
        admin = server.user("admin", administrator=True)
        cluster = admin.make("/v3/clusters", {"name": "one"})
        assert f"--ca-checksum {PIN} " in admin.make(TOKENS, {"clusterId": cluster["id"]})["agentCommand"]


def test_under_a_public_ca_there_is_no_checksum(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        admin = server.user("admin", administrator=True)
        cluster = admin.make("/v3/clusters", {"name": "one"})
        token = admin.make(TOKENS, {"clusterId": cluster["id"]})
        assert "ca-checksum" not in token["agentCommand"]
        assert token["verifiedCommand"] == token["command"]
        manifest = server.nobody.get(f"/v3/import/{token['token']}.yaml").body
        assert credentials(manifest)["checksum"] == ""


def credentials(manifest: bytes) -> dict[str, str]:
    (secret,) = [document for document in yaml.safe_load_all(manifest) if document["kind"] == "Secret"]
    return {name: base64.b64decode(value).decode() for name, value in secret["data"].items()}


def test_the_manifest_needs_no_login(server: Server, token: Any) -> None:
    reply = server.nobody.get(f"/v3/import/{token['token']}.yaml")
    assert reply.status == 200
    assert ("content-type", "text/plain; charset=utf-8") in reply.headers
    assert credentials(reply.body) == {"url": BASE, "token": token["token"], "checksum": PIN}


@pytest.mark.parametrize("name", ["x", "b" * KEY_LENGTH, "b" * 2000, "%00", "é", "..", "a%2Fb"])
def test_an_unknown_token_has_no_manifest(server: Server, token: Any, name: str) -> None:
    assert server.nobody.get(f"/v3/import/{name}.yaml").error == (404, "NotFound", "")


def test_a_part_of_a_token_has_no_manifest(server: Server, token: Any) -> None:
    for part in (token["token"][:-1], token["token"] + "b", token["token"].upper()):
        assert server.nobody.get(f"/v3/import/{part}.yaml").status == 404


@pytest.mark.parametrize("what", [TOKENS, "/v3/clusters"])
def test_with_its_token_or_its_cluster_the_manifest_goes(admin: Caller, token: Any, cluster: Any, what: str) -> None:
    admin.delete(f"{what}/{token['id'] if what == TOKENS else cluster['id']}")
    assert admin.get(f"/v3/import/{token['token']}.yaml").status == 404


def test_the_store_can_not_read_the_token(server: Server, token: Any) -> None:
    (stored,) = server.resources.list("clusterRegistrationToken").items
    assert token["token"] not in repr(stored)
    assert token["token"].encode() not in server.rows()
    assert stored.id.encode() in server.rows()


def test_a_sealed_token_can_not_be_moved_to_another(server: Server, admin: Caller, cluster: Any, token: Any) -> None:
    other = admin.make(TOKENS, {"clusterId": cluster["id"]})
    stolen = server.resources.get("clusterRegistrationToken", token["id"]).sealed
    server.resources.update(Key("clusterRegistrationToken", other["id"]), lambda stored: replace(stored, sealed=stolen))
    reply = admin.get(f"{TOKENS}/{other['id']}")
    assert reply.status == 500
    assert token["token"].encode() not in reply.body


def test_others_see_no_token(plain: Caller, token: Any) -> None:
    assert plain.get(TOKENS).ids == []
    assert plain.get(f"{TOKENS}/{token['id']}").status == 404
    assert plain.post(TOKENS, {"clusterId": token["clusterId"]}).status == 403


def test_a_description_may_change_and_the_token_stays(admin: Caller, token: Any) -> None:
    changed = admin.put(f"{TOKENS}/{token['id']}", {"description": "spare", "token": "mine"}).json
    assert (changed["description"], changed["token"]) == ("spare", token["token"])


class Opened:
    """A seal that counts what it is asked to open."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal
        self.count = 0

    def seal(self, text: str, purpose: str) -> str:
        return self._seal.seal(text, purpose)

    def open(self, sealed: str, purpose: str) -> str:
        self.count += 1
        return self._seal.open(sealed, purpose)


@pytest.mark.parametrize(
    ("query", "opened"), [("", 6), ("?limit=2", 2), ("?limit=2&sort=name", 2), ("?name_ne=x&limit=2", 2)]
)
def test_a_list_reads_settings_once_and_opens_what_it_shows(
    server: Server, admin: Caller, cluster: Any, query: str, opened: int
) -> None:
    for _ in range(6):
        admin.make(TOKENS, {"clusterId": cluster["id"]})
    seal = Opened(server.seal)
    api = server.parts.api
    assert isinstance(api, Application)
    api._registrations._seal = seal
    billed = server.bill()
    calls = []
    for path in (f"{TOKENS}/{admin.get(TOKENS).ids[0]}", f"{TOKENS}{query}"):
        seal.count, before = 0, billed.counts["calls"]
        assert admin.get(path).status == 200
        calls.append(billed.counts["calls"] - before)
    assert seal.count == opened
    one, several = calls
    # A list that begins with a page reads that and, if there is more, the ids.
    assert several <= one + 1
