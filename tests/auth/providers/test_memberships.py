"""Groups stay as fresh as the provider: by the clock, on demand, and when it can't be asked."""

from __future__ import annotations

import ldap3
import pytest

from chalicelib.auth import tokens
from chalicelib.auth.providers.attributes import MOST_BYTES
from chalicelib.auth.providers.memberships import LONGEST_UNCONFIRMED, REFRESH_SECONDS
from chalicelib.auth.providers.port import Proof
from chalicelib.auth.providers.principal import Principal
from chalicelib.errors import NotFound
from chalicelib.types import Key, Resource
from tests.auth.providers.scene import Scene
from tests.support.issuer import Issuer
from tests.support.slapd import BOB, GROUPS, PASSWORD, Slapd


def groups(scene: Scene, token: tuple[Resource, str]) -> tuple[str, ...]:
    return tokens.groups(scene.server.resources.get("token", token[0].id))


def test_a_refresh_reaches_the_tokens(scene: Scene, issuer: Issuer) -> None:
    scene.enable("github")
    token = scene.log_in("github")
    issuer.teams = []
    scene.parts.memberships.refresh(token[0].parent)
    assert groups(scene, token) == ("github_org://7",)
    assert scene.works(token)


def test_a_directory_is_asked_again(scene: Scene, slapd: Slapd) -> None:
    scene.enable_directory(slapd)
    slapd.group("movers", BOB)
    token = scene.parts.sessions.log_in("openldap", "bob", PASSWORD)
    assert any("movers" in group for group in groups(scene, token))
    slapd.change(f"cn=movers,{GROUPS}", {"member": [(ldap3.MODIFY_REPLACE, [f"cn=nobody,{GROUPS}"])]})
    scene.parts.memberships.refresh(token[0].parent)
    assert not any("movers" in group for group in groups(scene, token))


def test_the_clock_refreshes_who_is_due(scene: Scene, issuer: Issuer) -> None:
    scene.enable("github")
    token = scene.log_in("github")
    issuer.teams = []
    assert scene.parts.memberships.refresh_due() == 0
    scene.server.clock.advance(REFRESH_SECONDS)
    assert scene.parts.memberships.refresh_due() == 1
    assert groups(scene, token) == ("github_org://7",)
    assert scene.parts.memberships.refresh_due() == 0


def test_who_has_no_token_is_forgotten_without_being_asked_about(scene: Scene, issuer: Issuer) -> None:
    scene.enable("github")
    token, _ = scene.log_in("github")
    scene.server.resources.remove(token.key)
    scene.server.clock.advance(REFRESH_SECONDS)
    issuer.seen.clear()
    assert scene.parts.memberships.refresh_due() == 1
    assert issuer.seen == []
    assert scene.server.resources.find("userAttribute", token.parent) is None
    assert scene.parts.memberships.refresh_due() == 0


@pytest.mark.parametrize("provider", ["github", "oidc"])
def test_who_is_not_known_any_more_is_out(scene: Scene, issuer: Issuer, provider: str) -> None:
    scene.enable(provider)
    token = scene.log_in(provider)
    issuer.revoked = True
    scene.parts.memberships.refresh(token[0].parent)
    assert not scene.works(token)
    assert scene.attributes.grant(token[0].parent, provider) == ""


def test_who_left_the_group_that_admitted_them_is_out(scene: Scene, issuer: Issuer) -> None:
    scene.enable("github", accessMode="required", allowedPrincipalIds=["github_team://91"])
    token = scene.log_in("github")
    scene.parts.memberships.refresh(token[0].parent)
    assert scene.works(token)
    issuer.teams = []
    scene.parts.memberships.refresh(token[0].parent)
    assert not scene.works(token)


def test_a_refresh_token_is_used_and_another_users_is_not(scene: Scene, issuer: Issuer) -> None:
    scene.enable("oidc")
    token = scene.log_in("oidc")
    issuer.claims = {"groups": ["fresh"], "nonce": None}
    scene.parts.memberships.refresh(token[0].parent)
    assert groups(scene, token) == ("oidc_group://fresh",)
    issuer.subject = "s-2"
    scene.parts.memberships.refresh(token[0].parent)
    assert not scene.works(token)


@pytest.mark.parametrize("seconds", [LONGEST_UNCONFIRMED - 1, LONGEST_UNCONFIRMED + 1])
def test_groups_outlive_an_outage_but_not_for_ever(scene: Scene, issuer: Issuer, seconds: int) -> None:
    scene.enable("github")
    session = scene.log_in("github")
    token = scene.login.issue(session[0].parent, 0, "api", tokens.inherited(session[0]))
    issuer.answers = {"/api/v3/user": (503, {}, b"")}
    scene.server.clock.advance(seconds)
    scene.parts.memberships.refresh_due()
    assert scene.works(token)
    assert (groups(scene, token) == ()) is (seconds > LONGEST_UNCONFIRMED)


def test_a_provider_that_was_disabled_elsewhere_is_noticed(scene: Scene) -> None:
    scene.enable("github")
    token = scene.log_in("github")
    scene.parts.configs.disable("github")
    scene.parts.memberships.refresh(token[0].parent)
    assert not scene.works(token)


def test_grants_are_sealed(scene: Scene) -> None:
    scene.enable("github")
    token, _ = scene.log_in("github")
    assert b"the user's access token" not in scene.server.rows()
    assert scene.attributes.grant(token.parent, "github") == "the user's access token"


def test_a_user_who_is_gone(scene: Scene) -> None:
    scene.enable("github")
    token, _ = scene.log_in("github")
    scene.server.resources.remove(Key("user", token.parent))
    with pytest.raises(NotFound):
        scene.parts.memberships.refresh(token.parent)
    scene.server.clock.advance(REFRESH_SECONDS)
    scene.parts.memberships.refresh_due()
    assert scene.server.resources.find("userAttribute", token.parent) is None


def test_more_groups_than_fit_are_fewer(scene: Scene) -> None:
    many = tuple([Principal(id=f"oidc_group://{n:0200}", kind="group", name="x" * 200) for n in range(1000)])
    entry = scene.attributes.record("u-1", "oidc", Proof(Principal(id="oidc_user://1", kind="user", name="x"), many))
    assert 100 < len(entry.groups) < MOST_BYTES / 400
    assert entry == scene.attributes.find("u-1", "oidc")
