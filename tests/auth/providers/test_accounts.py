"""Which user a principal is: found, made, linked; never two."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.auth.login import Login
from chalicelib.auth.providers.accounts import Accounts, claim
from chalicelib.auth.providers.principal import Principal
from chalicelib.errors import NameTaken
from chalicelib.main import identity_providers
from chalicelib.store.resources import Resources
from tests.support.lariat import ROOT
from tests.support.random import SeededRandom
from tests.support.server import BASE, Server

OCTO = Principal(id="github_user://1234", kind="user", name="Octo Cat", login="octo")


@pytest.fixture
def accounts(server: Server) -> Accounts:
    return Accounts(server.resources, server.random, lambda: ["user"])


def test_a_user_is_made_once_with_the_id_that_rancher_gives(accounts: Accounts) -> None:
    user = accounts.find_or_make(OCTO)
    assert (len(user.id), user.id) == (12, "u-" + user.id[2:].lower())
    assert accounts.find_or_make(OCTO) == user
    assert accounts.find(f"local://{user.id}") == user
    assert accounts.find("github_user://12345") is None


def test_of_logins_at_once_one_makes_the_user(server: Server) -> None:
    def login(seed: int) -> str:
        random = SeededRandom(seed)
        return Accounts(Resources(server.store, server.clock, random), random, lambda: ["user"]).find_or_make(OCTO).id

    with ThreadPoolExecutor(4) as threads:
        ids = set(threads.map(login, range(1, 9)))
    assert len(ids) == 1
    assert [user.id for user in server.resources.all("user")] == list(ids)


def test_a_linked_principal_is_that_users(server: Server, accounts: Accounts) -> None:
    server.user("plain")
    server.user("other")
    accounts.link("u-plain", OCTO.id)
    accounts.link("u-plain", OCTO.id)
    found = accounts.find_or_make(OCTO)
    assert (found.id, found.spec["principalIds"]) == ("u-plain", [OCTO.id, "local://u-plain"])
    assert server.resources.holder("username/plain") == ("user", "u-plain")
    with pytest.raises(NameTaken):
        accounts.link("u-other", OCTO.id)


def test_another_principal_of_the_same_provider_replaces_the_first(server: Server, accounts: Accounts) -> None:
    server.user("plain")
    for id in (OCTO.id, "oidc_user://s", "github_user://2"):
        accounts.link("u-plain", id)
    assert server.resources.get("user", "u-plain").spec["principalIds"] == [
        "github_user://2",
        "oidc_user://s",
        "local://u-plain",
    ]
    assert server.resources.holder(claim(OCTO.id)) is None
    assert accounts.find_or_make(OCTO).id != "u-plain"


def test_an_id_that_is_in_use_is_not_taken(server: Server, accounts: Accounts) -> None:
    first = accounts.find_or_make(OCTO)
    accounts.link(first.id, "github_user://2")
    second = accounts.find_or_make(OCTO)
    assert second.id != first.id


def test_the_server_builds_the_providers(server: Server) -> None:
    parts = identity_providers(
        server.resources,
        server.seal,
        server.clock,
        server.random,
        Login(server.resources, server.parts.passwords, server.clock, server.random),
        lambda _: False,
        lambda: BASE,
    )
    assert list(parts.configs.all_enabled()) == []


def test_who_does_not_log_in_so_does_not_pay_for_it() -> None:
    """Each of these costs a tenth of a second of processor time, at every start of a Lambda."""
    program = """
import sys
import chalicelib.adapters.https, chalicelib.adapters.ldap, chalicelib.auth.providers.identities
print(sorted({"ldap3", "jose", "requests", "boto3"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"
