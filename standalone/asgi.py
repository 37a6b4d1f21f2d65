"""The ASGI application: sends each request to the proxy or to the Chalice app, or answers with the metrics.

``server.py`` gives it to uvicorn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any
from urllib.parse import parse_qsl

from app import METHODS
from chalicelib.api.application import refusal
from chalicelib.api.http import LARGEST_BODY, Pairs
from chalicelib.errors import Invalid, LariatError, MethodNotAllowed
from standalone import whole
from standalone.agents import Door
from standalone.lambdas import Lambdas
from standalone.metrics import PATH, Metrics
from standalone.proxy import Proxy, Scope, Sender
from standalone.subscribers import Hub
from standalone.whole import Receive

TOO_LARGE = f"the body is larger than {LARGEST_BODY // 1024} KB"


class Edge:
    """``proxy``, ``door`` and ``hub`` are there for what leaves HTTP; ``protocol.py`` uses them."""

    def __init__(
        self, proxy: Proxy, door: Door, hub: Hub, lambdas: Lambdas, metrics: Metrics, workers: Executor
    ) -> None:
        self.proxy = proxy
        self.door = door
        self.hub = hub
        self._lambdas = lambdas
        self._metrics = metrics
        self._workers = workers

    async def __call__(self, scope: Scope, receive: Receive, send: Sender) -> None:
        if scope["raw_path"].startswith(b"/k8s/"):
            await self.proxy(scope, receive, send)
        elif scope["raw_path"] == PATH and scope["method"] == "GET":
            await self._measure(scope, send)
        else:
            await self._call_lambda(scope, receive, send)

    async def _measure(self, scope: Scope, send: Sender) -> None:
        shown = [value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"]
        try:
            response = await asyncio.get_running_loop().run_in_executor(self._workers, self._metrics.answer, shown)
        except LariatError as error:
            response = refusal(error)
        await _send(send, response.status, response.headers, response.body)

    async def _call_lambda(self, scope: Scope, receive: Receive, send: Sender) -> None:
        try:
            if scope["method"] not in METHODS:
                raise MethodNotAllowed(f"Method {scope['method']} not supported")
            body = await whole.read(receive, LARGEST_BODY, TOO_LARGE)
            _check_query(scope["query_string"])
        except LariatError as error:
            response = refusal(error)
            await _send(send, response.status, response.headers, response.body)
            return
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._workers, self._lambdas.call, scope, body)
        await _send(send, answer["statusCode"], header_pairs(answer), answer["body"].encode())


def _check_query(query: bytes) -> None:
    try:
        parse_qsl(query.decode("latin-1"), max_num_fields=200)
    except ValueError:
        raise Invalid("the query has too many parameters", code="InvalidFormat") from None


def header_pairs(answer: Mapping[str, Any]) -> Pairs:
    """API Gateway's two maps of headers as one list: those with one value, and those with several."""
    several = answer.get("multiValueHeaders") or {}
    one = [(name, str(value)) for name, value in answer["headers"].items()]
    return (*one, *[(name, str(value)) for name, values in several.items() for value in values])


async def _send(send: Sender, code: int, headers: Pairs, body: bytes) -> None:
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    if code != 204:
        raw.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": code, "headers": raw})
    await send({"type": "http.response.body", "body": body})
