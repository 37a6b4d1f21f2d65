"""What a browser is given and must show: the session's cookie and the token against forged requests."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.server import LOGIN, PASSWORD, Caller, Reply, Server

BROWSER = ("user-agent", "Mozilla/5.0 (X11; Linux x86_64)")
CSRF = "0123456789"


def cookies(reply: Reply) -> dict[str, str]:
    pairs = [value.partition(";")[0].partition("=") for name, value in reply.headers if name == "set-cookie"]
    return {name: value for name, _, value in pairs}


@pytest.fixture
def session(server: Server, admin: Caller) -> str:
    """The value of the cookie after a login."""
    reply = server.nobody.post(LOGIN, {"username": "admin", "password": PASSWORD, "responseType": "cookie"})
    assert (reply.status, reply.body) == (200, b"")
    header = next(value for name, value in reply.headers if name == "set-cookie")
    assert {"Path=/", "HttpOnly", "Secure"} <= {part.strip() for part in header.split(";")}
    return cookies(reply)["R_SESS"]


def test_the_cookie_proves_who_calls(server: Server, session: str) -> None:
    reply = server.nobody.get("/v3/users?me=true", headers=[("cookie", f"other=1; R_SESS={session}")])
    assert reply.ids == ["u-admin"]


def test_a_header_wins_over_the_cookie_even_if_it_is_wrong(server: Server, session: str) -> None:
    headers = [("cookie", f"R_SESS={session}"), ("authorization", "Bearer token-x:nothing")]
    assert server.nobody.get("/v3/users", headers=headers).status == 401


@pytest.mark.parametrize(
    "cookie", ["R_SESS=", "R_SESS=x", "R_SESS=token-x:y", "r_sess={}", "x" * 5000, "R_SESS=\x00;;="]
)
def test_other_cookies_prove_nothing(server: Server, session: str, cookie: str) -> None:
    assert server.nobody.get("/v3", headers=[("cookie", cookie.format(session))]).status == 401


def test_logging_out_ends_it(server: Server, session: str) -> None:
    headers = [("cookie", f"R_SESS={session}")]
    reply = server.nobody.post("/v3/tokens?action=logout", headers=headers)
    assert reply.status == 200
    gone = [value for name, value in reply.headers if name == "set-cookie"]
    assert [value.partition("=")[0] for value in gone] == ["R_SESS", "CSRF"]
    assert all("Max-Age=0" in value for value in gone)
    assert server.nobody.get("/v3", headers=headers).status == 401


def test_a_browser_is_given_a_token(server: Server) -> None:
    reply = server.nobody.get("/v3-public/authProviders", headers=[BROWSER])
    assert re.fullmatch(r"[0-9a-f]{10}", cookies(reply)["CSRF"])
    assert cookies(server.nobody.get("/v3-public/authProviders")) == {}
    assert cookies(server.nobody.get("/v3-public", headers=[BROWSER, ("cookie", f"CSRF={CSRF}")])) == {}


SHOWN: list[tuple[list[tuple[str, str]], str]] = [
    ([("cookie", f"CSRF={CSRF}"), ("x-api-csrf", CSRF)], ""),
    ([("cookie", f"CSRF={CSRF}")], f"?CSRF={CSRF}"),
]
NOT_SHOWN: list[tuple[list[tuple[str, str]], str]] = [
    ([], ""),
    ([("cookie", f"CSRF={CSRF}")], ""),
    ([("x-api-csrf", CSRF)], ""),
    ([("cookie", f"CSRF={CSRF}"), ("x-api-csrf", "other")], f"?CSRF={CSRF}"),
    ([("cookie", "CSRF="), ("x-api-csrf", "")], ""),
    ([], f"?CSRF={CSRF}"),
]


@pytest.mark.parametrize(("headers", "query"), SHOWN)
def test_who_shows_the_token_may_write(admin: Caller, headers: Any, query: str) -> None:
    assert admin.post(f"/v3/clusters{query}", {"name": "one"}, headers=[BROWSER, *headers]).status == 201


@pytest.mark.parametrize(("headers", "query"), NOT_SHOWN)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_who_does_not_may_only_read(admin: Caller, headers: Any, query: str, method: str) -> None:
    reply = admin.call(method, f"/v3/clusters{query}", {"name": "one"}, headers=[BROWSER, *headers])
    assert reply.error == (422, "InvalidCSRFToken", "")
    assert admin.get("/v3/clusters", headers=[BROWSER, *headers]).ids == []


def test_another_method_in_the_query_is_no_way_around(admin: Caller) -> None:
    """A link can't write, and a form must show the token."""
    cluster = admin.make("/v3/clusters", {"name": "one"})["id"]
    assert admin.get(f"/v3/clusters/{cluster}?_method=DELETE", headers=[BROWSER]).status == 200
    assert admin.post(f"/v3/clusters/{cluster}?_method=GET", headers=[BROWSER]).status == 200
    for query in ("_method=DELETE", "action=remove"):
        assert admin.post(f"/v3/clusters/{cluster}?{query}", headers=[BROWSER]).error[1] == "InvalidCSRFToken"


@pytest.mark.parametrize("query", ["_method=DELETE", "_method=delete", "action=remove"])
def test_a_post_may_remove(admin: Caller, query: str) -> None:
    cluster = admin.make("/v3/clusters", {"name": "one"})["id"]
    assert admin.post(f"/v3/clusters/{cluster}?{query}").status == 204


def test_a_post_may_update(admin: Caller) -> None:
    cluster = admin.make("/v3/clusters", {"name": "one"})["id"]
    assert admin.post(f"/v3/clusters/{cluster}?_method=PUT", {"name": "two"}).json["name"] == "two"
