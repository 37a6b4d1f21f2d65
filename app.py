"""The AWS edge: Chalice routes that hand every request to the core. Wiring only.

The standalone edge runs the same app in an ordinary process, one for each of its threads: Chalice keeps the request
that it is working on in the app object, so an app must never serve two threads.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from chalice.app import Chalice, Response

from chalicelib.api import http
from chalicelib.main import Parts, on_lambda

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def wire(parts: Callable[[], Parts]) -> Chalice:
    """Return the app; ``parts`` is called at the first request, so that a cold start pays only for what it uses."""
    lariat = Chalice(app_name="lariat", configure_logs=False)

    def handle() -> Response:
        response = parts().api.handle(request(lariat.current_request))
        return Response(response.body.decode(), status_code=response.status, headers=dict(response.headers))

    # No content types: Rancher's clients send JSON without saying so.
    for path in ("/", "/{proxy+}"):
        lariat.route(path, methods=METHODS, content_types=[])(handle)
    return lariat


def request(current: Any) -> http.Request:
    """Translate Chalice's request, which is API Gateway's event."""
    event = current.to_original_event()
    headers = tuple(
        (name.lower(), value) for name, values in (event.get("multiValueHeaders") or {}).items() for value in values
    )
    query = tuple(
        (name, value) for name, values in (event["multiValueQueryStringParameters"] or {}).items() for value in values
    )
    return http.Request(
        method=current.method,
        path=event["path"],
        query=query,
        headers=headers,
        body=current.raw_body,
        base=http.base_url(headers),
        client=(event["requestContext"].get("identity") or {}).get("sourceIp", ""),
    )


app = wire(cache(on_lambda))
