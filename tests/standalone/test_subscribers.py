"""The hub: what waits is bounded, what changes twice is told once, and one bad subscriber spoils nobody else's day."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request

from chalicelib.errors import Busy, Forbidden, Invalid, LariatError, NotFound, TooManyRequests, Unauthorized
from chalicelib.schema.subscription import Event
from chalicelib.types import Change, Key, Resource
from standalone import subscribers
from standalone.subscribers import BACKLOG, MOST_NEWS, MOST_OF_ONE, Hub, SubscriberSocket
from tests.support.lariat import eventually
from tests.support.pipe import Pipe
from tests.support.server import Caller, Server, serving

HANDSHAKE = b"""GET /v3/subscribe?resourceTypes=cluster HTTP/1.1\r
Host: lariat.test\r
Connection: Upgrade\r
Upgrade: websocket\r
Sec-WebSocket-Version: 13\r
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
Authorization: %b\r
\r
"""
CLUSTER = Key("cluster", "c-1")


class Scene:
    def __init__(self, server: Server, workers: ThreadPoolExecutor) -> None:
        self.server = server
        self.admin = server.user("admin", administrator=True)
        self.hub = Hub(server.parts.subscriptions, asyncio.get_running_loop(), workers)
        self.tasks: set[asyncio.Task[None]] = set()

    def request(self, path: str = "/v3/subscribe?resourceTypes=cluster", *headers: tuple[str, str]) -> Request:
        shown = headers or (("Authorization", self.admin.authorization),)
        return Request(path, Headers([("Host", "lariat.test"), *shown]))

    async def open(self, caller: Caller | None = None) -> tuple[SubscriberSocket, Pipe]:
        """A subscriber whose handshake is done."""
        socket, pipe = SubscriberSocket(self.hub, set(), self.tasks.add), Pipe()
        socket.connection_made(pipe)
        socket.data_received(HANDSHAKE % (caller or self.admin).authorization.encode())
        while tasks := [task for task in self.tasks if not task.done()]:
            await asyncio.gather(*tasks)
        assert pipe.written.startswith(b"HTTP/1.1 101 ")
        pipe.written.clear()
        return socket, pipe

    async def until(self, seen: Callable[[], bool]) -> None:
        await asyncio.to_thread(eventually, seen, "what the hub does")

    def write(self, id: str = "c-1", **spec: Any) -> None:
        self.server.resources.create(Resource(kind="cluster", id=id, spec={"name": id, **spec}))


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Callable[[Scene], Awaitable[None]]], None]:
    def run(part: Callable[[Scene], Awaitable[None]]) -> None:
        async def whole() -> None:
            with serving(tmp_path) as server, ThreadPoolExecutor(2) as workers:
                scene = Scene(server, workers)
                try:
                    await part(scene)
                finally:
                    scene.hub.stop()

        asyncio.run(whole())

    return run


Play = Callable[[Callable[[Scene], Awaitable[None]]], None]


def events(pipe: Pipe) -> list[str]:
    """The names of the events in what was written."""
    return [json.loads(f'"{part.split(chr(34))[0]}"') for part in pipe.written.decode("latin-1").split('{"name":"')[1:]]


def test_a_change_reaches_its_subscribers(play: Play) -> None:
    async def part(scene: Scene) -> None:
        _, first = await scene.open()
        _, second = await scene.open(scene.server.user("plain"))
        scene.hub.start()
        scene.write()
        scene.hub.heard(Change("1", CLUSTER, new=True))
        await scene.until(lambda: "resource.create" in events(first))
        assert events(second) == []

    play(part)


def test_what_changes_twice_is_told_once_and_stays_new(play: Play) -> None:
    async def part(scene: Scene) -> None:
        _, pipe = await scene.open()
        scene.write()
        for change in (Change("1", CLUSTER, new=True), Change("2", CLUSTER), Change("3", CLUSTER)):
            scene.hub.heard(change)
        scene.hub.start()
        await scene.until(lambda: bool(events(pipe)))
        assert events(pipe) == ["resource.create"]

    play(part)


def test_without_subscribers_nothing_waits(play: Play) -> None:
    async def part(scene: Scene) -> None:
        scene.hub.heard(Change("1", CLUSTER))
        socket, _ = await scene.open()
        for kind in ("token", "connection", "clusterRegistrationToken"):
            scene.hub.heard(Change("2", Key(kind, "1")))
        assert scene.hub._news == {}
        socket.closed()
        assert scene.hub._sockets == set()

    play(part)


def test_too_much_at_once_ends_all(play: Play) -> None:
    """They come back and are told what there is."""

    async def part(scene: Scene) -> None:
        _, pipe = await scene.open()
        for number in range(MOST_NEWS + 1):
            scene.hub.heard(Change("1", Key("cluster", f"c-{number}")))
        assert len(scene.hub._news) <= MOST_NEWS
        scene.hub.start()
        await scene.until(lambda: pipe.closing)
        assert b"too much has changed" in pipe.written

    play(part)


def test_a_revoked_subscriber_ends_alone(play: Play) -> None:
    async def part(scene: Scene) -> None:
        plain = scene.server.user("plain")
        _, gone = await scene.open(plain)
        _, other = await scene.open()
        scene.server.resources.remove(Key("token", plain.token))
        scene.write()
        scene.hub.heard(Change("1", CLUSTER))
        scene.hub.start()
        await scene.until(lambda: gone.closing and bool(events(other)))
        assert not other.closing

    play(part)


def test_who_does_not_read_is_cut_off(play: Play) -> None:
    async def part(scene: Scene) -> None:
        socket, pipe = await scene.open()
        pipe.deaf = True
        text = b'{"name":"resource.change"}' + b" " * (BACKLOG // 4)
        told = 0
        while not pipe.aborted:
            told += 1
            socket.tell([Event(CLUSTER, told, text)], False)
        assert told == 4

    play(part)


def test_who_asks_without_reading_is_cut_off(play: Play) -> None:
    async def part(scene: Scene) -> None:
        socket, pipe = await scene.open()
        pipe.deaf = True
        pipe.written += b"x" * (BACKLOG + 1)
        socket.data_received(b"")
        assert pipe.aborted

    play(part)


def test_what_is_older_than_a_change_is_not_told_after_it(play: Play) -> None:
    async def part(scene: Scene) -> None:
        socket, pipe = await scene.open()
        socket._newest = {}
        other = Key("cluster", "c-2")
        newer = Event(CLUSTER, 2, b'{"name":"newer"}')
        socket.tell([newer, Event(other, 1, b'{"name":"gone"}', removed=True)], False)
        socket._send_older([newer._replace(version=1, text=b'{"name":"older"}'), Event(other, 9, b'{"name":"ghost"}')])
        socket._send_older([newer._replace(version=3, text=b'{"name":"newest"}')])
        assert events(pipe) == ["newer", "gone", "newest"]

    play(part)


def test_there_is_room_for_so_many(play: Play) -> None:
    async def part(scene: Scene) -> None:
        for _ in range(MOST_OF_ONE):
            await scene.open()
        with pytest.raises(TooManyRequests):
            await scene.hub.admit(scene.request())
        socket, _ = await scene.open(scene.server.user("plain"))
        others = [SubscriberSocket(scene.hub, set(), scene.tasks.add) for _ in range(subscribers.MOST)]
        for number, other in enumerate(others):
            other.subscription = replace(socket.subscription, user=f"u-{number}")
            scene.hub.add(other)
        with pytest.raises(Busy):
            await scene.hub.admit(scene.request("/v3/subscribe", ("Authorization", _other(scene))))

    play(part)


def _other(scene: Scene) -> str:
    return scene.server.user("another").authorization


ORIGIN = ("Origin", "https://evil.test")


@pytest.mark.parametrize(
    ("path", "headers", "error"),
    [
        ("/v3/subscribe", [("Cookie", "R_SESS=x")], Unauthorized),
        ("/v3/subscribe", [("Cookie", "R_SESS=x"), ORIGIN], Forbidden),
        ("/v3/subscribe", [("Authorization", "Basic eDp5"), ORIGIN], Forbidden),
        ("/v3/subscribe", [("X-Api-Tunnel-Token", "x")], Unauthorized),
        ("/v3/subscribe?" + "a=b&" * 300, [], Invalid),
        ("/v3/clusters/c-absent/subscribe", [], NotFound),
        ("/v3/clusters/%2e%2e/subscribe", [], NotFound),
        ("/v3/subscribe?resourceTypes=absent", [], NotFound),
    ],
)
def test_who_is_refused(play: Play, path: str, headers: list[tuple[str, str]], error: type[LariatError]) -> None:
    async def part(scene: Scene) -> None:
        with pytest.raises(error):
            await scene.hub.admit(scene.request(path, *headers))

    play(part)


def test_our_own_page_is_let_in(play: Play) -> None:
    async def part(scene: Scene) -> None:
        cookie = ("Cookie", f"R_SESS={scene.admin.authorization.removeprefix('Bearer ')}")
        asked = await scene.hub.admit(scene.request("/v3/subscribe", cookie, ("Origin", "https://lariat.test")))
        assert asked.user == scene.admin.user

    play(part)
