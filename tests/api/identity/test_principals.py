"""``/v3/principals``: searching and looking up users and groups of every provider."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.api.identity.house import House
from tests.support.server import Caller
from tests.support.slapd import ANN, COMMA, GROUPS

SEARCH = "/v3/principals?action=search"
DEVS = f"openldap_group://cn=devs,{GROUPS}"


def found(caller: Caller, name: str, **more: Any) -> dict[str, Any]:
    reply = caller.post(SEARCH, {"name": name, **more})
    assert reply.status == 200, reply.body
    return {each["id"]: each for each in reply.json["data"]}


def test_a_search_goes_through_every_provider(house: House) -> None:
    house.enable("openldap")
    house.enable("github")
    house.server.user("annabel")
    ids = found(house.admin, "ann")
    assert {f"openldap_user://{ANN}", "local://u-annabel"} <= ids.keys()
    assert "github_user://1234" in found(house.admin, "octo")


@pytest.mark.parametrize(("kind", "other"), [("user", "group"), ("group", "user")])
def test_a_search_for_one_sort(house: House, kind: str, other: str) -> None:
    house.enable("openldap")
    kinds = {each["principalType"] for each in found(house.admin, "de", principalType=kind).values()}
    assert other not in kinds
    assert (DEVS in found(house.admin, "devs", principalType=kind)) == (kind == "group")


@pytest.mark.parametrize("name", ["a", "*", "(uid=*", "\0\0\0", "x" * 300])
def test_a_search_that_finds_nothing(house: House, name: str) -> None:
    house.enable("openldap")
    assert found(house.admin, name) == {}


def test_a_provider_that_fails_spoils_no_search(house: House) -> None:
    house.enable("github")
    house.issuer.revoked = True
    assert "local://u-boss" in found(house.admin, "boss")


@pytest.mark.parametrize("id", [f"openldap_user://{ANN}", f"openldap_user://{COMMA}", DEVS, "local://u-boss"])
def test_a_principal_is_looked_up_by_its_escaped_id(house: House, id: str) -> None:
    house.enable("openldap")
    shown = house.admin.get(f"/v3/principals/{quote(id, safe='')}").json
    assert shown["id"] == id
    assert house.admin.get(shown["links"]["self"]).json["id"] == id


@pytest.mark.parametrize(
    "id",
    [
        f"openldap_user://uid=nobody,{ANN.partition(',')[2]}",
        "openldap_user://dc=example,dc=org",
        "github_user://1234",
        "local://u-nobody",
        "nonsense",
        "azuread_user://x",
    ],
)
def test_a_principal_that_is_not_there(house: House, id: str) -> None:
    house.enable("openldap")
    assert house.admin.get(f"/v3/principals/{quote(id, safe='')}").error == (404, "NotFound", "")


def test_ones_own(house: House) -> None:
    house.enable("openldap", nestedGroupMembershipEnabled=True)
    ann = house.caller("openldap", "jsmith")
    own = {each["id"]: each for each in ann.get("/v3/principals").json["data"]}
    assert own[f"local://{ann.user}"]["me"] is True
    assert own[f"openldap_user://{COMMA}"]["me"] is True
    assert (own[DEVS]["principalType"], own[DEVS]["memberOf"], own[DEVS]["me"]) == ("group", True, False)
    assert f"openldap_group://cn=company,{GROUPS}" in own
    assert found(ann, "devs")[DEVS]["memberOf"] is True
    assert found(house.admin, "devs")[DEVS]["memberOf"] is False
