"""Runs the Chalice app of the AWS edge for ``/v3`` and the rest of the plain API, in threads.

``asgi.py`` hands requests over. Each becomes the event that API Gateway would have made of it, so what works here works
on Lambda.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qsl

from chalice.app import Chalice

from app import wire
from chalicelib.main import Parts
from standalone.forwarded import Network, caller


class Lambdas:
    """One Chalice app a thread, for the app keeps the request that it is working on."""

    def __init__(self, parts: Callable[[], Parts], trusted: Sequence[Network] = ()) -> None:
        self._parts = parts
        self._trusted = trusted
        self._local = threading.local()

    def call(self, scope: Any, body: bytes) -> dict[str, Any]:
        """Return API Gateway's answer: ``statusCode``, ``headers``, ``body``."""
        app = self._app()
        answer: dict[str, Any] = app(event(app, scope, body, self._trusted), None)
        return answer

    def _app(self) -> Chalice:
        if not hasattr(self._local, "app"):
            self._local.app = wire(self._parts)
        app: Chalice = self._local.app
        return app


def event(app: Chalice, scope: Any, body: bytes, trusted: Sequence[Network] = ()) -> dict[str, Any]:
    """Make the event of a REST API with Lambda proxy integration from an ASGI scope."""
    path = scope["raw_path"].decode("latin-1")
    resource, parameters = _route(app, path)
    headers: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    query: dict[str, list[str]] = {}
    for name, value in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True, max_num_fields=200):
        query.setdefault(name, []).append(value)
    forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    peer, _ = scope.get("client") or ("", 0)
    return {
        "path": path,
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": parameters,
        "requestContext": {
            "httpMethod": scope["method"],
            "resourcePath": resource,
            "identity": {"sourceIp": caller(peer, forwarded, trusted)},
        },
        "body": body,
        "isBase64Encoded": False,
        "stageVariables": None,
    }


def _route(app: Chalice, path: str) -> tuple[str, dict[str, str]]:
    """Find the route as API Gateway does: an exact one first, else the greedy one with the longest prefix."""
    if path in app.routes:
        return path, {}
    greedy = [route for route in app.routes if route.endswith("{proxy+}") and path.startswith(route[:-8])]
    best = max(greedy, key=len, default="/{proxy+}")
    return best, {"proxy": path[len(best) - 8 :]}
