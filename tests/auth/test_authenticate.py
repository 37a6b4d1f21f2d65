"""From headers to an identity, or to a refusal."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace

import pytest

from chalicelib.auth.identity import AUTHENTICATED, Identity
from chalicelib.auth.trust import SECONDS
from chalicelib.errors import Unauthorized
from chalicelib.types import Key, Resource
from tests.support.server import Caller, Server


@pytest.fixture
def plain(server: Server) -> Caller:
    return server.user("plain")


def show(server: Server, *authorization: str) -> Identity:
    return server.parts.authenticator.authenticate(authorization)


def basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


def credentials(caller: Caller) -> str:
    return caller.authorization.removeprefix("Bearer ")


def test_a_token_proves_its_user(server: Server, plain: Caller) -> None:
    assert show(server, plain.authorization) == Identity("u-plain", AUTHENTICATED, plain.token, name="plain")


def test_an_administrator_is_one(server: Server) -> None:
    assert show(server, server.user("admin", administrator=True).authorization).administrator is True


def test_a_tokens_cluster_is_known(server: Server, plain: Caller) -> None:
    assert show(server, server.token(plain.user, cluster="c-1").authorization).cluster == "c-1"


@pytest.mark.parametrize(
    "form",
    ["Bearer {}", "bearer {}", "BEARER {}", "bEARER {}", " Bearer {} ", "Bearer   {}"],
)
def test_forms_of_a_bearer(server: Server, plain: Caller, form: str) -> None:
    assert show(server, form.format(credentials(plain))).user == "u-plain"


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_name_and_key_may_come_as_user_and_password(server: Server, plain: Caller, scheme: str) -> None:
    assert show(server, basic(credentials(plain)).replace("Basic", scheme)).user == "u-plain"


@pytest.mark.parametrize(
    "form",
    [
        "",
        "{}",
        "Bearer",
        "Bearer ",
        "Bearer:{}",
        "Token {}",
        "Basic {}",
        "Bearer {}x",
        "Bearer {}:",
        "Bearer x{}",
        "Bearer :{}",
        "Bearer {} {}",
        "Bearer {}, Bearer {}",
        "Bearer token-1",
        "Bearer token-1:",
        "Bearer :",
        "Bearer token-nope:key",
        "Bearer {}\u00e9",
        "Basic é",
        "Basic " + base64.b64encode(b"\xff:\xff").decode(),
        "Basic " + base64.b64encode(b"token-1").decode(),
        "Bearer {}" + "x" * 512,
    ],
)
def test_what_proves_nothing(server: Server, plain: Caller, form: str) -> None:
    with pytest.raises(Unauthorized, match=r"^must authenticate$"):
        show(server, form.replace("{}", credentials(plain)))


def test_no_header_proves_nothing(server: Server, plain: Caller) -> None:
    with pytest.raises(Unauthorized):
        show(server)


def test_two_headers_prove_nothing(server: Server, plain: Caller) -> None:
    for second in (plain.authorization, "Bearer x:y", ""):
        with pytest.raises(Unauthorized):
            show(server, plain.authorization, second)


def test_a_name_with_the_key_of_another_proves_nothing(server: Server, plain: Caller) -> None:
    other = server.token(plain.user)
    with pytest.raises(Unauthorized):
        show(server, f"Bearer {plain.token}:{other.key}")


def disable(resource: Resource) -> Resource:
    return replace(resource, spec={**resource.spec, "enabled": False})


def doubt(resource: Resource) -> Resource:
    return replace(resource, spec={**resource.spec, "enabled": "yes"})


def go(resource: Resource) -> Resource:
    return replace(resource, removed="2026-11-24T08:00:00Z", finalizers=("cleaning-up",))


def orphan(resource: Resource) -> Resource:
    return replace(resource, parent="u-nope")


def unhash(resource: Resource) -> Resource:
    return replace(resource, status={})


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("token", disable, "user's token is not enabled"),
        ("token", doubt, "user's token is not enabled"),
        ("token", go, "must authenticate"),
        ("token", orphan, "user is not enabled"),
        ("token", unhash, "must authenticate"),
        ("user", disable, "user is not enabled"),
        ("user", doubt, "user is not enabled"),
        ("user", go, "user is not enabled"),
    ],
)
def test_what_is_switched_off_proves_nothing(
    server: Server, plain: Caller, kind: str, change: Callable[[Resource], Resource], message: str
) -> None:
    show(server, plain.authorization)
    server.resources.update(Key(kind, plain.token if kind == "token" else plain.user), change)
    with pytest.raises(Unauthorized) as caught:
        show(server, plain.authorization)
    assert caught.value.message == message


def test_a_removed_user_proves_nothing(server: Server, plain: Caller) -> None:
    server.resources.remove(Key("user", plain.user))
    with pytest.raises(Unauthorized):
        show(server, plain.authorization)


def test_an_expired_token_proves_nothing(server: Server, plain: Caller) -> None:
    short = server.token(plain.user, ttl=3000)
    assert show(server, short.authorization).user == "u-plain"
    server.clock.advance(3)
    with pytest.raises(Unauthorized):
        show(server, short.authorization)


def test_another_process_believes_a_token_for_five_seconds(server: Server, plain: Caller) -> None:
    show(server, plain.authorization)
    server.telling = False
    server.resources.remove(Key("token", plain.token))
    server.clock.advance(SECONDS - 0.1)
    assert show(server, plain.authorization).user == "u-plain"
    server.clock.advance(0.1)
    with pytest.raises(Unauthorized):
        show(server, plain.authorization)


def test_looking_does_not_prolong_the_belief(server: Server, plain: Caller) -> None:
    show(server, plain.authorization)
    server.telling = False
    server.resources.remove(Key("token", plain.token))
    for _ in range(4):
        server.clock.advance(1)
        show(server, plain.authorization)
    server.clock.advance(1)
    with pytest.raises(Unauthorized):
        show(server, plain.authorization)


def test_a_believed_token_is_not_read_again(server: Server, plain: Caller) -> None:
    first = show(server, plain.authorization)
    server.store.close()
    assert show(server, plain.authorization) is first


def test_belief_covers_the_whole_key(server: Server, plain: Caller) -> None:
    show(server, plain.authorization)
    with pytest.raises(Unauthorized):
        show(server, plain.authorization[:-1])


def test_what_is_forgotten_is_looked_up_again(server: Server, plain: Caller) -> None:
    show(server, plain.authorization)
    server.telling = False
    server.resources.remove(Key("token", plain.token))
    server.parts.authenticator.trust.doubt()
    with pytest.raises(Unauthorized):
        show(server, plain.authorization)


def test_a_lost_role_is_lost_at_once_where_the_change_is_told(server: Server) -> None:
    admin = server.user("admin", administrator=True)
    assert show(server, admin.authorization).administrator is True
    server.resources.remove(Key("globalRoleBinding", "grb-admin"))
    assert show(server, admin.authorization).administrator is False


@pytest.mark.parametrize(
    ("role", "removed", "is_one"), [("admin", "", True), ("user", "", False), ("admin", "x", False)]
)
def test_only_a_living_binding_makes_an_administrator(server: Server, role: str, removed: str, is_one: bool) -> None:
    spec = {"userId": "u-1", "globalRoleId": role}
    binding = Resource(kind="globalRoleBinding", id="grb-1", parent="u-1", spec=spec, removed=removed)
    server.resources.create(binding)
    rights = server.parts.authenticator.rights
    assert rights.of("u-1").administrator is is_one
    assert rights.of("u-2").administrator is False
