"""Starts and stops the standalone server: certificates, store, edge, tunnels, work, and the cluster ``local``."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import fcntl
import gc
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import uvloop

from agent.kubernetes import Kubernetes
from chalicelib import main
from chalicelib.audit.recorder import Recorder
from chalicelib.auth.providers.due import DUE
from chalicelib.clusters.affected import woken
from chalicelib.clusters.registration import expelled
from chalicelib.errors import Unavailable
from chalicelib.gateway.agents import Terms
from chalicelib.main import Parts, on_sqlite
from chalicelib.tunnel.frames import MESSAGE
from chalicelib.types import Change, Key
from standalone import certificates, local
from standalone.agents import Door
from standalone.asgi import Edge
from standalone.certificates import Certificates
from standalone.direct import Direct
from standalone.forwarded import Network
from standalone.lambdas import Lambdas
from standalone.metrics import Metrics
from standalone.options import BadOption, Options
from standalone.proxy import Proxy
from standalone.rationing import Rationed
from standalone.subscribers import Hub
from standalone.tunnel import Bridge, Tunnels
from standalone.web import Web, listen
from standalone.work import Work

KEEPALIVE = 20
"""Seconds between two signs of life on an agent's connection."""

GRACE = 10.0
"""Seconds that agents get to come back after a restart before their clusters count as unavailable."""

REFRESH = 300.0
"""Seconds between two looks for users whose groups are old."""

API_THREADS = 24
"""More than clusters may hold up, as ``rationing.py`` has it: there is always one for a login."""

_Listener: TypeAlias = Callable[[Change], None]


class Fault(Exception):
    """The server can't start; the text is one line that says why."""


def serve(options: Options) -> None:
    """Serve until SIGINT or SIGTERM. Raises ``BadOption`` or ``Fault``."""
    with _locked(options.data), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(options))


async def _serve(options: Options) -> None:
    kubernetes = local.find(options)
    chosen = _certificates(options)
    try:
        listener = listen(options.host, options.port)
    except OSError as error:
        raise Fault(f"can't listen on {options.host}:{options.port}: {_reason(error)}") from error
    changes = _Changes()
    terms = Terms(keepalive=KEEPALIVE, lifetime=options.lifetime, frame=MESSAGE)
    recorder = _recorder(options)

    def moved(cluster: str) -> None:
        running.moved(cluster)

    tunnels = Tunnels(moved)
    transport = Rationed(Bridge(tunnels, asyncio.get_running_loop()))
    parts = on_sqlite(options.data, terms, {"cacerts": chosen.authority}, changes.heard, transport, recorder)
    log = contextlib.closing(recorder) if recorder else contextlib.nullcontext()
    with log, ThreadPoolExecutor(API_THREADS, "api") as workers, contextlib.closing(parts):
        password = await asyncio.get_running_loop().run_in_executor(workers, parts.bootstrap, options.password)
        running = _Running(parts, kubernetes, changes, workers, tunnels, recorder, options.proxies)
        web = Web(running.edge, chosen, lambda: print(_greeting(options, password), flush=True))
        running.start()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, running.stop, web)
        if recorder is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, recorder.reopen)
        # What stands by now lives as long as the server: the collector need not look at it again and again.
        gc.freeze()
        await web.serve([listener])
        # The loop goes on while they finish, as what they wait for may come over it.
        await asyncio.to_thread(workers.shutdown)


class _Running:
    """What runs while the server does: tunnels, the edge in front of them, and the reconciling work."""

    def __init__(
        self,
        parts: Parts,
        kubernetes: Kubernetes | None,
        changes: _Changes,
        workers: ThreadPoolExecutor,
        tunnels: Tunnels,
        recorder: Recorder | None,
        proxies: Sequence[Network] = (),
    ) -> None:
        self._parts = parts
        self._changes = changes
        self._loop = asyncio.get_running_loop()
        self._tunnels = tunnels
        self._reconciler = parts.reconciler(Bridge(self._tunnels, self._loop), self._enqueue)
        metrics = Metrics(parts.authenticator)
        self._work = Work(self._work_on, parts.clock, count=metrics.worked)
        self._kubernetes = kubernetes
        self._direct = Direct(local.LOCAL, kubernetes, self._tunnels) if kubernetes else None
        proxy = _proxy(parts, self._tunnels, recorder)
        door = Door(parts.agents, self._tunnels, workers, KEEPALIVE)
        self._hub = Hub(parts.subscriptions, self._loop, workers)
        self.edge = Edge(proxy, door, self._hub, Lambdas(lambda: parts, proxies), metrics, workers)

    def start(self) -> None:
        self._changes.tell(self._changed)
        if self._direct is not None and self._kubernetes is not None:
            local.ensure(self._parts, self._kubernetes)
            self._direct.start()
        for cluster in self._reconciler.clusters():
            self._work.add(cluster, GRACE)
        self._work.add(DUE, REFRESH)
        self._work.start()
        self._hub.start()

    def stop(self, web: Web) -> None:
        """Take no more requests, and end those that would go on for ever."""
        web.stop()
        self._work.stop()
        self._hub.stop()
        if self._direct is not None:
            self._direct.stop()
        self._tunnels.close()

    def _work_on(self, key: Key) -> float | None:
        if key != DUE:
            return self._reconciler.reconcile(key)
        return 0.0 if self._parts.refresh_memberships() else REFRESH

    def moved(self, cluster: str) -> None:
        """An agent came or went."""
        self._work.add(Key("cluster", cluster))

    def _changed(self, change: Change) -> None:
        """Something was written, by any thread."""
        key = change.key
        self._parts.changed(key)
        self._hub.heard(change)
        self._enqueue(woken([key]))
        if (gone := expelled(self._parts.resources, key)) is not None:
            asyncio.run_coroutine_threadsafe(self._tunnels.drop(*gone), self._loop)

    def _enqueue(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self._work.add(key)


class _Changes:
    """The in-process change feed: the store speaks before anybody listens, since it is there first."""

    def __init__(self) -> None:
        self._listener: _Listener = lambda _: None

    def tell(self, listener: _Listener) -> None:
        self._listener = listener

    def heard(self, changes: Sequence[Change]) -> None:
        for change in changes:
            self._listener(change)


def _recorder(options: Options) -> Recorder | None:
    try:
        return main.recorder(options.audit_level, options.audit_log, required=options.audit_required)
    except Unavailable as error:
        raise Fault(error.message) from error


def _proxy(parts: Parts, tunnels: Tunnels, recorder: Recorder | None) -> Proxy:
    if recorder is None:
        return Proxy(parts.gatekeeper, tunnels, parts.namespaces)
    from standalone.audited import AuditedProxy

    return AuditedProxy(parts.gatekeeper, tunnels, parts.namespaces, recorder)


def _certificates(options: Options) -> Certificates:
    if options.certificate and options.key:
        try:
            return certificates.given(options.certificate, options.key)
        except ValueError as error:
            raise BadOption(f"--certificate {str(options.certificate)!r}: {error}") from error
    names = (*options.hostnames, options.host)
    return certificates.own(options.data, names, datetime.datetime.now(datetime.UTC))


def _reason(error: OSError) -> str:
    """What the system says, without asyncio's repetition of the address."""
    return str(error.strerror or error).partition(" (while ")[0]


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
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


def _greeting(options: Options, password: str) -> str:
    lines = [f"Lariat is ready on {options.url}; its data is in {options.data}"]
    if options.certificate is None:
        lines += [f"Clients must trust its CA: curl --cacert {options.data / 'ca.pem'} {options.url}/v3"]
    if password and not options.password:
        lines += [f"The first administrator is `admin` with the password {password}", "It is shown this once only."]
    return "\n".join(lines)
