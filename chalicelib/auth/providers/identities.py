"""The identity providers as one part: everything of this package, built on one store. ``chalicelib/main.py`` makes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from chalicelib.auth.login import Login
from chalicelib.auth.providers.accounts import Accounts
from chalicelib.auth.providers.admission import Membership
from chalicelib.auth.providers.attributes import Attributes
from chalicelib.auth.providers.catalogue import Catalogue
from chalicelib.auth.providers.configs import Configs
from chalicelib.auth.providers.enabling import Enabling
from chalicelib.auth.providers.ending import Ending
from chalicelib.auth.providers.lookup import Lookup
from chalicelib.auth.providers.memberships import Memberships
from chalicelib.auth.providers.pending import Pending
from chalicelib.auth.providers.sessions import Sessions
from chalicelib.store.resources import Resources
from chalicelib.types import Clock, Directory, Random, Seal, Web

CALLBACK = "/verify-auth"
"""Where providers send browsers back to, below the server's URL; the path is Rancher's."""


@dataclass(frozen=True, slots=True)
class Identities:
    accounts: Accounts
    configs: Configs
    enabling: Enabling
    sessions: Sessions
    memberships: Memberships
    lookup: Lookup


def identities(
    resources: Resources,
    seal: Seal,
    clock: Clock,
    random: Random,
    login: Login,
    web: Web,
    directory: Directory,
    member: Membership,
    server_url: Callable[[], str],
    roles: Callable[[], Iterable[str]],
) -> Identities:
    """``member`` tells whether one of some principals is a member of a cluster or a project, ``roles`` a new user's."""

    def callback() -> str:
        url = server_url()
        return f"{url.rstrip('/')}{CALLBACK}" if url else ""

    configs = Configs(resources, seal)
    catalogue = Catalogue(directory, web, clock)
    attributes = Attributes(resources, seal, clock)
    accounts = Accounts(resources, random, roles)
    pending = Pending(resources, seal, clock, random)
    ending = Ending(resources, configs, attributes)
    memberships = Memberships(resources, configs, catalogue, attributes, ending, clock, member)
    return Identities(
        accounts=accounts,
        configs=configs,
        enabling=Enabling(configs, catalogue, accounts, attributes, memberships, ending, pending, callback),
        sessions=Sessions(resources, configs, catalogue, accounts, attributes, pending, login, member, callback),
        memberships=memberships,
        lookup=Lookup(resources, configs, catalogue, attributes),
    )
