"""A proxied request that Lariat refuses says when to come again, like ``chalicelib/proxy/buffered.py`` on AWS."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from chalicelib.errors import Busy, Forbidden, LariatError, TooManyRequests
from chalicelib.proxy.buffered import refusal
from chalicelib.proxy.gatekeeper import Admitted, Gatekeeper
from standalone.proxy import Proxy
from standalone.switch import Switch

SCOPE: dict[str, Any] = {
    "method": "GET",
    "raw_path": b"/k8s/clusters/c-1/api",
    "query_string": b"",
    "headers": [],
}


class Refusing(Gatekeeper):
    """Lets nobody in, for one reason."""

    def __init__(self, error: LariatError) -> None:
        self._error = error

    def admit(self, method: str, path: str, query: str, headers: Sequence[tuple[str, str]], deflate: bool) -> Admitted:
        raise self._error


class Entrance(asyncio.Protocol):
    """Hands a connection to a ``Switch``, as the server's protocol does for an upgrade."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy

    def connection_made(self, transport: Any) -> None:
        switch = Switch(self._proxy, SCOPE, transport, set())
        transport.set_protocol(switch)
        self._task = asyncio.get_running_loop().create_task(switch.run())


async def upgraded(proxy: Proxy) -> tuple[int, dict[str, str], bytes]:
    server = await asyncio.get_running_loop().create_server(lambda: Entrance(proxy), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    server.close()
    first, *lines = head.decode().split("\r\n")
    return int(first.split()[1]), dict(line.split(": ", 1) for line in lines), body


async def plain(proxy: Proxy) -> tuple[int, dict[str, str], bytes]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nobody who is refused is listened to")

    await proxy(SCOPE, receive, send)
    start, body = sent
    return start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, body["body"]


@pytest.mark.parametrize("ask", [plain, upgraded])
@pytest.mark.parametrize("error", [TooManyRequests("too many", retry_after=7), Busy("throttled"), Forbidden("no")])
def test_it_is_the_same_on_both_edges(error: LariatError, ask: Any) -> None:
    expected = refusal(error)
    code, headers, body = asyncio.run(ask(Proxy(Refusing(error), None, None)))  # type: ignore[arg-type]
    assert (code, body) == (expected.status, expected.body)
    assert set(expected.headers) <= set(headers.items())
    assert ("retry-after" in headers) is hasattr(error, "retry_after")
