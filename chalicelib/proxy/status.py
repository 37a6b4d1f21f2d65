"""Lariat's own refusals of proxied requests, as the Kubernetes ``Status`` that kubectl understands."""

from __future__ import annotations

import json

from chalicelib.errors import Invalid, LariatError

_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    413: "RequestEntityTooLarge",
    429: "TooManyRequests",
    500: "InternalError",
    502: "BadGateway",
    503: "ServiceUnavailable",
    504: "Timeout",
}
CONTENT_TYPE = ("content-type", "application/json")


def status(code: int, message: str) -> bytes:
    """Return the JSON of a failed ``Status`` (meta/v1)."""
    document = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": _REASONS.get(code, "InternalError"),
        "code": code,
    }
    return json.dumps(document).encode()


def from_error(error: LariatError) -> tuple[int, bytes]:
    """Return the HTTP status and body for an error; what the v3 API calls 422 is a bad request to Kubernetes."""
    code = error.status
    if isinstance(error, Invalid):
        code = 405 if error.code == "MethodNotAllowed" else 400
    return code, status(code, error.message or error.code)
