"""Test and enable, change and disable a provider; who may come in, and whose sessions end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.auth import tokens
from chalicelib.auth.providers.port import Password
from chalicelib.auth.providers.sessions import Return
from chalicelib.errors import Forbidden, Invalid, NotFound, Refused, Unauthorized
from chalicelib.types import Key, Resource
from tests.auth.providers.scene import Scene
from tests.support.issuer import SECRET, Issuer
from tests.support.slapd import PASSWORD, READER_PASSWORD, Slapd

ANN = Password("ann", PASSWORD)


def enable(scene: Scene, slapd: Slapd, tester: str = "u-boss", **more: Any) -> Resource:
    if scene.server.resources.find("user", tester) is None:
        scene.server.user(tester.removeprefix("u-"), administrator=True)
    return scene.parts.enabling.test_and_apply("openldap", scene.directory(slapd, **more), ANN, tester)


def test_test_and_apply_enables_links_and_allows(scene: Scene, slapd: Slapd) -> None:
    stored = enable(scene, slapd, accessMode="required")
    (ann,) = stored.spec["allowedPrincipalIds"]
    assert (stored.spec["enabled"], stored.spec["type"]) == (True, "openLdapConfig")
    assert ann.startswith("openldap_user://uid=ann")
    assert scene.server.resources.get("user", "u-boss").spec["principalIds"] == [ann, "local://u-boss"]
    token, _ = scene.parts.sessions.log_in("openldap", "ann", PASSWORD)
    assert token.parent == "u-boss"


def test_secrets_are_sealed_and_not_shown(scene: Scene, slapd: Slapd) -> None:
    stored = enable(scene, slapd)
    scene.enable("github")
    for secret in (READER_PASSWORD, SECRET):
        assert secret.encode() not in scene.server.rows()
    assert "serviceAccountPassword" not in stored.spec
    for config in scene.parts.configs.all_enabled():
        assert READER_PASSWORD not in repr(config)
        assert SECRET not in repr(config)
    assert PASSWORD not in repr(ANN)


def test_a_failed_test_stores_nothing(scene: Scene, slapd: Slapd) -> None:
    scene.server.user("boss", administrator=True)
    for login, change in ((Password("ann", "wrong"), {}), (ANN, {"userSearchBase": "dc=nowhere"})):
        with pytest.raises(Refused):
            scene.parts.enabling.test_and_apply("openldap", scene.directory(slapd, **change), login, "u-boss")
    assert scene.parts.configs.find("openldap") is None
    assert scene.server.resources.get("user", "u-boss").spec["principalIds"] == ["local://u-boss"]


def test_somebody_elses_principal_is_not_linked(scene: Scene, slapd: Slapd) -> None:
    enable(scene, slapd)
    scene.server.user("second", administrator=True)
    with pytest.raises(Invalid, match="another user's"):
        scene.parts.enabling.test_and_apply("openldap", scene.directory(slapd), ANN, "u-second")


def test_a_redirecting_provider_is_tried_out_in_the_browser(scene: Scene, issuer: Issuer) -> None:
    scene.server.user("boss", administrator=True)
    values = scene.values("github", accessMode="restricted")
    journey = scene.parts.enabling.configure_test("github", values, "u-boss")
    assert journey is not None
    back = Return(*issuer.approve(journey.url), journey.browser)
    with pytest.raises(Unauthorized):
        scene.parts.enabling.test_and_apply("github", values, back, "u-other")
    stored = scene.parts.enabling.test_and_apply("github", values, back, "u-boss")
    assert stored.spec["allowedPrincipalIds"] == ["github_user://1234"]
    assert scene.log_in("github")[0].parent == "u-boss"


def test_what_tries_a_provider_out_is_no_login_and_a_login_links_nobody(scene: Scene, issuer: Issuer) -> None:
    """Else somebody's login, finished in an administrator's browser, would become the administrator's own."""
    scene.server.user("boss", administrator=True)
    scene.enable("github")
    with pytest.raises(Refused):
        scene.parts.enabling.test_and_apply("github", scene.values("github"), ANN, "u-boss")
    with pytest.raises(Unauthorized):
        scene.parts.enabling.test_and_apply("github", scene.values("github"), scene.travel("github"), "u-boss")
    journey = scene.parts.enabling.configure_test("github", scene.values("github"), "u-boss")
    assert journey is not None
    with pytest.raises(Unauthorized):
        scene.parts.sessions.finish("github", Return(*issuer.approve(journey.url), journey.browser))


def test_a_directory_is_tried_without_a_login(scene: Scene, slapd: Slapd) -> None:
    assert scene.parts.enabling.configure_test("openldap", scene.directory(slapd), "u-boss") is None
    wrong = scene.directory(slapd, serviceAccountPassword="wrong")
    with pytest.raises(Refused, match="service account"):
        scene.parts.enabling.configure_test("openldap", wrong, "u-boss")


@pytest.mark.parametrize(
    ("mode", "allowed", "members", "admitted"),
    [
        ("unrestricted", [], [], True),
        ("restricted", [], [], False),
        ("restricted", ["github_user://1234"], [], True),
        ("restricted", ["github_org://7"], [], True),
        ("restricted", ["github_user://12345"], [], False),
        ("restricted", [], ["github_team://91"], True),
        ("restricted", [], ["github_user://1234"], True),
        ("restricted", [], ["github_team://92"], False),
        ("required", [], ["github_user://1234"], False),
        ("required", ["github_team://91"], [], True),
        ("required", ["oidc_user://1234"], [], False),
    ],
)
def test_access_modes(scene: Scene, mode: str, allowed: list[str], members: list[str], admitted: bool) -> None:
    scene.enable("github", accessMode=mode, allowedPrincipalIds=allowed)
    scene.members |= set(members)
    if admitted:
        assert scene.works(scene.log_in("github"))
        return
    with pytest.raises(Forbidden, match="not admitted"):
        scene.log_in("github")
    assert scene.server.resources.list("user").items == ()


def test_an_unknown_access_mode_admits_nobody(scene: Scene) -> None:
    scene.enable("github")
    scene.server.resources.update(
        Key("authConfig", "github"), lambda stored: replace(stored, spec={**stored.spec, "accessMode": "open"})
    )
    with pytest.raises(Forbidden):
        scene.log_in("github")


def test_changing_who_may_come_in_ends_the_sessions_of_who_may_not(scene: Scene) -> None:
    scene.enable("github")
    token = scene.log_in("github")
    scene.parts.enabling.admit("github", "required", ["github_team://91"])
    assert scene.works(token)
    scene.parts.enabling.admit("github", "required", ["github_team://92"])
    assert not scene.works(token)


def test_a_new_user_gets_the_default_role(scene: Scene) -> None:
    scene.enable("github")
    user = scene.log_in("github")[0].parent
    assert [grant.spec["globalRoleId"] for grant in scene.server.resources.all("globalRoleBinding", user)] == ["user"]


def test_a_disabled_user_stays_out(scene: Scene) -> None:
    scene.enable("github")
    token = scene.log_in("github")
    scene.server.resources.update(
        Key("user", token[0].parent), lambda user: replace(user, spec={**user.spec, "enabled": False})
    )
    assert not scene.works(token)
    with pytest.raises(Forbidden, match="disabled"):
        scene.log_in("github")


def test_a_deleted_user_comes_back_as_a_new_one_without_rights(scene: Scene) -> None:
    scene.enable("github")
    first = scene.log_in("github")[0].parent
    scene.server.resources.remove(Key("user", first))
    again = scene.log_in("github")
    assert scene.works(again)
    assert scene.server.resources.holder("username/") is None


def test_disabling_a_provider_ends_its_sessions(scene: Scene, slapd: Slapd) -> None:
    boss = scene.server.user("boss", administrator=True)
    enable(scene, slapd)
    scene.enable("github")
    linked = scene.parts.sessions.log_in("openldap", "ann", PASSWORD)
    bob = scene.parts.sessions.log_in("openldap", "bob", PASSWORD)
    derived = scene.server.token(bob[0].parent, derived=True)
    octo = scene.log_in("github")
    scene.parts.enabling.disable("openldap")
    assert not scene.works(linked)
    assert not scene.works(bob)
    # Bob has no other way in; the boss has a password, and Octo another provider.
    scene.server.parts.authenticator.trust.doubt()
    assert derived.get("/v3/users").status == 401
    assert boss.get("/v3/users").status == 200
    assert scene.works(octo)
    with pytest.raises(NotFound):
        scene.parts.sessions.log_in("openldap", "ann", PASSWORD)
    assert [config.name for config in scene.parts.configs.all_enabled()] == ["github"]


def test_an_inherited_token_ends_with_its_provider(scene: Scene, slapd: Slapd) -> None:
    scene.server.user("boss", administrator=True)
    enable(scene, slapd)
    session, _ = scene.parts.sessions.log_in("openldap", "ann", PASSWORD)
    derived = scene.login.issue("u-boss", 0, "api", {"isDerived": True, **tokens.inherited(session)})
    assert tokens.groups(derived[0]) == tokens.groups(session) != ()
    scene.parts.enabling.disable("openldap")
    assert not scene.works(derived)


@pytest.mark.parametrize("close", ["disable", "admit"])
def test_who_logs_in_while_the_provider_is_closed_is_out(scene: Scene, issuer: Issuer, close: str) -> None:
    scene.enable("github")
    back = scene.travel("github")

    def act(path: str) -> None:
        """Between the proof and the token: the teams are what is asked for last."""
        if not path.startswith("/api/v3/user/teams"):
            return
        if close == "disable":
            scene.parts.enabling.disable("github")
        else:
            scene.parts.enabling.admit("github", "required", [])

    issuer.before = act
    with pytest.raises(NotFound):
        scene.parts.sessions.finish("github", back)
    assert list(scene.server.resources.all("token")) == []


def test_another_place_ends_the_sessions(scene: Scene, slapd: Slapd) -> None:
    """The same name may be another person there."""
    enable(scene, slapd)
    bob = scene.parts.sessions.log_in("openldap", "bob", PASSWORD)
    enable(scene, slapd)
    assert scene.works(bob)
    enable(scene, slapd, servers=["localhost"])
    assert not scene.works(bob)


def test_applied_anew_with_fewer_allowed_the_others_are_out(scene: Scene, slapd: Slapd) -> None:
    enable(scene, slapd)
    ann, bob = [scene.parts.sessions.log_in("openldap", name, PASSWORD) for name in ("ann", "bob")]
    enable(scene, slapd, accessMode="required")
    assert scene.works(ann)
    assert not scene.works(bob)


def test_a_stored_secret_is_kept_unless_it_would_go_elsewhere(scene: Scene, slapd: Slapd) -> None:
    enable(scene, slapd)
    values = {name: value for name, value in scene.directory(slapd).items() if name != "serviceAccountPassword"}
    kept = scene.parts.configs.draft("openldap", values)
    assert kept.settings.service_account_password == READER_PASSWORD
    for change in ({"servers": ["evil.example"]}, {"port": 1389}, {"tls": True}):
        with pytest.raises(Invalid, match="serviceAccountPassword is required"):
            scene.parts.configs.draft("openldap", {**values, **change})


def test_several_providers_at_once(scene: Scene, slapd: Slapd) -> None:
    for name in ("github", "oidc"):
        scene.enable(name)
    scene.enable_directory(slapd)
    users = {scene.log_in("github")[0].parent, scene.log_in("oidc")[0].parent}
    users.add(scene.parts.sessions.log_in("openldap", "ann", PASSWORD)[0].parent)
    assert len(users) == 3


def test_a_directory_is_no_place_to_send_a_browser_to(scene: Scene, slapd: Slapd) -> None:
    scene.enable_directory(slapd)
    with pytest.raises(Refused):
        scene.parts.sessions.begin("openldap")
