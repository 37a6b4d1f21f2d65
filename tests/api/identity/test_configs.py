"""``/v3/authConfigs``: what administrators configure, and that nothing but a login that worked enables it."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.auth.providers import fields
from chalicelib.auth.providers.catalogue import TYPES
from chalicelib.schema.kinds.providers import COMMON
from chalicelib.schema.kinds.providers import CONFIGS as KINDS
from tests.api.identity.house import CONFIGS, DRAFTS, House
from tests.support.slapd import ANN, GROUPS, PASSWORD

WORKING = sorted(DRAFTS)
CANARY = "a secret that must not be seen"


@pytest.mark.parametrize("name", WORKING)
def test_the_api_has_every_setting(name: str) -> None:
    assert set(KINDS[name].fields) - set(COMMON) == set(fields.names(TYPES[name][1]))
    assert {field for field in KINDS[name].fields if KINDS[name].fields[field].secret} == set(
        fields.secrets(TYPES[name][1])
    )


@pytest.mark.parametrize("name", WORKING)
def test_before_it_is_configured_a_provider_offers_its_test(house: House, name: str) -> None:
    config = house.admin.get(f"{CONFIGS}/{name}").json
    assert (config["id"], config["type"], config["baseType"]) == (name, TYPES[name][0], "authConfig")
    assert (config["enabled"], config["accessMode"]) == (False, "restricted")
    assert config["actions"].keys() == {"configureTest", "testAndApply"}
    assert house.act(name, "disable").error == (404, "ActionNotAvailable", "")


@pytest.mark.parametrize("name", WORKING)
def test_a_login_that_works_enables(house: House, name: str) -> None:
    config = house.enable(name)
    assert (config["enabled"], config["accessMode"]) == (True, "unrestricted")
    assert config["actions"].keys() == {"configureTest", "testAndApply", "disable"}
    (allowed,) = config["allowedPrincipalIds"]
    assert allowed.startswith(f"{name}_user://")
    me = house.admin.get("/v3/users?me=true").json["data"][0]
    assert allowed in me["principalIds"]
    assert house.log_in(name).json["userId"] == house.admin.user


@pytest.mark.parametrize("name", WORKING)
def test_a_secret_is_sealed_and_never_shown(house: House, name: str) -> None:
    secret = house.settings(name).get("clientSecret") or house.settings(name)["serviceAccountPassword"]
    replies = [house.test(name), house.admin.get(f"{CONFIGS}/{name}"), house.admin.get(CONFIGS)]
    assert not any(secret.encode() in reply.body for reply in replies)
    assert secret.encode() not in house.server.rows()


@pytest.mark.parametrize("name", WORKING)
def test_an_update_enables_nothing(house: House, name: str) -> None:
    reply = house.admin.put(f"{CONFIGS}/{name}", {**house.settings(name), "enabled": True})
    assert (reply.status, reply.json["enabled"]) == (200, False)
    assert house.server.nobody.get("/v3-public/authProviders").ids == ["local"]


def test_an_update_disables_nothing(house: House) -> None:
    house.enable("openldap")
    assert house.admin.put(f"{CONFIGS}/openldap", {"enabled": False}).json["enabled"] is True
    assert house.log_in("openldap").status == 201


def test_a_draft_keeps_its_secret_for_the_test(house: House) -> None:
    house.admin.put(f"{CONFIGS}/openldap", house.settings("openldap"))
    body = {"ldapConfig": {}, "username": "ann", "password": PASSWORD}
    assert house.act("openldap", "testAndApply", body).json["enabled"] is True


def test_a_secret_is_not_sent_to_another_place(house: House) -> None:
    house.admin.put(f"{CONFIGS}/openldap", house.settings("openldap"))
    body = {"ldapConfig": {"servers": ["127.0.0.2"]}, "username": "ann", "password": PASSWORD}
    reply = house.act("openldap", "testAndApply", body)
    assert reply.error == (422, "MissingRequired", "serviceAccountPassword")


def test_an_enabled_provider_changes_by_a_test_alone(house: House) -> None:
    house.enable("openldap")
    reply = house.admin.put(f"{CONFIGS}/openldap", {"userSearchBase": "dc=elsewhere"})
    assert reply.status == 400
    assert "testAndApply" in reply.json["message"]
    # A client may send back all that it was shown.
    shown = house.admin.get(f"{CONFIGS}/openldap").json
    assert house.admin.put(f"{CONFIGS}/openldap", shown).status == 200


@pytest.mark.parametrize(
    ("name", "body", "status", "field"),
    [
        ("openldap", {}, 422, "username"),
        ("openldap", {"username": "ann"}, 422, "password"),
        ("openldap", {"username": "ann", "password": "a wrong password"}, 400, ""),
        ("openldap", {"username": "ann", "password": PASSWORD, "enabled": False}, 422, "enabled"),
        ("github", {"code": "x"}, 422, "state"),
        ("github", {"code": "x", "state": "y"}, 401, ""),
        ("oidc", {"username": "ann", "password": PASSWORD}, 422, "code"),
    ],
)
def test_a_test_that_fails_stores_nothing(house: House, name: str, body: Any, status: int, field: str) -> None:
    reply = house.act(name, "testAndApply", {DRAFTS[name]: house.settings(name), **body})
    assert (reply.status, reply.json.get("fieldName", "")) == (status, field)
    assert house.server.resources.find("authConfig", name) is None


def test_a_directory_is_tried_without_a_login(house: House) -> None:
    assert house.act("openldap", "configureTest", house.settings("openldap")).json["redirectUrl"] == ""
    wrong = house.settings("openldap", serviceAccountPassword="wrong")
    assert house.act("openldap", "configureTest", wrong).status == 400
    assert house.server.resources.find("authConfig", "openldap") is None


def test_whom_the_allowed_leave_out_is_out_at_once(house: House) -> None:
    house.enable("openldap")
    bob = house.caller("openldap", "bob")
    assert bob.get("/v3/users").status == 200
    body = {"accessMode": "required", "allowedPrincipalIds": [f"openldap_user://{ANN}"]}
    reply = house.admin.put(f"{CONFIGS}/openldap", body)
    assert (reply.json["accessMode"], reply.json["allowedPrincipalIds"]) == ("required", body["allowedPrincipalIds"])
    assert bob.get("/v3/users").status == 401
    assert house.log_in("openldap", "bob").error[:2] == (403, "PermissionDenied")
    assert house.log_in("openldap", "ann").status == 201


def test_members_of_a_cluster_may_come_in(house: House) -> None:
    """``restricted``: a binding of a cluster that names a group admits whoever is in it."""
    house.enable("openldap", accessMode="restricted")
    assert house.log_in("openldap", "jsmith").status == 403
    cluster = house.admin.make("/v3/clusters", {"name": "one"})["id"]
    template = house.admin.make("/v3/roleTemplates", {"name": "nothing", "context": "cluster"})["id"]
    group = f"openldap_group://cn=devs,{GROUPS}"
    binding = {"clusterId": cluster, "roleTemplateId": template, "groupPrincipalId": group}
    house.admin.make("/v3/clusterRoleTemplateBindings", binding)
    assert house.log_in("openldap", "jsmith").status == 201
    assert house.log_in("openldap", "bob").status == 403


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"accessMode": "open"}, "InvalidOption", "accessMode"),
        ({"allowedPrincipalIds": ["nobody"]}, "InvalidFormat", "allowedPrincipalIds"),
        ({"allowedPrincipalIds": "ann"}, "InvalidFormat", "allowedPrincipalIds"),
        ({"port": 99999}, "MaxLimitExceeded", "port"),
        ({"userSearchFilter": "uid=*"}, "InvalidFormat", "userSearchFilter"),
    ],
)
def test_what_does_not_fit(house: House, body: Any, code: str, field: str) -> None:
    reply = house.admin.put(f"{CONFIGS}/openldap", {**house.settings("openldap"), **body})
    assert reply.error == (422, code, field)


@pytest.mark.parametrize("action", ["configureTest", "testAndApply", "disable"])
def test_users_configure_nothing(house: House, action: str) -> None:
    house.enable("openldap")
    plain = house.server.user("plain")
    assert house.act("openldap", action, {}, who=plain).status in (403, 404)
    assert plain.put(f"{CONFIGS}/openldap", {"accessMode": "unrestricted"}).status in (403, 404)
    assert house.admin.get(f"{CONFIGS}/openldap").json["enabled"] is True


def test_disabling_ends_what_came_from_it(house: House) -> None:
    """Sessions, keys that were derived from them, and kubeconfigs; not what others brought."""
    house.enable("openldap")
    cluster = house.admin.make("/v3/clusters", {"name": "one"})["id"]
    bob = house.caller("openldap", "bob")
    key = house.server.caller(bob.make("/v3/tokens", {"description": "x"})["token"])
    scoped = house.server.caller(bob.make("/v3/tokens", {"clusterId": None})["token"])
    mine = house.caller("openldap", "ann")
    config = mine.post(f"/v3/clusters/{cluster}?action=generateKubeconfig").json["config"]
    kubeconfig = house.server.caller(config.partition("token: ")[2].split()[0])
    assert kubeconfig.get(f"/v3/clusters/{cluster}").status == 200
    assert house.act("openldap", "disable").json["enabled"] is False
    for caller in (bob, key, scoped, mine, kubeconfig):
        assert caller.get(f"/v3/clusters/{cluster}").status == 401
    assert house.admin.get("/v3/clusters").status == 200
    assert house.log_in("openldap").error == (404, "NotFound", "")


def test_who_manages_authentication_makes_nobody_an_administrator(house: House) -> None:
    """Who says where people are known can become each of them, so that is an administrator's; the rest is not."""
    house.enable("openldap")
    manager = house.server.user("manager")
    house.admin.make("/v3/globalrolebindings", {"userId": manager.user, "globalRoleId": "authn-manage"})
    url = f"{CONFIGS}/openldap"
    assert manager.get(url).json["enabled"] is True
    assert manager.put(url, {"accessMode": "required"}).json["accessMode"] == "required"
    for action in ("configureTest", "testAndApply"):
        assert house.act("openldap", action, {}, who=manager).error == (403, "PermissionDenied", "")
    assert house.act("openldap", "disable", who=manager).status == 200
    assert manager.get(url).json["enabled"] is False
