"""The composition root: builds the server's parts once per process, on the adapters that an edge chooses."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.system import SystemClock, SystemRandom
from chalicelib.api.application import Application
from chalicelib.api.assembly import assemble
from chalicelib.api.behaviour import Services
from chalicelib.api.entrance import Entrance
from chalicelib.api.public import Public
from chalicelib.api.sealing import Sealing
from chalicelib.api.subscriptions import Subscriptions
from chalicelib.auth.authenticate import Authenticator
from chalicelib.auth.login import Login, bootstrap
from chalicelib.auth.passwords import Passwords
from chalicelib.auth.providers.due import ATTRIBUTE, enabled
from chalicelib.auth.providers.members import is_member
from chalicelib.auth.rights import library
from chalicelib.auth.roles.records import entry
from chalicelib.auth.tokens import word
from chalicelib.clusters.client import ClusterClient, Transport
from chalicelib.errors import LariatError
from chalicelib.gateway.agents import Agents, Terms
from chalicelib.gateway.callers import Callers
from chalicelib.gateway.connections import Connections
from chalicelib.gateway.directory import Directory
from chalicelib.gateway.journal import Journal
from chalicelib.gateway.mailbox import Mailbox
from chalicelib.gateway.posting import Patience
from chalicelib.gateway.relay import Relay
from chalicelib.gateway.reply import Replies
from chalicelib.gateway.routes import Routes
from chalicelib.gateway.signing import Signer
from chalicelib.gateway.sockets import Sockets
from chalicelib.gateway.subscribers import KIND as SUBSCRIBER
from chalicelib.gateway.subscribers import Subscribers
from chalicelib.gateway.tickets import Tickets
from chalicelib.gateway.work import Work
from chalicelib.proxy.buffered import Buffered, Proxy
from chalicelib.proxy.gatekeeper import Gatekeeper
from chalicelib.proxy.namespaces import Namespaces
from chalicelib.reconcile import Enqueue, Reconciler
from chalicelib.schema.kinds import dependents
from chalicelib.store.notices import KIND as NOTICE
from chalicelib.store.removal import Dependent, Removal
from chalicelib.store.resources import Resources
from chalicelib.types import Change, Clock, Key, Post, Queue, Random, Seal, Store, Web

if TYPE_CHECKING:
    from chalicelib.adapters.aws import Account
    from chalicelib.adapters.telemetry import Telemetry
    from chalicelib.api.audited import Audited
    from chalicelib.audit.recorder import Recorder
    from chalicelib.auth.providers.admission import Membership
    from chalicelib.auth.providers.identities import Identities

OUTPUT = "-"
"""The audit log's place that stands for the standard output."""

AUDIT_LEVELS = ("0", "1", "2", "3")

ENDPOINT = "AWS_ENDPOINT_URL"
"""Where AWS is, if it is an emulator."""

AUTHORITIES = "AWS_CA_BUNDLE"
"""A file of those who may vouch for AWS. botocore's clients look it up by themselves; what posts messages is none."""

KEEPALIVE = 570
"""Seconds between two signs of life of an agent: API Gateway closes a connection that idles for ten minutes."""

PATIENCE = 2900
"""Seconds of silence after which an agent asks for an answer, which wakes a function. That its connection has died it
mostly learns from TCP, by the signs of life that are not acknowledged."""

PING = '{"action":"ping"}'
"""A sign of life that API Gateway takes by itself: ``infra/socket.tf`` has its route, and no function behind it."""

LINGER = 150
"""Seconds that a replaced connection stays open: other processes remember it for two minutes."""

AT_ONCE = 10
"""Users that one run asks providers about: one that does not answer takes its time with each."""

LIFETIME = 7000
"""Seconds after which an agent replaces its connection: API Gateway closes it after two hours."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the edges call."""

    api: Application | Audited
    identities: Callable[[], Identities]
    agents: Agents
    gatekeeper: Gatekeeper
    namespaces: Namespaces
    authenticator: Authenticator
    subscriptions: Subscriptions
    resources: Resources
    removal: Removal
    passwords: Passwords
    random: Random
    clock: Clock
    seal: Seal
    close: Callable[[], None]

    def bootstrap(self, password: str) -> str:
        """Create the first administrator if there never was one; return the password that was set, else ``""``."""
        return bootstrap(self.resources, self.passwords, self.random, password)

    def reconciler(self, transport: Transport, enqueue: Enqueue) -> Reconciler:
        """``enqueue`` takes the keys that follow from those that the reconciler is given."""
        client = ClusterClient(transport)
        return Reconciler(
            self.resources, client, self.clock, self.removal, enqueue, lambda: word(self.random, 5), self.seal
        )

    def refresh_memberships(self, limit: int = 100) -> bool:
        """Ask providers about users whose groups are old; say whether there may be more."""
        return bool(enabled(self.resources)) and self.identities().memberships.refresh_due(limit) == limit

    def changed(self, key: Key) -> None:
        """Something was written: if it is a notice, what was remembered is looked after at once."""
        if key.kind == NOTICE:
            self.authenticator.trust.doubt()


def build(
    store: Store,
    seal: Seal,
    clock: Clock,
    random: Random,
    terms: Terms,
    settings: Mapping[str, str],
    close: Callable[[], None],
    transport: Callable[[], Transport],
    environment: Mapping[str, str] = {},
    recorder: Recorder | None = None,
    web: Web | None = None,
) -> Parts:
    """``settings`` are those that follow from how the server was started, such as ``cacerts``.

    ``transport`` is asked for when the API needs a cluster. ``environment`` may give settings, as ``CATTLE_<NAME>``.
    ``web`` takes the place of HTTPS to identity providers.
    """
    resources = Resources(store, clock, random, gather=entry)
    passwords = Passwords()
    login = Login(resources, passwords, clock, random)
    authenticator = Authenticator(resources, clock)
    agents = Agents(resources, seal, terms)
    inside = {kind: [Dependent(*each) for each in those] for kind, those in dependents().items()}
    inside["user"].append(Dependent(ATTRIBUTE))
    removal = Removal(resources, inside)

    @cache
    def identities() -> Identities:
        def member(ids: Collection[str]) -> bool:
            return is_member(resources, ids)

        return identity_providers(
            resources, seal, clock, random, login, member, lambda: values.value("server-url"), web
        )

    services = Services(resources, removal, random, clock, Sealing(seal), authenticator.rights)
    registry, values, registrations, keys = assemble(
        services, login, passwords, seal, identities, settings, environment, lambda: ClusterClient(transport())
    )
    public = Public(resources, Entrance(resources, login, identities, keys, clock), identities)
    api = Application(authenticator, registry, values, registrations, public, agents, random)
    return Parts(
        api=_audited(api, authenticator, recorder) if recorder else api,
        identities=identities,
        agents=agents,
        gatekeeper=Gatekeeper(authenticator, resources, clock),
        namespaces=Namespaces(resources, lambda: ClusterClient(transport())),
        authenticator=authenticator,
        subscriptions=Subscriptions(authenticator, registry),
        resources=resources,
        removal=removal,
        passwords=passwords,
        random=random,
        clock=clock,
        seal=seal,
        close=close,
    )


def _audited(api: Application, authenticator: Authenticator, recorder: Recorder) -> Audited:
    from chalicelib.api.audited import Audited

    return Audited(api, authenticator, recorder)


def recorder(level: int, where: str, *, required: bool) -> Recorder | None:
    """Open the audit log: a file, or ``-`` for the output. ``None`` if nothing is to be recorded.

    Raises ``Unavailable``.
    """
    if not level:
        return None
    from chalicelib.adapters.audit import AuditFile, AuditOutput
    from chalicelib.audit.recorder import Recorder

    audit = AuditOutput() if where == OUTPUT else AuditFile(Path(where))
    return Recorder(level, audit, SystemClock(), SystemRandom(), required=required)


def identity_providers(
    resources: Resources,
    seal: Seal,
    clock: Clock,
    random: Random,
    login: Login,
    member: Membership,
    server_url: Callable[[], str],
    web: Web | None = None,
) -> Identities:
    """Build the identity providers on HTTPS and LDAP; ``member`` tells who is a member of a cluster or a project."""
    from chalicelib.adapters.https import Https
    from chalicelib.adapters.ldap import Ldap
    from chalicelib.auth.providers.identities import identities

    def roles() -> Iterable[str]:
        return library(resources).new_user_roles()

    return identities(resources, seal, clock, random, login, web or Https(), Ldap(), member, server_url, roles)


def on_sqlite(
    folder: Path,
    terms: Terms,
    settings: Mapping[str, str],
    notify: Callable[[Sequence[Change]], None],
    transport: Transport,
    recorder: Recorder | None = None,
) -> Parts:
    """Build on a database and a key in one folder, for one process. ``notify`` hears of every write."""
    from chalicelib.adapters.keyfile import KeyFile
    from chalicelib.adapters.sqlite import SqliteStore

    clock = SystemClock()
    database = folder / "lariat.db"
    seal = KeyFile(folder / "seal.key", fresh=not database.exists())
    store = SqliteStore(str(database), clock, notify)
    return build(
        store, seal, clock, SystemRandom(), terms, settings, store.close, lambda: transport, os.environ, recorder
    )


class OnLambda:
    """The AWS edge's parts, each built when it is first used: no function needs all of them.

    ``environment`` has what ``infra/`` sets: ``LARIAT_TABLE``, ``LARIAT_QUEUE_URL``, ``LARIAT_KMS_KEY``, the WebSocket
    API's ``LARIAT_SOCKET_URL`` (``wss://…``) and ``LARIAT_SOCKET_ENDPOINT`` (``https://…``, for posting),
    ``LARIAT_SECRET`` (for signatures: the secret itself, or its ARN in Secrets Manager), and ``LARIAT_URL``, where users
    find the REST API.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._clock = SystemClock()
        self._random = SystemRandom()

    @cached_property
    def parts(self) -> Parts:
        from chalicelib.adapters.dynamodb import DynamoStore
        from chalicelib.adapters.kms import Kms

        store = DynamoStore(
            self._given("LARIAT_TABLE"),
            self._clock,
            self._random,
            region=self._given("AWS_REGION"),
            host=self._environment.get(ENDPOINT) or None,
        )
        seal = Kms(lambda: self._account.client("kms"), self._given("LARIAT_KMS_KEY"), self._clock)
        terms = Terms(
            KEEPALIVE, LIFETIME, self._given("LARIAT_SOCKET_URL"), linger=LINGER, ping=PING, patience=PATIENCE
        )
        settings = {"server-url": self._environment.get("LARIAT_URL", ""), "socket-url": terms.url}
        return build(
            store,
            seal,
            self._clock,
            self._random,
            terms,
            settings,
            lambda: None,
            lambda: self._relay,
            self._environment,
            self._recorder,
        )

    @cached_property
    def proxy(self) -> Proxy:
        buffered = Buffered(self.parts.gatekeeper, self._relay, self.parts.namespaces)
        if self._recorder is None:
            return buffered
        from chalicelib.proxy.audited import AuditedBuffered

        return AuditedBuffered(buffered, self.parts.gatekeeper, self._recorder)

    @cached_property
    def _recorder(self) -> Recorder | None:
        """What is written to the output goes to CloudWatch."""
        level = self._environment.get("LARIAT_AUDIT_LEVEL", "0")
        if level not in AUDIT_LEVELS:
            raise LariatError(f"LARIAT_AUDIT_LEVEL {level!r}: one of {', '.join(AUDIT_LEVELS)} is needed")
        return recorder(int(level), OUTPUT, required=True)

    @cached_property
    def sockets(self) -> Sockets:
        return Sockets(
            lambda: self.parts.agents,
            lambda: self._connections,
            self._replies,
            self._tickets,
            self._callers,
            self._post,
            self._patience,
            self._queue,
            self._environment.get("LARIAT_URL", ""),
            lambda: self.subscribers,
            self._journal,
        )

    @cached_property
    def subscribers(self) -> Subscribers:
        return Subscribers(
            self.parts.subscriptions,
            self.parts.resources,
            self._post,
            self._patience,
            self._queue,
            self._clock,
            self._environment.get("LARIAT_URL", ""),
        )

    @cached_property
    def work(self) -> Work:
        reconciler = self.parts.reconciler(self._relay, self._queue.add)
        refresh = partial(self.parts.refresh_memberships, AT_ONCE)
        return Work(
            reconciler,
            self.parts.resources,
            self._connections,
            self._post,
            self._queue,
            refresh,
            self._count,
        )

    def jobs(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Do the jobs of the queue's event; the answer names those that have to come again."""
        from chalicelib.adapters import events

        return events.jobs(event, self._do)

    def changes(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Hand on the changes of a stream's event, likewise."""
        from chalicelib.adapters import events

        return events.changes(event, self._changed)

    def _do(self, key: Key, attempt: int, sent: float | None) -> None:
        if key.kind == SUBSCRIBER:
            self.subscribers.begin(key.id, attempt)
            return
        # One that comes again was to wait.
        waited = None if sent is None or attempt else max(0.0, self._clock.now() - sent)
        self.work.do(key, attempt, waited)

    def _count(self, key: Key, outcome: str, waited: float | None) -> None:
        self.telemetry.worked(key, outcome, waited)

    def _changed(self, changes: Sequence[Change]) -> None:
        for change in changes:
            self.parts.changed(change.key)
        self.work.changed([change.key for change in changes])
        self.subscribers.tell(changes)

    @cached_property
    def telemetry(self) -> Telemetry:
        from chalicelib.adapters.telemetry import Telemetry

        service = self._environment.get("POWERTOOLS_SERVICE_NAME", "lariat")
        return Telemetry(service, self._environment.get("LARIAT_LOG_LEVEL", "info"))

    def close(self) -> None:
        """Hang up, for a process that is told of its end; a Lambda's is not."""
        if "_mailbox" in self.__dict__:
            self._mailbox.close()

    @cached_property
    def _account(self) -> Account:
        from chalicelib.adapters.aws import Account

        return Account(self._given("AWS_REGION"), self._environment.get(ENDPOINT, ""))

    @cached_property
    def _relay(self) -> Relay:
        return Relay(
            self._mailbox,
            self._post,
            self._directory,
            self._replies,
            self._patience,
            self._clock,
            self._random,
        )

    @cached_property
    def _callers(self) -> Callers:
        return Callers(
            lambda: self.parts.gatekeeper,
            lambda: self._directory,
            Routes(self._signer, self._clock),
            self._replies,
            self._post,
            self._patience,
            self._journal,
        )

    @cached_property
    def _journal(self) -> Journal:
        if self._recorder is None:
            return Journal()
        from chalicelib.gateway.audited import AuditedJournal

        return AuditedJournal(lambda: self.parts.gatekeeper, self._recorder)

    @cached_property
    def _directory(self) -> Directory:
        # An agent replaces its connection in the last tenth of its lifetime.
        return Directory(self._connections, self._clock, settled=0.9 * LIFETIME)

    @cached_property
    def _mailbox(self) -> Mailbox:
        from chalicelib.adapters.line import WebSocketDial

        return Mailbox(WebSocketDial(self._given("LARIAT_SOCKET_URL")), self._tickets, self._clock)

    @cached_property
    def _connections(self) -> Connections:
        return Connections(self.parts.resources, self._clock, self._given("LARIAT_SOCKET_ENDPOINT"))

    @cached_property
    def _post(self) -> Post:
        from chalicelib.adapters.api_gateway import ApiGatewayPost

        return ApiGatewayPost(
            self._given("LARIAT_SOCKET_ENDPOINT"),
            self._given("AWS_REGION"),
            self._account.credentials,
            self._environment.get(AUTHORITIES, ""),
        )

    @cached_property
    def _queue(self) -> Queue:
        from chalicelib.adapters.sqs import SqsQueue

        return SqsQueue(lambda: self._account.client("sqs"), self._given("LARIAT_QUEUE_URL"))

    @cached_property
    def _signer(self) -> Signer:
        from chalicelib.adapters.secrets import signing_keys

        return Signer(signing_keys(self._given("LARIAT_SECRET"), self._account))

    @cached_property
    def _replies(self) -> Replies:
        return Replies(self._signer, self._clock)

    @cached_property
    def _tickets(self) -> Tickets:
        return Tickets(self._signer, self._clock, self._random)

    @cached_property
    def _patience(self) -> Patience:
        return Patience(self._clock, self._random, time.sleep)

    def _given(self, name: str) -> str:
        value = self._environment.get(name, "")
        if not value:
            raise LariatError(f"the environment variable {name} is not set")
        return value


def on_lambda() -> OnLambda:
    """Build on AWS."""
    return OnLambda(os.environ)
