"""Logging in."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.auth.login import SESSION_MILLISECONDS
from tests.support.server import BASE, LOGIN, PASSWORD, Caller, Server

PROVIDER = "/v3-public/localProviders/local"


def test_a_login_answers_with_a_session_token(server: Server, plain: Caller) -> None:
    reply = server.log_in("plain")
    token = reply.json
    assert reply.status == 201
    assert (token["type"], token["userId"], token["isDerived"]) == ("token", plain.user, False)
    assert (token["ttl"], token["expiresAt"]) == (SESSION_MILLISECONDS, "2026-11-25T00:00:00Z")
    assert token["labels"]["authn.management.cattle.io/kind"] == "session"


def test_a_session_token_works_and_ends(server: Server, plain: Caller) -> None:
    caller = server.caller(server.log_in("plain").json["token"])
    assert caller.get("/v3/users").ids == [plain.user]
    server.clock.advance(SESSION_MILLISECONDS / 1000)
    assert caller.get("/v3").status == 401


def test_every_login_is_a_token_of_its_own(server: Server, plain: Caller) -> None:
    assert server.log_in("plain").json["id"] != server.log_in("plain").json["id"]


@pytest.mark.parametrize("username", ["plain", "PLAIN", "Plain", " plain "])
def test_a_user_name_counts_in_every_case(server: Server, plain: Caller, username: str) -> None:
    assert server.log_in(username).status == 201


@pytest.mark.parametrize("password", [f"{PASSWORD} ", f" {PASSWORD}", PASSWORD.upper(), PASSWORD[:-1], f"{PASSWORD}\0"])
def test_a_password_counts_as_it_is(server: Server, plain: Caller, password: str) -> None:
    assert server.log_in("plain", password).status == 401


@pytest.mark.parametrize(("username", "password"), [("plain", "a wrong password"), ("nobody", PASSWORD)])
def test_a_refusal_does_not_say_what_was_wrong(server: Server, plain: Caller, username: str, password: str) -> None:
    reply = server.log_in(username, password)
    assert reply.status == 401
    assert reply.json == {
        "type": "error",
        "baseType": "error",
        "status": 401,
        "code": "Unauthorized",
        "message": "authentication failed",
    }


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "MissingRequired", "username"),
        ({"username": "plain"}, "MissingRequired", "password"),
        ({"username": "plain", "password": ""}, "MissingRequired", "password"),
        ({"username": "", "password": PASSWORD}, "MissingRequired", "username"),
        ({"username": "p" * 257, "password": PASSWORD}, "MaxLengthExceeded", "username"),
        ({"username": "plain", "password": "x" * 1025}, "MaxLengthExceeded", "password"),
        ({"username": {}, "password": PASSWORD}, "InvalidFormat", "username"),
        ({"username": "plain", "password": PASSWORD, "ttl": "soon"}, "InvalidFormat", "ttl"),
        ({"username": "plain", "password": PASSWORD, "responseType": "smoke"}, "InvalidOption", "responseType"),
    ],
)
def test_what_is_no_login(server: Server, plain: Caller, body: Any, code: str, field: str) -> None:
    assert server.nobody.post(LOGIN, body).error == (422, code, field)


@pytest.mark.parametrize(
    "body", [{"username": "plain", "password": "\ud800" * 12}, {"username": "\ud800", "password": PASSWORD}]
)
def test_text_that_is_none_is_refused(server: Server, plain: Caller, body: Any) -> None:
    assert server.nobody.post(LOGIN, body).error == (422, "InvalidBodyContent", "")


def test_a_stranger_sends_no_more_than_a_login_takes(server: Server) -> None:
    assert server.nobody.post(LOGIN, b" " * (64 * 1024) + b"{}").error == (413, "RequestTooLarge", "")


def test_a_description_is_kept(server: Server, plain: Caller) -> None:
    body = {"username": "plain", "password": PASSWORD, "description": "my laptop", "responseType": "json"}
    assert server.nobody.make(LOGIN, body)["description"] == "my laptop"


@pytest.mark.parametrize("path", ["/v3-public/authProviders", "/v3-public/authproviders", "/v3-public//authProviders/"])
def test_the_provider_leads_to_the_login(server: Server, plain: Caller, path: str) -> None:
    (provider,) = server.nobody.get(path).json["data"]
    assert (provider["id"], provider["type"], provider["baseType"]) == ("local", "localProvider", "authProvider")
    assert provider["actions"] == {"login": f"{BASE}{LOGIN}"}
    body = {"username": "plain", "password": PASSWORD}
    assert server.nobody.post(provider["actions"]["login"], body).status == 201
    assert server.nobody.get(provider["links"]["self"]).json == provider


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v3-public/localProviders", 405, "MethodNotAllow"),
        ("POST", "/v3-public/localProviders", 405, "MethodNotAllow"),
        ("PUT", PROVIDER, 405, "MethodNotAllow"),
        ("DELETE", PROVIDER, 405, "MethodNotAllow"),
        ("POST", PROVIDER, 422, "InvalidAction"),
        ("POST", f"{PROVIDER}?action=logout", 422, "InvalidAction"),
        ("GET", "/v3-public/githubProviders/github", 404, "NotFound"),
        ("GET", "/v3-public/nosuch", 404, "NotFound"),
    ],
)
def test_what_is_not_there(server: Server, method: str, path: str, status: int, code: str) -> None:
    body = {"username": "plain", "password": PASSWORD}
    assert server.nobody.call(method, path, body).error == (status, code, "")


def test_a_get_does_not_log_in(server: Server, plain: Caller) -> None:
    assert server.nobody.get(LOGIN, body={"username": "plain", "password": PASSWORD}).json["id"] == "local"
