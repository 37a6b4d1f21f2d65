"""Logging in through providers, by the API: what a client sends, and in which forms it is answered."""

from __future__ import annotations

import pytest

from chalicelib.auth.throttle import PAIR
from tests.api.identity.house import ADDRESS, LOGINS, PATHS, House, cookie
from tests.support.server import BASE, PASSWORD, Reply
from tests.support.slapd import GROUPS

NAMES = sorted(PATHS)
REDIRECTING = ("github", "oidc")
HOUR = 3600


@pytest.fixture
def open_house(house: House) -> House:
    for name in NAMES:
        house.enable(name)
    return house


def test_what_is_enabled_is_listed(house: House) -> None:
    house.enable("openldap")
    house.enable("github")
    listed = house.server.nobody.get("/v3-public/authProviders").json["data"]
    assert [provider["id"] for provider in listed] == ["local", "github", "openldap"]
    for provider in listed[1:]:
        assert provider["baseType"] == "authProvider"
        assert provider["actions"]["login"] == f"{BASE}{PATHS[provider['id']]}?action=login"


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_enabled_is_not_there(house: House, name: str) -> None:
    assert house.server.nobody.get(PATHS[name]).status == 404
    body = {"username": "ann", "password": PASSWORD, "code": "x", "state": "y"}
    assert house.server.nobody.post(f"{PATHS[name]}?action=login", body).error == (404, "NotFound", "")


@pytest.mark.parametrize("name", NAMES)
def test_a_session_says_where_it_came_from(open_house: House, name: str) -> None:
    reply = open_house.log_in(name, description="my laptop")
    token = reply.json
    assert (reply.status, token["authProvider"], token["isDerived"]) == (201, name, False)
    assert token["userPrincipal"].startswith(f"{name}_user://")
    assert (token["description"], token["ttl"]) == ("my laptop", 960 * 60_000)
    assert all(group.startswith(f"{name}_") for group in token["groupPrincipals"])
    assert open_house.server.caller(token["token"]).get("/v3/users").status == 200


def test_a_first_login_makes_a_user(house: House) -> None:
    house.enable("openldap")
    caller = house.caller("openldap", "bob")
    me = caller.get("/v3/users?me=true").json["data"][0]
    assert (me["id"], me["name"]) == (caller.user, "Bob")
    assert me["principalIds"] == ["openldap_user://uid=bob,ou=people,dc=example,dc=org", f"local://{me['id']}"]


@pytest.mark.parametrize(
    ("username", "password"), [("ann", "a wrong password"), ("nobody", PASSWORD), ("*", PASSWORD), ("ann", "")]
)
def test_a_refusal_does_not_say_what_was_wrong(house: House, username: str, password: str) -> None:
    house.enable("openldap")
    reply = house.log_in("openldap", username, password)
    assert reply.status == (422 if not password else 401)
    assert not password or reply.json["message"] == "authentication failed"


def test_a_cookie(open_house: House) -> None:
    reply = open_house.log_in("openldap", responseType="cookie")
    assert (reply.status, reply.body) == (200, b"")
    me = open_house.server.nobody.get("/v3/users?me=true", headers=[("cookie", cookie(reply))])
    assert me.status == 200


@pytest.mark.parametrize("name", NAMES)
def test_a_kubeconfig_token_is_derived_and_leaves_no_session(open_house: House, name: str) -> None:
    cluster = open_house.admin.make("/v3/clusters", {"name": "one"})["id"]
    before = set(open_house.server.resources.ids("token"))
    reply = open_house.log_in(name, responseType=f"kubeconfig_{cluster}")
    token = reply.json
    assert (reply.status, token["isDerived"], token["clusterId"], token["authProvider"]) == (201, True, cluster, name)
    assert token["id"].startswith(f"kubeconfig-{token['userId']}.{cluster}-")
    assert set(open_house.server.resources.ids("token")) - before == {token["id"]}
    caller = open_house.server.caller(token["token"])
    assert (caller.get(f"/v3/clusters/{cluster}").status, caller.get("/v3/clusters").status) == (200, 401)


@pytest.mark.parametrize("form", ["smoke", "cookie_c-1", "kubeconfig_", "kubeconfig_c-nope", ""])
def test_a_form_that_there_is_not(open_house: House, form: str) -> None:
    reply = open_house.log_in("openldap", responseType=form)
    assert reply.status == (201 if form == "" else 422)


@pytest.mark.parametrize("name", REDIRECTING)
def test_a_beginning_binds_the_browser(open_house: House, name: str) -> None:
    reply = open_house.server.nobody.get(PATHS[name])
    header = next(value for key, value in reply.headers if key == "set-cookie")
    assert {"HttpOnly", "Secure", "SameSite=Lax", "Path=/"} <= {part.strip() for part in header.split(";")}
    assert f"{BASE}/verify-auth".replace(":", "%3A").replace("/", "%2F") in reply.json["redirectUrl"]


@pytest.mark.parametrize("name", REDIRECTING)
def test_only_the_browser_that_began_comes_in(open_house: House, name: str) -> None:
    body, brought = open_house.travel(name)
    url = f"{PATHS[name]}?action=login"
    for other in ("", "__Host-R_AUTH=another", open_house.travel(name)[1]):
        headers = [("cookie", other)] if other else []
        assert open_house.server.nobody.post(url, body, headers=headers).status == 401
    assert open_house.server.nobody.post(url, body, headers=[("cookie", brought)]).status == 201
    assert open_house.server.nobody.post(url, body, headers=[("cookie", brought)]).status == 401


def arrive(house: House, body: dict[str, str], brought: str) -> Reply:
    query = f"code={body['code']}&state={body['state'].replace('+', '%2B')}"
    return house.server.nobody.get(f"/verify-auth?{query}", headers=[("cookie", brought)])


@pytest.mark.parametrize("name", REDIRECTING)
def test_a_browser_that_comes_back_is_logged_in(open_house: House, name: str) -> None:
    reply = arrive(open_house, *open_house.travel(name))
    assert (reply.status, dict(reply.headers)["location"]) == (302, f"{BASE}/")
    assert open_house.server.nobody.get("/v3/users?me=true", headers=[("cookie", cookie(reply))]).status == 200


def test_a_browser_that_comes_back_from_a_test_is_not(house: House) -> None:
    """Its administrator gets what ``testAndApply`` wants, and nobody a session."""
    begun = house.act("github", "configureTest", house.settings("github"))
    code, state = house.issuer.approve(begun.json["redirectUrl"])
    reply = arrive(house, {"code": code, "state": state}, cookie(begun))
    assert (reply.status, reply.json["code"], reply.json["state"]) == (200, code, state)
    assert not any(name == "set-cookie" for name, _ in reply.headers)


@pytest.mark.parametrize("query", ["", "?code=x", "?code=x&state=y", "?error=access_denied"])
def test_who_was_not_sent_away_does_not_come_back(open_house: House, query: str) -> None:
    assert open_house.server.nobody.get(f"/verify-auth{query}").status == 401
    assert open_house.server.nobody.post(f"/verify-auth{query}").status == 405


def test_groups_follow_the_directory(house: House) -> None:
    """By the schedule, and at once when an administrator asks; derived tokens follow too."""
    house.enable("openldap")
    bob = house.caller("openldap", "bob")
    key = bob.make("/v3/tokens", {"description": "x"})
    group = f"cn=devs,{GROUPS}"
    try:
        house.slapd.change(group, {"member": [("MODIFY_ADD", ["uid=bob,ou=people,dc=example,dc=org"])]})
        assert house.admin.post(f"/v3/users/{bob.user}?action=refreshauthprovideraccess").status == 200
        shown = {each["id"]: each for each in house.admin.get("/v3/users").json["data"]}
        assert bob.user in shown
        tokens = {token["id"]: token["groupPrincipals"] for token in bob.get("/v3/tokens").json["data"]}
        assert all(f"openldap_group://{group}" in groups for groups in tokens.values())
        assert key["id"] in tokens
    finally:
        house.slapd.change(group, {"member": [("MODIFY_DELETE", ["uid=bob,ou=people,dc=example,dc=org"])]})
    house.server.clock.advance(HOUR)
    assert house.server.parts.refresh_memberships() is False
    tokens = {token["id"]: token["groupPrincipals"] for token in bob.get("/v3/tokens").json["data"]}
    assert not any(f"openldap_group://{group}" in groups for groups in tokens.values())


def test_everybody_is_refreshed_by_administrators_alone(house: House) -> None:
    house.enable("openldap")
    bob = house.caller("openldap", "bob")
    path = "/v3/users?action=refreshauthprovideraccess"
    assert bob.post(path).error[:2] == (403, "PermissionDenied")
    house.slapd.person("uid=gone,ou=people,dc=example,dc=org", "gone", "Gone")
    gone = house.caller("openldap", "gone")
    connection = house.slapd.admin()
    connection.delete("uid=gone,ou=people,dc=example,dc=org")
    connection.unbind()
    assert house.admin.post(path).status == 200
    assert (gone.get("/v3/users").status, bob.get("/v3/users").status) == (401, 200)


def test_without_a_provider_nobody_is_asked(house: House) -> None:
    before = len(house.server.changes)
    assert house.server.parts.refresh_memberships() is False
    assert len(house.server.changes) == before


def test_a_removed_user_leaves_nothing_that_a_provider_said(house: House) -> None:
    house.enable("openldap")
    bob = house.caller("openldap", "bob")
    assert house.server.resources.find("userAttribute", bob.user) is not None
    assert house.admin.delete(f"/v3/users/{bob.user}").status == 204
    assert house.server.resources.find("userAttribute", bob.user) is None
    assert bob.get("/v3/users").status == 401
    assert house.caller("openldap", "bob").get("/v3/users").status == 200


@pytest.mark.parametrize("name", ["local", *sorted(LOGINS)])
def test_who_guesses_from_one_address_locks_nobody_out_elsewhere(open_house: House, name: str) -> None:
    username = {"local": "boss"}.get(name) or LOGINS[name]
    path = PATHS.get(name, "/v3-public/localProviders/local")
    right = PASSWORD if name == "local" else "a password of a person"

    def attempt(password: str, client: str) -> int:
        body = {"username": username, "password": password}
        return open_house.server.nobody.post(f"{path}?action=login", body, client=client).status

    statuses = [attempt("a wrong password", ADDRESS) for _ in range(PAIR.free + 2)]
    assert statuses[-1] == 429
    assert attempt(right, ADDRESS) == 429
    assert attempt(right, "198.51.100.7") == 201


def test_a_session_remembers_its_address(house: House) -> None:
    house.enable("openldap")
    token = house.server.resources.get("token", house.caller("openldap", "bob").token)
    assert token.spec["address"] == ADDRESS


def test_nothing_is_derived_of_what_ends_meanwhile(house: House) -> None:
    """The provider is disabled by somebody who saw no token that is being derived at that moment."""
    house.enable("openldap")
    bob = house.caller("openldap", "bob")
    # Bob's token is proven, and its provider is closed behind his back.
    assert bob.get("/v3/users").status == 200
    house.server.parts.identities().configs.disable("openldap")
    assert bob.post("/v3/tokens", {"description": "x"}).status == 401
    assert len(house.server.resources.list("token", bob.user).items) == 1
