"""Agents at the door of the standalone server: whoever was let in by a token goes when the token goes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import pytest

from chalicelib.clusters.registration import Admission, expelled
from chalicelib.types import Key
from standalone.agents import AgentSocket, Door
from standalone.tunnel import Tunnels
from tests.support.pipe import Pipe
from tests.support.server import Server, serving

HANDSHAKE = b"""GET /v3/connect HTTP/1.1\r
Host: lariat.test\r
Connection: Upgrade\r
Upgrade: websocket\r
Sec-WebSocket-Version: 13\r
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
X-API-Tunnel-Token: %b\r
\r
"""


class Scene:
    """A door, a cluster, and two tokens of it. ``meanwhile`` runs once, between an admission and what follows from it."""

    def __init__(self, server: Server, workers: Executor) -> None:
        admin = server.user("admin", administrator=True)
        cluster = admin.make("/v3/clusters", {"name": "one"})["id"]
        self.tokens = [admin.make("/v3/clusterregistrationtokens", {"clusterId": cluster}) for _ in range(2)]
        self.cluster = str(cluster)
        self.tunnels = Tunnels(lambda _: None)
        self.meanwhile: Callable[[], None] = lambda: None
        self._agents = server.parts.agents
        self._resources = server.resources
        self._door = Door(self, self.tunnels, workers, 20)
        self._tasks: set[asyncio.Task[None]] = set()

    def admit(self, token: str) -> Admission:
        admission = self._agents.admit(token)
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        return admission

    async def connect(self, number: int) -> Pipe:
        socket, pipe = AgentSocket(self._door, set(), self._tasks.add), Pipe()
        socket.connection_made(pipe)
        socket.data_received(HANDSHAKE % self.tokens[number]["token"].encode())
        while tasks := [task for task in self._tasks if not task.done()]:
            await asyncio.gather(*tasks)
        assert pipe.written.startswith(b"HTTP/1.1 101 ")
        return pipe

    async def delete(self, number: int) -> None:
        key = Key("clusterRegistrationToken", self.tokens[number]["id"])
        self._resources.remove(key)
        gone = expelled(self._resources, key)
        assert gone is not None
        await self.tunnels.drop(*gone)


Play = Callable[[Callable[[Scene], Awaitable[None]]], None]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    def run(part: Callable[[Scene], Awaitable[None]]) -> None:
        async def whole() -> None:
            with serving(tmp_path) as server, ThreadPoolExecutor(1) as workers:
                await part(Scene(server, workers))

        asyncio.run(whole())

    return run


def test_a_deleted_token_ends_what_was_opened_with_it_and_nothing_else(play: Play) -> None:
    async def part(scene: Scene) -> None:
        first, second = await scene.connect(0), await scene.connect(1)
        await scene.delete(1)
        assert (first.closing, second.closing) == (False, True)
        left = scene.tunnels.find(scene.cluster)
        assert left is not None
        assert left.token == scene.tokens[0]["id"]

    play(part)


def test_a_token_deleted_while_an_agent_comes_in_ends_that_too(play: Play) -> None:
    async def part(scene: Scene) -> None:
        loop = asyncio.get_running_loop()
        scene.meanwhile = lambda: asyncio.run_coroutine_threadsafe(scene.delete(0), loop).result(5)
        assert (await scene.connect(0)).closing

    play(part)
