"""The whole table of who may do what with Lariat's own resources."""

from __future__ import annotations

import itertools

import pytest

from chalicelib.auth.access import CREATE, DELETE, READ, UPDATE, may, sees_all
from chalicelib.auth.identity import Identity
from chalicelib.auth.roles.kinds import OWN as OWN_LEVEL
from chalicelib.auth.roles.kinds import level, target
from chalicelib.schema.kinds import KINDS
from chalicelib.types import Resource
from tests.support.world import access, bind, library

ADMIN = Identity("u-admin", (), "token-a", True, access=access([bind("admin", user="u-admin")], library(), "u-admin"))
PLAIN = Identity("u-plain", (), "token-p", access=access([], library(), "u-plain"))
NOBODY = Identity("", (), "")
VERBS = (READ, CREATE, UPDATE, DELETE)
KIND_IDS = [kind.id for kind in KINDS]

OWN = {
    "token": Resource(kind="token", id="token-p", parent="u-plain"),
    "preference": Resource(kind="preference", id="u-plain:theme", parent="u-plain"),
    "user": Resource(kind="user", id="u-plain"),
    "cluster": Resource(kind="cluster", id="c-1", creator="u-plain"),
    "globalRoleBinding": Resource(kind="globalRoleBinding", id="grb-1", parent="u-plain", creator="u-plain"),
    "clusterRegistrationToken": Resource(kind="clusterRegistrationToken", id="c-1:crt-1", creator="u-plain"),
}
OTHERS = {
    "token": Resource(kind="token", id="token-a", parent="u-admin"),
    "preference": Resource(kind="preference", id="u-admin:theme", parent="u-admin", creator="u-plain"),
    "user": Resource(kind="user", id="u-admin", creator="u-plain"),
    "cluster": Resource(kind="cluster", id="c-2", creator="u-admin"),
    "globalRoleBinding": Resource(kind="globalRoleBinding", id="grb-2", parent="u-admin"),
    "clusterRegistrationToken": Resource(kind="clusterRegistrationToken", id="c-2:crt-1", creator="u-admin"),
}

GRANTED = {(kind, verb, whose) for kind in ("token", "preference") for verb in VERBS for whose in ("own", "kind")}
GRANTED |= {("user", READ, "own")}
GRANTED |= {(kind, READ, whose) for kind in ("setting", "principal") for whose in ("own", "others", "kind")}
"""All that a plain user may; ``kind`` is the question without a resource."""


PERSONAL = [kind for kind in KIND_IDS if level(target(kind)) == OWN_LEVEL]


def resource(kind: str, whose: str) -> Resource | None:
    if whose == "kind":
        return None
    known = OWN if whose == "own" else OTHERS
    parent = ("u-plain" if whose == "own" else "u-admin") if kind in PERSONAL else ""
    return known.get(kind, Resource(kind=kind, id="x", parent=parent))


TABLE = list(itertools.product(KIND_IDS, VERBS, ("own", "others", "kind")))


@pytest.mark.parametrize(("kind", "verb", "whose"), TABLE)
def test_a_plain_user(kind: str, verb: str, whose: str) -> None:
    assert may(PLAIN, verb, kind, resource(kind, whose)) is ((kind, verb, whose) in GRANTED)


@pytest.mark.parametrize(("kind", "verb", "whose"), TABLE)
def test_an_administrator(kind: str, verb: str, whose: str) -> None:
    """Everything, except for what is the plain user's alone."""
    assert may(ADMIN, verb, kind, resource(kind, whose)) is (kind not in PERSONAL or whose != "own")


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("kind", [kind for kind in KIND_IDS if kind != "setting"])
def test_nobody(kind: str, verb: str) -> None:
    """Who has not logged in has no identity; the one that stands for nobody may do nothing either."""
    for whose in ("own", "others"):
        assert may(NOBODY, verb, kind, resource(kind, whose)) is False


@pytest.mark.parametrize("verb", [*VERBS, "list", "*", ""])
def test_a_kind_that_is_not_known(verb: str) -> None:
    assert may(PLAIN, verb, "nosuch", Resource(kind="nosuch", id="x", creator="u-plain")) is False


@pytest.mark.parametrize("kind", KIND_IDS)
@pytest.mark.parametrize("identity", [ADMIN, PLAIN, NOBODY])
def test_who_sees_everything_may_read_each(identity: Identity, kind: str) -> None:
    """A list takes a short cut for them."""
    both = [resource(kind, "own"), resource(kind, "others")]
    known = [each for each in both if each is not None]
    seen = [each for each in known if may(identity, READ, kind, each)]
    assert not sees_all(identity, kind) or seen == known
