"""The HTTPS server under the edge: uvicorn with our protocol class, our signals and our limits."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn

from standalone.asgi import Edge
from standalone.certificates import Certificates
from standalone.protocol import LariatProtocol

IDLE_SECONDS = 75
STOP_SECONDS = 3
BACKLOG = 1024


class Web(uvicorn.Server):
    """uvicorn without its own signal handling, so that Ctrl-C is a clean stop and no exception."""

    def __init__(self, edge: Edge, certificates: Certificates, started: Callable[[], None]) -> None:
        super().__init__(_config(edge, certificates))
        self._when_started = started

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self) -> None:
        """Take no more requests; drop connections that are idle, or on which a request has not been said to its end."""
        self.should_exit = True
        for connection in list(self.server_state.connections):
            if isinstance(connection, LariatProtocol) and not connection.busy:
                connection.transport.abort()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._when_started()


def listen(host: str, port: int) -> socket.socket:
    """Raises ``OSError``."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _config(edge: Edge, certificates: Certificates) -> uvicorn.Config:
    config = uvicorn.Config(
        edge,
        interface="asgi3",
        loop="none",
        http=LariatProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
        ssl_certfile=str(certificates.chain),
        ssl_keyfile=str(certificates.key),
    )
    config.load()
    return config
