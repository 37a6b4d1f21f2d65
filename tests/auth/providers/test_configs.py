"""What administrators may set of a provider."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.auth.providers import fields
from chalicelib.auth.providers.catalogue import TYPES
from chalicelib.errors import Invalid, NotFound
from tests.auth.providers.scene import Scene
from tests.support.slapd import PEOPLE, READER

DIRECTORY = {
    "servers": ["ldap.example"],
    "serviceAccountDistinguishedName": READER,
    "serviceAccountPassword": "x",
    "userSearchBase": PEOPLE,
}
OIDC = {"issuer": "https://id.example", "clientId": "c", "clientSecret": "s"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"servers": []}, "servers"),
        ({"servers": "ldap.example"}, "servers"),
        ({"servers": ["ldap://ldap.example"]}, "servers"),
        ({"servers": ["ldap.example:389"]}, "servers"),
        ({"servers": ["a"] * 9}, "servers"),
        ({"servers": [7]}, "servers"),
        ({"port": 0}, "port"),
        ({"port": 65536}, "port"),
        ({"port": "389"}, "port"),
        ({"port": True}, "port"),
        ({"tls": "yes"}, "tls"),
        ({"tls": True, "starttls": True}, "starttls"),
        ({"certificate": "no certificate"}, "certificate"),
        ({"serviceAccountDistinguishedName": "reader"}, "serviceAccountDistinguishedName"),
        ({"serviceAccountPassword": ""}, "serviceAccountPassword"),
        ({"serviceAccountPassword": "a\0b"}, "serviceAccountPassword"),
        ({"userSearchBase": ""}, "userSearchBase"),
        ({"userSearchBase": "*)(uid=*"}, "userSearchBase"),
        ({"userSearchFilter": "(uid=a))(|(uid=*)"}, "userSearchFilter"),
        ({"userLoginAttribute": "uid)(x"}, "userLoginAttribute"),
        ({"userSearchAttribute": "uid||sn"}, "userSearchAttribute"),
        ({"userDisabledBitMask": -1}, "userDisabledBitMask"),
        ({"accessMode": "open"}, "accessMode"),
        ({"accessMode": 7}, "accessMode"),
        ({"allowedPrincipalIds": "github_user://1"}, "allowedPrincipalIds"),
        ({"allowedPrincipalIds": ["system:masters"]}, "allowedPrincipalIds"),
        ({"allowedPrincipalIds": ["github_user://1"] * 501}, "allowedPrincipalIds"),
    ],
)
def test_a_directory_that_is_wrong(scene: Scene, change: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        scene.parts.configs.draft("openldap", {**DIRECTORY, **change})
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"issuer": "http://id.example"}, "issuer"),
        ({"issuer": "https://id.example?x"}, "issuer"),
        ({"issuer": "https://u@id.example"}, "issuer"),
        ({"issuer": None}, "issuer"),
        ({"algorithm": "HS256"}, "algorithm"),
        ({"algorithm": "none"}, "algorithm"),
        ({"algorithm": "RS256,HS256"}, "algorithm"),
        ({"scope": "profile"}, "scope"),
        ({"clientSecret": None}, "clientSecret"),
    ],
)
def test_an_issuer_that_is_wrong(scene: Scene, change: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        scene.parts.configs.draft("oidc", {**OIDC, **change})
    assert refused.value.field == field


def test_what_is_left_out_is_the_safe_default(scene: Scene) -> None:
    config = scene.parts.configs.draft("oidc", OIDC)
    assert (config.mode, config.allowed, config.enabled) == ("restricted", (), False)
    assert (config.settings.algorithm, config.settings.groups_claim) == ("RS256", "groups")


@pytest.mark.parametrize("name", sorted(TYPES))
def test_every_provider_has_a_secret_that_is_not_shown(name: str) -> None:
    settings = TYPES[name][1]
    assert fields.secrets(settings)
    assert set(fields.secrets(settings)) <= set(fields.names(settings))


def test_names_are_rancher_s() -> None:
    assert fields.wire("group_dn_attribute") == "groupDNAttribute"
    assert fields.wire("service_account_distinguished_name") == "serviceAccountDistinguishedName"


def test_a_provider_that_there_is_not(scene: Scene) -> None:
    for call in (
        lambda: scene.parts.configs.draft("nosuch", {}),
        lambda: scene.parts.configs.disable("nosuch"),
        lambda: scene.parts.configs.disable("github"),
        lambda: scene.parts.enabling.configure_test("local", {}, "u-1"),
    ):
        with pytest.raises(NotFound):
            call()
