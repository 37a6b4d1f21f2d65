"""Starts and stops the standalone server: certificates, store, edge, tunnels, work, and the cluster ``local``."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import fcntl
import logging
import os
import signal
import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import uvicorn

from agent.errors import AgentError
from agent.kubernetes import Kubernetes, from_kubeconfig
from chalicelib.api.clusters import name_claim
from chalicelib.controllers.readiness import waiting
from chalicelib.errors import AlreadyExists
from chalicelib.gateway.agents import Terms
from chalicelib.main import Parts, on_sqlite
from chalicelib.store.resources import timestamp
from chalicelib.tunnel.frames import MESSAGE
from chalicelib.types import Change, Key, Resource
from standalone import certificates
from standalone.asgi import Edge
from standalone.direct import Direct
from standalone.lambdas import Lambdas
from standalone.options import BadOption, Options
from standalone.proxy import Proxy
from standalone.switch import LariatProtocol
from standalone.tunnel import Bridge, Tunnels
from standalone.work import Work

log = logging.getLogger("lariat.server")

LOCAL = "local"
KEEPALIVE = 20
LIFETIME = 24 * 3600
GRACE = 10.0
"""Seconds that agents get to come back after a restart before their clusters count as unavailable."""

STOP_SECONDS = 3


class Fault(Exception):
    """The server can't start; the text is one line that says why."""


class Server:
    def __init__(self, options: Options) -> None:
        self._options = options
        self._kubernetes = _local_cluster(options)
        self._changes: list[Work] = []
        self._parts, self._certificates = self._build()

    def run(self) -> None:
        """Serve until SIGINT or SIGTERM."""
        with asyncio.Runner(loop_factory=_loop) as runner:
            runner.run(self._serve())
        self._parts.close()

    def _build(self) -> tuple[Parts, certificates.Certificates]:
        options = self._options
        if options.certificate and options.key:
            chosen = certificates.given(options.certificate, options.key)
        else:
            names = (*options.hostnames, options.host)
            chosen = certificates.own(options.data, names, datetime.datetime.now(datetime.UTC))
        terms = Terms(keepalive=KEEPALIVE, lifetime=LIFETIME)
        return on_sqlite(options.data, terms, {"cacerts": chosen.authority}, self._notify), chosen

    def _notify(self, changes: Sequence[Change]) -> None:
        for change in changes:
            self._parts.changed(change)
            for work in self._changes:
                self._enqueue(work, change.key)

    def _enqueue(self, work: Work, key: Key) -> None:
        if key.kind == "cluster":
            work.add(key)
        elif key.kind == "globalRoleBinding":
            for cluster in self._reconciler.clusters():
                work.add(cluster)

    async def _serve(self) -> None:
        parts = self._parts
        listener = _listen(self._options)
        tunnels = Tunnels(lambda cluster: work.add(Key("cluster", cluster)))
        self._reconciler = parts.reconciler(Bridge(tunnels, asyncio.get_running_loop()))
        work = Work(self._reconciler.reconcile, parts.clock)
        workers = ThreadPoolExecutor(8, "api")
        edge = Edge(Proxy(parts.gatekeeper, tunnels), tunnels, parts.agents, Lambdas(lambda: parts), workers)
        server = _Uvicorn(self._config(edge))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, server.stop, tunnels)
        password = await loop.run_in_executor(workers, parts.bootstrap, self._options.password)
        self._changes.append(work)
        direct = self._connect_local(tunnels)
        for cluster in self._reconciler.clusters():
            work.add(cluster, GRACE)
        work.start()
        server.greeting = _greeting(self._options, password)
        await server.serve([listener])
        work.stop()
        if direct is not None:
            direct.stop()
        tunnels.close()
        workers.shutdown(wait=True)

    def _connect_local(self, tunnels: Tunnels) -> Direct | None:
        if self._kubernetes is None:
            return None
        _ensure_local(self._parts, self._kubernetes)
        direct = Direct(LOCAL, self._kubernetes, tunnels)
        direct.start()
        return direct

    def _config(self, edge: Edge) -> uvicorn.Config:
        config = uvicorn.Config(
            edge,
            interface="asgi3",
            loop="none",
            http=LariatProtocol,
            ws="websockets-sansio",
            ws_max_size=MESSAGE,
            ws_ping_interval=KEEPALIVE,
            ws_ping_timeout=KEEPALIVE,
            ws_per_message_deflate=False,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=STOP_SECONDS,
            ssl_certfile=str(self._certificates.chain),
            ssl_keyfile=str(self._certificates.key),
        )
        config.load()
        return config


class _Uvicorn(uvicorn.Server):
    """uvicorn without its own signal handling, so that Ctrl-C is a clean stop and no exception."""

    greeting: str = ""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(self.greeting, flush=True)

    def stop(self, tunnels: Tunnels) -> None:
        """Stop taking requests and end those that would go on for ever."""
        self.should_exit = True
        tunnels.close()


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Own a data folder: two servers on one would undo each other's work. Raises ``Fault``."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise BadOption(f"--data {str(folder)!r}: {error.strerror}") from error
    with os.fdopen(descriptor, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Fault(f"another Lariat runs on the data folder {folder}") from None
        yield


def _local_cluster(options: Options) -> Kubernetes | None:
    if options.kubeconfig is None:
        return None
    try:
        return from_kubeconfig(options.kubeconfig)
    except AgentError as error:
        if options.demanded:
            raise BadOption(f"--local-kubeconfig: {error}") from error
        log.warning("there will be no cluster `local`: %s", error)
        return None


def _ensure_local(parts: Parts, kubernetes: Kubernetes) -> None:
    facts = kubernetes.describe()
    status = {"driver": "imported", "apiEndpoint": f"https://{facts.address}", "caCert": facts.certificate}
    if parts.resources.find("cluster", LOCAL) is not None:
        parts.resources.update(
            Key("cluster", LOCAL), lambda stored: replace(stored, status={**stored.status, **status})
        )
        return
    cluster = Resource(
        kind="cluster",
        id=LOCAL,
        spec={"name": LOCAL, "internal": True, "description": "the cluster of the kubeconfig at the start"},
        status=status,
        unique=(name_claim(LOCAL),),
    )
    with contextlib.suppress(AlreadyExists):
        parts.resources.create(waiting(cluster, timestamp(parts.clock.now())))


def _listen(options: Options) -> socket.socket:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    try:
        listener = socket.create_server((options.host, options.port), family=family, backlog=1024)
    except OSError as error:
        raise Fault(f"can't listen on {options.host}:{options.port}: {error.strerror}") from error
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _greeting(options: Options, password: str) -> str:
    lines = [f"Lariat is ready on {options.url}"]
    if password and not options.password:
        lines += [f"The first administrator is `admin` with the password {password}", "It is shown this once only."]
    return "\n".join(lines)


def _loop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()
