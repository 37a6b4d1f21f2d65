"""GitHub's OAuth against a server that answers as an Enterprise Server does."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib.auth import tokens
from chalicelib.auth.providers import fields
from chalicelib.auth.providers.github import GithubProvider, GithubSettings
from chalicelib.auth.providers.port import Password
from chalicelib.errors import Invalid, NotFound, Unauthorized, Unavailable
from tests.auth.providers.scene import Scene
from tests.support.issuer import Issuer
from tests.support.server import BASE


@pytest.fixture(autouse=True)
def enabled(scene: Scene) -> None:
    scene.enable("github")


def test_a_login_with_organisations_and_teams(scene: Scene) -> None:
    token, key = scene.log_in("github")
    assert scene.works((token, key))
    assert token.spec["userPrincipal"] == "github_user://1234"
    assert tokens.groups(token) == ("github_org://7", "github_team://91")
    assert [principal.name for principal in scene.parts.lookup.own(token)] == [
        "Octo Cat",
        "Octo Cat",
        "acme",
        "acme/ops",
    ]


def test_where_the_browser_goes(scene: Scene, issuer: Issuer) -> None:
    url = urlsplit(scene.parts.sessions.begin("github").url)
    query = parse_qs(url.query)
    assert (url.scheme, url.netloc, url.path) == ("https", issuer.host, "/login/oauth/authorize")
    assert query["redirect_uri"] == [f"{BASE}/verify-auth"]
    assert (query["code_challenge_method"], len(query["code_challenge"][0])) == (["S256"], 43)


def test_the_public_github(scene: Scene) -> None:
    settings = fields.read(GithubSettings, {"clientId": "c", "clientSecret": "s"})
    assert (settings.site, settings.api) == ("https://github.com", "https://api.github.com")
    url = GithubProvider("github", settings, scene.web).address("s", "c", "n", "https://lariat.example/verify-auth")
    assert url.startswith("https://github.com/login/oauth/authorize?")


def test_many_pages(scene: Scene, issuer: Issuer) -> None:
    issuer.orgs = [{"id": number, "login": f"org-{number}"} for number in range(250)]
    assert len(tokens.groups(scene.log_in("github")[0])) == 251


def test_pages_end(scene: Scene, issuer: Issuer) -> None:
    issuer.orgs = [{"id": number, "login": f"org-{number}"} for number in range(2000)]
    assert len(tokens.groups(scene.log_in("github")[0])) <= 1001


@pytest.mark.parametrize("path", ["/api/v3/user", "/api/v3/user/orgs?per_page=100&page=1"])
@pytest.mark.parametrize(
    "answer",
    [
        (302, {"Location": "https://else.example/"}, b""),
        (500, {}, b""),
        (200, {}, b"{}"),
        (200, {}, b'{"id": "1234", "login": "octo"}'),
        (200, {}, b'{"id": true, "login": "octo"}'),
        (200, {}, b'{"id": -1, "login": "octo"}'),
        (200, {}, b'[{"id": 1}]'),
        (200, {}, b"[7]"),
    ],
)
def test_answers_that_are_none(scene: Scene, issuer: Issuer, path: str, answer: Any) -> None:
    issuer.answers = {path: answer}
    with pytest.raises(Unavailable):
        scene.log_in("github")


def test_a_code_that_is_none(scene: Scene) -> None:
    back = scene.travel("github")
    with pytest.raises(Unauthorized, match="authentication failed"):
        scene.parts.sessions.finish("github", back._replace(code="guessed"))


def test_a_password_is_no_code(scene: Scene) -> None:
    with pytest.raises(Unauthorized):
        scene.parts.sessions.log_in("github", "octo", "a password")
    settings = fields.read(GithubSettings, scene.values("github"))
    with pytest.raises(Unauthorized):
        GithubProvider("github", settings, scene.web).authenticate(Password("octo", "a password"))


@pytest.mark.parametrize(
    ("text", "kind", "ids"),
    [
        ("oct", "user", ["github_user://1234"]),
        ("ac", "group", ["github_org://7"]),
        ("oct", "", ["github_user://1234", "github_org://7"]),
        ("oct type:org", "user", ["github_user://1234"]),
    ],
)
def test_search(scene: Scene, text: str, kind: str, ids: list[str]) -> None:
    token, _ = scene.log_in("github")
    found = scene.parts.lookup.search(text, kind, token.parent)
    assert [principal.id for principal in found if principal.provider == "github"] == ids


def test_who_has_no_token_at_github_finds_nobody_there(scene: Scene) -> None:
    scene.server.user("plain")
    assert [found.id for found in scene.parts.lookup.search("pla", "", "u-plain")] == ["local://u-plain"]


@pytest.mark.parametrize(
    ("id", "name"),
    [("github_user://1234", "Octo Cat"), ("github_org://7", "acme"), ("github_team://91", "acme/ops")],
)
def test_one_principal(scene: Scene, id: str, name: str) -> None:
    token, _ = scene.log_in("github")
    found = scene.parts.lookup.get(id, token.parent)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    "id", ["github_user://../orgs", "github_user://٣", "github_x://1", "github_team://92", "nonsense"]
)
def test_what_is_no_principal(scene: Scene, id: str) -> None:
    token, _ = scene.log_in("github")
    assert scene.parts.lookup.get(id, token.parent) is None


@pytest.mark.parametrize(
    "hostname",
    [
        "https://github.com",
        "host/path",
        "user@host",
        "host:0",
        "host:99999",
        "host name",
        "host#x",
        "host?x",
        "hóst",
        "",
    ],
)
def test_a_host_is_a_host(hostname: str) -> None:
    with pytest.raises(Invalid):
        fields.read(GithubSettings, {"clientId": "c", "clientSecret": "s", "hostname": hostname})


def test_no_plain_http() -> None:
    with pytest.raises(Invalid, match="TLS alone"):
        fields.read(GithubSettings, {"clientId": "c", "clientSecret": "s", "tls": False})


def test_a_provider_that_is_not_enabled(scene: Scene) -> None:
    for name in ("oidc", "openldap", "local", "nosuch", "../github"):
        with pytest.raises(NotFound):
            scene.parts.sessions.begin(name)
