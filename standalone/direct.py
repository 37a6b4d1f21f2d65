"""A cluster that the server reaches by itself, with a kubeconfig: the agent's session runs inside this process.

The proxy sees a tunnel like any other, so there is one way for requests and not two.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from agent.kubernetes import Kubernetes
from agent.session import Session
from standalone.tunnel import Tunnel, Tunnels


class Inside:
    """An ``Outlet`` to the other end within this process.

    Nothing piles up in it: the streams' own flow control bounds what is under way.
    """

    full = False

    def __init__(self, receive: Callable[[bytes], None]) -> None:
        self._receive = receive
        self._loop = asyncio.get_running_loop()

    def send(self, message: bytes) -> None:
        # Not at once: each end's turn ends before the other's begins, as over a network.
        self._loop.call_soon(self._receive, message)

    async def drain(self) -> None:
        """There is always room."""


class Direct:
    """Connects one cluster for as long as the process lives."""

    def __init__(self, cluster: str, kubernetes: Kubernetes, tunnels: Tunnels) -> None:
        self._kubernetes = kubernetes
        self._tunnels = tunnels
        self._tunnel = Tunnel(cluster, Inside(self._to_session), self._hang_up, deflate=False)
        self._session = Session(Inside(self._tunnel.receive), kubernetes.upstream)

    def start(self) -> None:
        self._tunnels.add(self._tunnel)

    def stop(self) -> None:
        self._tunnels.remove(self._tunnel)
        self._session.close()
        self._kubernetes.upstream.close()

    def _to_session(self, message: bytes) -> None:
        self._session.receive(message)

    async def _hang_up(self) -> None:
        self.stop()
