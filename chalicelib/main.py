"""The composition root: builds the server's parts once per process, on the adapters that an edge chooses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chalicelib.adapters.system import SystemClock, SystemRandom
from chalicelib.api.application import Application
from chalicelib.api.behaviour import Behaviour
from chalicelib.api.bindings import GlobalRoleBindings
from chalicelib.api.clusters import Clusters
from chalicelib.api.public import Public
from chalicelib.api.registrations import Registrations
from chalicelib.api.settings import Settings
from chalicelib.api.tokens import Tokens
from chalicelib.api.users import Users
from chalicelib.auth.authenticate import Authenticator
from chalicelib.auth.login import Login, bootstrap
from chalicelib.auth.passwords import Passwords
from chalicelib.clusters.client import ClusterClient, Transport
from chalicelib.errors import LariatError
from chalicelib.gateway.agents import Agents, Terms
from chalicelib.proxy.gatekeeper import Gatekeeper
from chalicelib.reconcile import Reconciler
from chalicelib.schema import kinds
from chalicelib.store.resources import Resources
from chalicelib.types import Change, Clock, Key, Random, Seal, Store


@dataclass(frozen=True, slots=True)
class Parts:
    """What the edges call."""

    api: Application
    agents: Agents
    gatekeeper: Gatekeeper
    authenticator: Authenticator
    resources: Resources
    passwords: Passwords
    random: Random
    clock: Clock
    close: Callable[[], None]

    def bootstrap(self, password: str) -> str:
        """Create the first administrator if there never was one; return the password that was set, else ``""``."""
        return bootstrap(self.resources, self.passwords, self.random, password)

    def reconciler(self, transport: Transport) -> Reconciler:
        return Reconciler(self.resources, ClusterClient(transport), self.clock)

    def changed(self, key: Key) -> None:
        """Something was written: what was remembered of it counts no more."""
        if key.kind in ("token", "user", "globalRoleBinding"):
            self.authenticator.forget()
        if key.kind == "cluster":
            self.gatekeeper.forget()


def build(
    store: Store,
    seal: Seal,
    clock: Clock,
    random: Random,
    terms: Terms,
    settings: Mapping[str, str],
    close: Callable[[], None],
) -> Parts:
    """``settings`` are those that follow from how the server was started, such as ``cacerts``."""
    resources = Resources(store, clock, random)
    passwords = Passwords()
    login = Login(resources, passwords, clock, random)
    authenticator = Authenticator(resources, clock)
    agents = Agents(resources, seal, terms)
    values = Settings(kinds.SETTING, resources, random, settings)
    registrations = Registrations(kinds.REGISTRATION_TOKEN, resources, random, seal, values)
    behaviours: list[Behaviour] = [
        Clusters(kinds.CLUSTER, resources, random, clock, login, values),
        GlobalRoleBindings(kinds.GLOBAL_ROLE_BINDING, resources, random),
        Tokens(kinds.TOKEN, resources, random, login, clock),
        Users(kinds.USER, resources, random, passwords, login, values),
        registrations,
        values,
    ]
    api = Application(
        authenticator,
        {behaviour.kind.id: behaviour for behaviour in behaviours},
        values,
        registrations,
        Public(login, clock),
        agents,
    )
    return Parts(
        api=api,
        agents=agents,
        gatekeeper=Gatekeeper(authenticator, resources, clock),
        authenticator=authenticator,
        resources=resources,
        passwords=passwords,
        random=random,
        clock=clock,
        close=close,
    )


def on_sqlite(
    folder: Path, terms: Terms, settings: Mapping[str, str], notify: Callable[[Sequence[Change]], None]
) -> Parts:
    """Build on a database and a key in one folder, for one process. ``notify`` hears of every write."""
    from chalicelib.adapters.keyfile import KeyFile
    from chalicelib.adapters.sqlite import SqliteStore

    clock = SystemClock()
    database = folder / "lariat.db"
    seal = KeyFile(folder / "seal.key", fresh=not database.exists())
    store = SqliteStore(str(database), clock, notify)
    return build(store, seal, clock, SystemRandom(), terms, settings, store.close)


def on_lambda() -> Parts:
    """Build on AWS."""
    raise LariatError(
        "the AWS edge is not finished: secrets on KMS and the tunnel's relay are missing; run it standalone"
    )
