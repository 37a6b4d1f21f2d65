"""The ASGI application: sends each request to the proxy, to an agent's tunnel, or to the Chalice app.

``server.py`` gives it to uvicorn.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
from concurrent.futures import Executor
from typing import Any
from urllib.parse import parse_qsl

from uvicorn.protocols.utils import ClientDisconnected

from app import METHODS
from chalicelib.api.application import refusal
from chalicelib.api.http import LARGEST_BODY
from chalicelib.errors import Invalid, LariatError, Malformed, MethodNotAllowed, TooLarge, Unauthorized
from chalicelib.gateway.agents import Agents
from standalone.lambdas import Lambdas
from standalone.proxy import Proxy, Receive, Scope, Sender
from standalone.tunnel import Tunnel, Tunnels

log = logging.getLogger("lariat.server")

TUNNEL_PATH = "/v3/connect"


class Edge:
    def __init__(self, proxy: Proxy, tunnels: Tunnels, agents: Agents, lambdas: Lambdas, workers: Executor) -> None:
        self.proxy = proxy
        self._tunnels = tunnels
        self._agents = agents
        self._lambdas = lambdas
        self._workers = workers

    async def __call__(self, scope: Scope, receive: Receive, send: Sender) -> None:
        if scope["type"] == "http":
            if scope["raw_path"].startswith(b"/k8s/"):
                await self.proxy(scope, receive, send)
            else:
                await self._call_lambda(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._accept_agent(scope, receive, send)

    async def _call_lambda(self, scope: Scope, receive: Receive, send: Sender) -> None:
        try:
            if scope["method"] not in METHODS:
                raise MethodNotAllowed(f"Method {scope['method']} not supported")
            body = await _body(receive)
            _check_query(scope["query_string"])
        except LariatError as error:
            response = refusal(error)
            await _send(send, response.status, dict(response.headers), response.body)
            return
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._workers, self._lambdas.call, scope, body)
        await _send(send, answer["statusCode"], answer["headers"], answer["body"].encode())

    async def _accept_agent(self, scope: Scope, receive: Receive, send: Sender) -> None:
        await receive()
        try:
            cluster = await self._admit(scope)
        except LariatError as error:
            await _reject(send, error)
            return
        await send({"type": "websocket.accept"})

        async def transmit(message: str) -> None:
            # A connection that is closing tells its reader, who fails what waits for an answer.
            with contextlib.suppress(ClientDisconnected):
                await send({"type": "websocket.send", "text": message})

        async def hang_up() -> None:
            with contextlib.suppress(ClientDisconnected):
                await send({"type": "websocket.close", "code": 1000, "reason": "the cluster was deleted"})

        tunnel = Tunnel(cluster, transmit, hang_up, deflate=not _is_near(scope))
        self._tunnels.add(tunnel)
        log.info("cluster %s: its agent is connected", cluster)
        try:
            while (message := await receive())["type"] == "websocket.receive":
                text = message.get("text")
                if text is None:
                    # API Gateway closes a connection that sends binary with this code; so do we.
                    await send({"type": "websocket.close", "code": 1003})
                    return
                tunnel.receive(text)
        finally:
            self._tunnels.remove(tunnel)
            log.info("cluster %s: its agent is disconnected", cluster)

    async def _admit(self, scope: Scope) -> str:
        if scope["path"] != TUNNEL_PATH:
            raise Unauthorized("there is no WebSocket here")
        tokens = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"x-api-tunnel-token"]
        if len(tokens) != 1:
            raise Unauthorized("a registration token is missing")
        return await asyncio.get_running_loop().run_in_executor(self._workers, self._agents.admit, tokens[0])


async def _body(receive: Receive) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Malformed("Failed to parse body: it was cut short")
        piece = message.get("body", b"")
        size += len(piece)
        if size > LARGEST_BODY:
            raise TooLarge(f"the body is larger than {LARGEST_BODY // 1024} KB")
        pieces.append(piece)
        if not message.get("more_body", False):
            return b"".join(pieces)


def _check_query(query: bytes) -> None:
    try:
        parse_qsl(query.decode("latin-1"), max_num_fields=200)
    except ValueError:
        raise Invalid("the query has too many parameters", code="InvalidFormat") from None


async def _send(send: Sender, code: int, headers: dict[str, Any], body: bytes) -> None:
    raw = [(name.encode("latin-1"), str(value).encode("latin-1")) for name, value in headers.items()]
    if code != 204:
        raw.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": code, "headers": raw})
    await send({"type": "http.response.body", "body": body})


async def _reject(send: Sender, error: LariatError) -> None:
    response = refusal(error)
    raw = [(name.encode(), value.encode()) for name, value in response.headers]
    await send({"type": "websocket.http.response.start", "status": response.status, "headers": raw})
    await send({"type": "websocket.http.response.body", "body": response.body})


def _is_near(scope: Scope) -> bool:
    """An agent on this machine: compressing for it would only cost processor time."""
    try:
        return ipaddress.ip_address((scope.get("client") or ("",))[0]).is_loopback
    except ValueError:
        return False
