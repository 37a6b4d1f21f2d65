"""The AWS edge: Lambda's handlers, which hand every event to the core. Wiring only.

REST requests go through Chalice (``app``); WebSocket messages, the queue, the change feed and the schedules are plain
functions. Each handler may see an event twice.

The standalone edge runs the same Chalice app in an ordinary process, one for each of its threads: Chalice keeps the
request that it is working on in the app object, so an app must never serve two threads.
"""

from __future__ import annotations

import base64
import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeAlias
from urllib.parse import quote, urlencode

from chalice.app import Chalice, Response

from chalicelib.api import http
from chalicelib.api.application import refusal
from chalicelib.errors import LariatError, TooLarge
from chalicelib.main import OnLambda, Parts, on_lambda
from chalicelib.proxy.buffered import Proxy, Reply, accepts_gzip, fitted

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
PROXIED = "/k8s/clusters/{cluster}/{proxy+}"

PLAIN = 1024 * 1024
"""Bytes of an answer that certainly fit into what a Lambda returns, whatever JSON's escapes make of them."""

Event: TypeAlias = Mapping[str, Any]
Answer: TypeAlias = dict[str, Any]


def wire(parts: Callable[[], Parts], proxy: Callable[[], Proxy] | None = None) -> Chalice:
    """Return the app; what is given is called at the first request, so that a cold start pays only for what it uses.

    Without ``proxy`` the edge carries ``/k8s`` by itself.
    """
    lariat = Chalice(app_name="lariat", configure_logs=False)
    # What is bytes is encoded here, whatever the client says it accepts.
    lariat.api.binary_types = []

    def handle() -> Response:
        asked = request(lariat.current_request)
        response = parts().api.handle(asked)
        if proxy is not None and len(response.body) > PLAIN:
            return _fitted(response, asked)
        return Response(response.body.decode(), status_code=response.status, headers=_collapsed(response.headers))

    # No content types: Rancher's clients send JSON without saying so.
    for path in ("/", "/{proxy+}"):
        lariat.route(path, methods=METHODS, content_types=[])(handle)
    if proxy is not None:
        lariat.route(PROXIED, methods=[*METHODS, "HEAD", "OPTIONS"], content_types=[])(_proxied(lariat, proxy))
    return lariat


def _fitted(response: http.Response, asked: http.Request) -> Response:
    """Return an answer that may be more than a Lambda may return."""
    try:
        reply = fitted(Reply(response.status, response.headers, response.body), accepts_gzip(asked.headers))
    except TooLarge as error:
        refused = refusal(error)
        return Binary(refused.body, refused.headers, refused.status)
    return Binary(reply.body, reply.headers, reply.status)


def _collapsed(pairs: http.Pairs) -> dict[str, Any]:
    """Headers as Chalice takes them: one that comes twice, such as a cookie, as a list."""
    return {name: values if len(values) > 1 else values[0] for name, values in several(pairs).items()}


def several(pairs: http.Pairs) -> dict[str, list[str]]:
    """Each header with all its values."""
    gathered: dict[str, list[str]] = {}
    for name, value in pairs:
        gathered.setdefault(name, []).append(value)
    return gathered


def _proxied(lariat: Chalice, proxy: Callable[[], Proxy]) -> Callable[[str], Response]:
    def handle(cluster: str) -> Response:  # noqa: ARG001 - read from the path, as all that is checked
        asked = request(lariat.current_request)
        query = urlencode(asked.query, quote_via=quote)
        reply = proxy().answer(
            asked.method, asked.path, query, asked.headers, asked.body, client=asked.client, id=asked.id
        )
        return Binary(reply.body, reply.headers, reply.status)

    return handle


class Binary(Response):
    """A response of bytes, which travels to API Gateway in base64; its headers are none of Chalice's business."""

    def __init__(self, body: bytes, headers: http.Pairs, status: int) -> None:
        super().__init__(body=body, status_code=status)
        self._headers = headers

    def to_dict(self, binary_types: list[str] | None = None) -> dict[str, Any]:
        return {
            "statusCode": self.status_code,
            "headers": {},
            "multiValueHeaders": several(self._headers),
            "body": base64.b64encode(self.body).decode(),
            "isBase64Encoded": True,
        }


def observe(lariat: Chalice, edge: Callable[[], OnLambda]) -> Chalice:
    """Name the request, and the cluster that it is for, in every line that is logged meanwhile."""

    def named(current: Any, answer: Callable[[Any], Response]) -> Response:
        cluster = (current.uri_params or {}).get("cluster", "")
        with edge().telemetry.invocation("app", current.lambda_context, **({"cluster": cluster} if cluster else {})):
            return answer(current)

    lariat.register_middleware(named, "http")
    return lariat


def request(current: Any) -> http.Request:
    """Translate Chalice's request, which is API Gateway's event."""
    event = current.to_original_event()
    headers = _headers(event)
    return http.Request(
        method=current.method,
        path=event["path"],
        query=_query(event),
        headers=headers,
        body=current.raw_body,
        base=http.base_url(headers) + _stage(event),
        client=_client(event),
        id=event["requestContext"].get("requestId", ""),
    )


def _headers(event: Event) -> http.Pairs:
    several = event.get("multiValueHeaders") or {}
    return tuple((name.lower(), value) for name, values in several.items() for value in values)


def _query(event: Event) -> http.Pairs:
    several = event.get("multiValueQueryStringParameters") or {}
    return tuple((name, value) for name, values in several.items() for value in values)


def _stage(event: Event) -> str:
    """API Gateway's own host names have the stage in front of the path; a domain of one's own has not."""
    whole, path = str(event["requestContext"].get("path") or ""), str(event["path"])
    return whole.removesuffix(path).rstrip("/") if whole.endswith(path) else ""


class Handlers:
    """Lambda's functions besides the REST API; ``edge`` is called at the first event."""

    def __init__(self, edge: Callable[[], OnLambda]) -> None:
        self._edge = edge

    def connect(self, event: Event, context: Any) -> Answer:
        """``$connect`` of the WebSocket API; a refusal closes the connection before it is open."""
        with self._begun("connect", context, event) as edge:
            try:
                edge.sockets.connect(_connection(event), _headers(event), _query(event))
            except LariatError as error:
                return {"statusCode": error.status}
            return {"statusCode": 200}

    def disconnect(self, event: Event, context: Any) -> Answer:
        """``$disconnect`` of the WebSocket API; it may never come."""
        with self._begun("disconnect", context, event) as edge:
            edge.sockets.disconnect(_connection(event))
            return {"statusCode": 200}

    def message(self, event: Event, context: Any) -> Answer:
        """``$default`` of the WebSocket API: each message of each connection, in any order."""
        with self._begun("message", context, event) as edge:
            body = (event.get("body") or "").encode(errors="replace")
            edge.sockets.message(_connection(event), body, _client(event))
            return {"statusCode": 200}

    def work(self, event: Event, context: Any) -> Answer:
        """The queue's keys."""
        with self._begun("work", context) as edge:
            return edge.jobs(event)

    def changes(self, event: Event, context: Any) -> Answer:
        """The table's stream: what was written goes into the queue."""
        with self._begun("changes", context) as edge:
            return edge.changes(event)

    def resync(self, event: Event, context: Any) -> Answer:
        """Once in a while, for what was missed. ``{"bootstrap": {"password": "…"}}`` creates the first administrator."""
        with self._begun("resync", context) as edge:
            if "bootstrap" in event:
                return {"password": edge.parts.bootstrap(str(event["bootstrap"].get("password", "")))}
            edge.work.resync()
            return {}

    def sweep(self, _: Event, context: Any) -> Answer:
        """Every few minutes, for agents that left without a goodbye."""
        with self._begun("sweep", context) as edge:
            edge.work.sweep()
            return {}

    @contextmanager
    def _begun(self, handler: str, context: Any, event: Event | None = None) -> Iterator[OnLambda]:
        edge = self._edge()
        names = {"connection": _connection(event)} if event else {}
        with edge.telemetry.invocation(handler, context, **names):
            yield edge


def _client(event: Event) -> str:
    return str((event["requestContext"].get("identity") or {}).get("sourceIp", ""))


def _connection(event: Event) -> str:
    return str(event["requestContext"]["connectionId"])


_edge = cache(on_lambda)
_handlers = Handlers(_edge)

app = observe(wire(lambda: _edge().parts, lambda: _edge().proxy), _edge)
connect = _handlers.connect
disconnect = _handlers.disconnect
message = _handlers.message
work = _handlers.work
changes = _handlers.changes
resync = _handlers.resync
sweep = _handlers.sweep

# What is loaded by now lives as long as the process: the collector need not look at it for every page of a list.
gc.freeze()
