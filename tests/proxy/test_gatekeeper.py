"""Who gets through to which cluster, on a real store."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.adapters.sqlite import SqliteStore
from chalicelib.auth import tokens
from chalicelib.auth.authenticate import Authenticator
from chalicelib.auth.login import new_user
from chalicelib.auth.roles.records import entry
from chalicelib.auth.trust import SECONDS
from chalicelib.errors import Forbidden, Invalid, LariatError, NotFound, Unauthorized
from chalicelib.proxy.gatekeeper import Admitted, Gatekeeper
from chalicelib.store.resources import Resources
from chalicelib.types import Key, Resource
from tests.support.clock import ManualClock
from tests.support.random import SeededRandom

A, B = "c-aaaaa", "c-bbbbb"
KEY = "k" * tokens.KEY_LENGTH


class House:
    """A store with an administrator, a plain user and two clusters, and the gatekeeper in front of it."""

    def __init__(self, store: SqliteStore, clock: ManualClock) -> None:
        self.clock = clock
        self.resources = Resources(store, clock, SeededRandom(), gather=entry)
        self.authenticator = Authenticator(self.resources, clock)
        self.gatekeeper = Gatekeeper(self.authenticator, self.resources, clock)
        for user in ("u-admin", "u-plain"):
            self.resources.create(new_user(user, user, "", {}))
        binding = {"userId": "u-admin", "globalRoleId": "admin"}
        self.resources.create(Resource(kind="globalRoleBinding", id="grb-1", parent="u-admin", spec=binding))
        for cluster in (A, B):
            self.resources.create(Resource(kind="cluster", id=cluster, spec={"name": cluster}))
            member = {"roleTemplateId": "cluster-member", "userId": "u-plain"}
            self.resources.create(
                Resource(kind="clusterRoleTemplateBinding", id=f"{cluster}:m", parent=cluster, spec=member)
            )
        self.admin = self.token("token-admin", "u-admin")
        self.plain = self.token("token-plain", "u-plain")

    def token(self, name: str, user: str, *, ttl: int = 0, cluster: str = "") -> str:
        """Store a token; return the value of its ``Authorization`` header."""
        new = tokens.new(name, KEY, user, now=self.clock.now(), ttl=ttl, spec={"clusterId": cluster or None}, labels={})
        self.resources.create(new)
        return f"Bearer {name}:{KEY}"

    def admit(self, *authorization: str, path: str = f"/k8s/clusters/{A}/api", query: str = "") -> Admitted:
        headers = [("authorization", value) for value in authorization]
        return self.gatekeeper.admit("GET", path, query, headers, False)

    def forget(self) -> None:
        """What the composition root does after a write."""
        self.authenticator.trust.doubt()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    clock = ManualClock()
    store = SqliteStore(str(tmp_path / "lariat.db"), clock)
    yield House(store, clock)
    store.close()


def test_a_user_is_admitted_as_himself(house: House) -> None:
    admitted = house.admit(house.plain)
    assert (admitted.identity.user, admitted.identity.administrator) == ("u-plain", False)
    assert admitted.target == (A, "/api", "")
    assert ("impersonate-user", "u-plain") in admitted.head.headers


def test_the_token_itself_goes_no_further(house: House) -> None:
    assert KEY not in repr(house.admit(house.admin).head)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_the_scheme_may_be_in_any_case(house: House, scheme: str) -> None:
    assert house.admit(f"{scheme} token-plain:{KEY}").identity.user == "u-plain"


def test_basic_with_a_token_is_admitted(house: House) -> None:
    pair = base64.b64encode(f"token-plain:{KEY}".encode()).decode()
    assert house.admit(f"Basic {pair}").identity.user == "u-plain"


BAD = {
    "empty": "",
    "no scheme": f"token-plain:{KEY}",
    "other scheme": f"Token token-plain:{KEY}",
    "no value": "Bearer ",
    "no key": "Bearer token-plain:",
    "no colon": "Bearer token-plain",
    "no name": f"Bearer :{KEY}",
    "wrong key": f"Bearer token-plain:{KEY[:-1]}x",
    "longer key": f"Bearer token-plain:{KEY}k",
    "part of the key": f"Bearer token-plain:{KEY[:-1]}",
    "other user's name": f"Bearer u-plain:{KEY}",
    "unknown": f"Bearer token-other:{KEY}",
    "the hash as the key": f"Bearer token-plain:{tokens.digest(KEY)}",
    "other case": f"Bearer TOKEN-PLAIN:{KEY}",
    "NUL": f"Bearer token-plain\x00:{KEY}",
    "letters beyond ASCII": "Bearer token-plain:é",
    "a comma": f"Bearer token-plain:{KEY},Bearer token-plain:{KEY}",
    "a tab": f"Bearer\ttoken-plain:{KEY}",
    "too long": "Bearer " + "x" * 100_000,
    "base64 of nothing": "Basic ",
    "not base64": "Basic !!!",
    "base64 of no UTF-8": "Basic " + base64.b64encode(b"\xff:\xff").decode(),
    "base64 without a colon": "Basic " + base64.b64encode(b"token-plain").decode(),
    "a plain pair as Basic": f"Basic token-plain:{KEY}",
}


@pytest.mark.parametrize("authorization", BAD.values(), ids=BAD.keys())
def test_a_bad_credential_is_nobody(house: House, authorization: str) -> None:
    with pytest.raises(Unauthorized):
        house.admit(authorization)


def test_basic_with_letters_beyond_ascii_is_nobody(house: House) -> None:
    with pytest.raises(Unauthorized):
        house.admit("Basic é")


def test_no_credential_is_nobody(house: House) -> None:
    with pytest.raises(Unauthorized):
        house.admit()


@pytest.mark.parametrize("order", [("good", "bad"), ("bad", "good"), ("good", "good")])
def test_two_credentials_are_nobody(house: House, order: tuple[str, str]) -> None:
    values = {"good": house.plain, "bad": "Bearer token-admin:x"}
    with pytest.raises(Unauthorized):
        house.admit(*(values[each] for each in order))


def test_who_is_nobody_learns_nothing_about_paths_or_clusters(house: House) -> None:
    for path in ("/k8s/clusters/c-nope1/api", f"/k8s/clusters/{A}/../x", "/k8s/nothing"):
        with pytest.raises(Unauthorized):
            house.admit("Bearer a:b", path=path)


def test_a_token_is_good_until_it_expires(house: House) -> None:
    short = house.token("token-short", "u-plain", ttl=2000)
    house.admit(short)
    house.clock.advance(2)
    with pytest.raises(Unauthorized):
        house.admit(short)


def test_a_deleted_token_is_nobody(house: House) -> None:
    house.admit(house.plain)
    house.resources.remove(Key("token", "token-plain"))
    house.forget()
    with pytest.raises(Unauthorized):
        house.admit(house.plain)


def test_a_token_that_another_process_deleted_dies_within_seconds(house: House) -> None:
    house.admit(house.plain)
    house.resources.remove(Key("token", "token-plain"))
    house.clock.advance(SECONDS)
    with pytest.raises(Unauthorized):
        house.admit(house.plain)


def test_a_disabled_token_is_nobody(house: House) -> None:
    key = Key("token", "token-plain")
    house.resources.update(key, lambda token: replace(token, spec={**token.spec, "enabled": False}))
    with pytest.raises(Unauthorized):
        house.admit(house.plain)


@pytest.mark.parametrize("enabled", [False, None, "true", 0])
def test_a_user_that_is_not_plainly_enabled_is_nobody(house: House, enabled: object) -> None:
    house.resources.update(Key("user", "u-plain"), lambda user: replace(user, spec={**user.spec, "enabled": enabled}))
    with pytest.raises(Unauthorized):
        house.admit(house.plain)


def test_a_token_whose_user_is_gone_is_nobody(house: House) -> None:
    house.resources.remove(Key("user", "u-plain"))
    with pytest.raises(Unauthorized):
        house.admit(house.plain)


def test_a_token_whose_user_is_going_is_nobody(house: House) -> None:
    key = Key("user", "u-plain")
    house.resources.update(key, lambda user: replace(user, finalizers=("x",), removed="2026-11-24T08:00:00Z"))
    with pytest.raises(Unauthorized):
        house.admit(house.plain)


def test_a_token_of_one_cluster_is_good_there_alone(house: House) -> None:
    scoped = house.token("token-scoped", "u-admin", cluster=A)
    assert house.admit(scoped).target.cluster == A
    with pytest.raises(Unauthorized, match="clusterID does not match"):
        house.admit(scoped, path=f"/k8s/clusters/{B}/api")


def test_a_token_of_one_cluster_does_not_tell_whether_another_exists(house: House) -> None:
    scoped = house.token("token-scoped", "u-admin", cluster=A)
    with pytest.raises(Unauthorized, match="clusterID does not match"):
        house.admit(scoped, path="/k8s/clusters/c-nope1/api")


@pytest.mark.parametrize(("who", "error"), [("admin", NotFound), ("plain", Forbidden)])
def test_an_unknown_cluster_is_missing_for_an_administrator_and_forbidden_for_others(
    house: House, who: str, error: type[LariatError]
) -> None:
    with pytest.raises(error):
        house.admit({"admin": house.admin, "plain": house.plain}[who], path="/k8s/clusters/c-nope1/api")


def test_a_removed_cluster_is_missing(house: House) -> None:
    house.admit(house.admin)
    house.resources.remove(Key("cluster", A))
    house.forget()
    with pytest.raises(NotFound):
        house.admit(house.admin)


def test_a_cluster_that_is_going_is_missing(house: House) -> None:
    key = Key("cluster", A)
    house.resources.update(key, lambda cluster: replace(cluster, finalizers=("x",), removed="2026-11-24T08:00:00Z"))
    with pytest.raises(NotFound):
        house.admit(house.admin)


def test_one_users_admission_is_not_anothers(house: House) -> None:
    assert house.admit(house.admin).identity.administrator
    assert not house.admit(house.plain).identity.administrator
    with pytest.raises(Unauthorized):
        house.admit(f"Bearer token-admin:{KEY[:-1]}x")


def test_rights_that_were_taken_away_are_gone(house: House) -> None:
    assert house.admit(house.admin).identity.administrator
    house.resources.remove(Key("globalRoleBinding", "grb-1"))
    house.forget()
    with pytest.raises(Forbidden, match="no access"):
        house.admit(house.admin)


def test_a_hostile_path_is_refused_for_a_known_user_too(house: House) -> None:
    with pytest.raises(Invalid):
        house.admit(house.admin, path=f"/k8s/clusters/{A}/../{B}/api")


def test_who_has_no_role_in_a_cluster_does_not_get_in(house: House) -> None:
    assert house.admit(house.plain).identity.user == "u-plain"
    house.resources.remove(Key("clusterRoleTemplateBinding", f"{A}:m"))
    house.forget()
    with pytest.raises(Forbidden, match="no access"):
        house.admit(house.plain)
    assert house.admit(house.plain, path=f"/k8s/clusters/{B}/api").target.cluster == B


def test_a_role_of_a_group_lets_its_members_in(house: House) -> None:
    house.resources.remove(Key("clusterRoleTemplateBinding", f"{A}:m"))
    spec = {"roleTemplateId": "cluster-member", "groupPrincipalId": "team://red"}
    house.resources.create(Resource(kind="clusterRoleTemplateBinding", id=f"{A}:g", parent=A, spec=spec))
    member = tokens.new("token-red", KEY, "u-plain", now=0, ttl=0, spec={"groupPrincipals": ["team://red"]}, labels={})
    house.resources.create(member)
    assert house.admit(f"Bearer token-red:{KEY}").identity.groups[-1] == "team://red"
    with pytest.raises(Forbidden):
        house.admit(house.plain)
