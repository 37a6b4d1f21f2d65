"""A whole AWS edge in memory: store, gateway, routes and the relay, with every part in reach of a test."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from chalicelib.adapters.keyfile import KeyFile
from chalicelib.adapters.sqlite import SqliteStore
from chalicelib.audit.recorder import Recorder
from chalicelib.auth import tokens
from chalicelib.auth.authenticate import Authenticator
from chalicelib.auth.login import new_user
from chalicelib.auth.roles.records import entry
from chalicelib.clusters.registration import token_claim
from chalicelib.errors import Unavailable
from chalicelib.gateway.agents import Agents, Terms
from chalicelib.gateway.audited import AuditedJournal
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
from chalicelib.gateway.subscribers import Subscribers
from chalicelib.gateway.tickets import Tickets
from chalicelib.main import build
from chalicelib.proxy.gatekeeper import Gatekeeper
from chalicelib.store.resources import Resources
from chalicelib.tunnel.heads import RequestHead, ResponseHead
from chalicelib.types import Audit, Key, Resource
from tests.support.billed import BilledStore
from tests.support.clock import ManualClock
from tests.support.gateway import Gateway, GatewayAgent, echo
from tests.support.random import SeededRandom
from tests.support.transport import MemoryTransport

CLUSTER = "c-abcde"
TOKEN = "t" * tokens.KEY_LENGTH
KEY = b"k" * 32

Answer: TypeAlias = Callable[[RequestHead, bytes], tuple[ResponseHead, Sequence[bytes]]]


class ListedQueue:
    """A ``Queue`` whose keys the test takes out."""

    def __init__(self) -> None:
        self.jobs: list[tuple[Key, float, int]] = []
        self.failing = False
        self.requests = 0
        """What SQS bills for them: to send a key, to receive it, to delete it."""

    def add(self, keys: Iterable[Key], delay: float = 0.0, attempt: int = 0) -> None:
        if self.failing:
            raise Unavailable("the queue does not take the work")
        keys = list(keys)
        self.requests += 3 * len(set(keys))
        self.jobs += [(key, delay, attempt) for key in dict.fromkeys(keys)]


class Edge:
    """``process()`` makes the parts of one more Lambda process on the same gateway and store."""

    def __init__(self, folder: Path, audit: Audit | None = None, level: int = 1) -> None:
        self.clock = ManualClock()
        self.random = SeededRandom()
        self._database = SqliteStore(str(folder / "edge.db"), self.clock)
        self.store = BilledStore(self._database)
        self.resources = Resources(self.store, self.clock, self.random, gather=entry)
        self.gateway = Gateway(self.clock)
        self.connections = Connections(self.resources, self.clock, "https://edge.test")
        signer = Signer([KEY])
        self.replies = Replies(signer, self.clock)
        self.tickets = Tickets(signer, self.clock, self.random)
        self.patience = Patience(self.clock, self.random, self.gateway.sleep)
        self.seal, self.terms = KeyFile(folder / "seal.key", fresh=True), Terms(keepalive=480, lifetime=6600)
        agents = Agents(self.resources, self.seal, self.terms)
        self.queue = ListedQueue()
        self.routes = Routes(signer, self.clock)
        self.forget()
        journal = Journal()
        if audit is not None:
            recorder = Recorder(level, audit, self.clock, SeededRandom())
            journal = AuditedJournal(lambda: self._gatekeeper, recorder)
        callers = Callers(
            lambda: self._gatekeeper,
            lambda: self._directory,
            self.routes,
            self.replies,
            self.gateway,
            self.patience,
            journal,
        )
        self.sockets = Sockets(
            lambda: agents,
            lambda: self.connections,
            self.replies,
            self.tickets,
            callers,
            self.gateway,
            self.patience,
            self.queue,
            "https://edge.test",
            lambda: self.subscribers,
            journal,
        )
        self.gateway.routes = self.sockets
        self.resources.create(Resource(kind="cluster", id=CLUSTER))
        registration = Resource(
            kind="clusterRegistrationToken",
            id=f"{CLUSTER}:crt-1",
            parent=CLUSTER,
            unique=(token_claim(TOKEN),),
        )
        self.resources.create(registration)

    def agent(self, answer: Answer = echo) -> GatewayAgent:
        return GatewayAgent(self.gateway, answer).connect(TOKEN)

    def user(self, name: str, *, cluster: str = "") -> str:
        """Make a member of the cluster with a token, perhaps good for one cluster alone.

        Return the value of its ``Authorization`` header.
        """
        member = Resource(
            kind="clusterRoleTemplateBinding",
            id=f"{CLUSTER}:crtb-{name}",
            parent=CLUSTER,
            spec={"userId": name, "roleTemplateId": "cluster-member"},
        )
        self.resources.create(new_user(name, name, "", {}), member)
        spec = {"clusterId": cluster or None}
        self.resources.create(tokens.new(f"token-{name}", TOKEN, name, now=0, ttl=0, spec=spec, labels={}))
        return f"Bearer token-{name}:{TOKEN}"

    def forget(self) -> None:
        """From here on, callers' messages run in a process that knows nothing yet."""
        self._gatekeeper = Gatekeeper(Authenticator(self.resources, self.clock), self.resources, self.clock)
        self._directory = Directory(self.connections, self.clock)

    def process(self) -> Relay:
        mailbox = Mailbox(self.gateway, self.tickets, self.clock)
        directory = Directory(self.connections, self.clock)
        return Relay(mailbox, self.gateway, directory, self.replies, self.patience, self.clock, self.random)

    @cached_property
    def subscribers(self) -> Subscribers:
        return self.new_subscribers()

    def new_subscribers(self) -> Subscribers:
        """The part of one more process, which remembers nobody."""
        parts = build(self.store, self.seal, self.clock, self.random, self.terms, {}, lambda: None, MemoryTransport)
        return Subscribers(
            parts.subscriptions,
            self.resources,
            self.gateway,
            self.patience,
            self.queue,
            self.clock,
            "https://edge.test",
            # The gateway in memory is for one thread.
            posters=1,
        )

    def close(self) -> None:
        self._database.close()

    def reset_counts(self) -> None:
        self.gateway.counts.clear()
        self.store.counts.clear()
        self.queue.requests = 0

    @property
    def counts(self) -> dict[str, int]:
        """What AWS bills; ``calls`` of the database are not, but take time."""
        names = ("calls", "reads", "writes", "posts", "messages", "invocations")
        counted = {name: self.store.counts[name] + self.gateway.counts[name] for name in names}
        return {**counted, "queue": self.queue.requests}
