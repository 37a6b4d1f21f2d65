"""JSON from a provider's HTTPS endpoints; ``github.py`` and ``oidc.py`` call it. What comes back is checked before use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from chalicelib.errors import Unauthorized, Unavailable
from chalicelib.types import Web

LONGEST = 4096
"""Characters of a text that a provider sends."""


class Remote:
    def __init__(self, web: Web, trust: str) -> None:
        self._web = web
        self._trust = trust

    def get(self, url: str, token: str = "") -> Any:
        """Return the JSON at a URL. Raises ``Unauthorized`` if the token is not good (any more), else ``Unavailable``."""
        headers = {"Accept": "application/json", "User-Agent": "lariat"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        answer = self._web.send("GET", url, headers, trust=self._trust)
        if answer.status == 401 and token:
            raise Unauthorized("the identity provider does not accept the user's token any more")
        if answer.status != 200:
            raise Unavailable(f"the identity provider answered {answer.status}")
        return _json(answer.body)

    def exchange(self, url: str, form: Mapping[str, str]) -> dict[str, Any]:
        """Send a form to a token endpoint. Raises ``Unauthorized`` if it refuses the grant."""
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
            "User-Agent": "lariat",
        }
        answer = self._web.send("POST", url, headers, urlencode(form).encode(), trust=self._trust)
        if answer.status not in (200, 400, 401):
            raise Unavailable(f"the identity provider answered {answer.status}")
        document = mapping(_json(answer.body))
        problem = document.get("error")
        if problem in ("invalid_client", "incorrect_client_credentials", "unauthorized_client"):
            raise Unavailable("the identity provider does not accept the client id and the client secret")
        if answer.status != 200 or problem is not None:
            raise Unauthorized("authentication failed")
        return document


def mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise unexpected()
    return value


def sequence(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise unexpected()
    return [mapping(item) for item in value]


def text(document: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """Return a text; one that is missing is ``default``, or an error if there is none."""
    value = document.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or (not value and default is None) or len(value) > LONGEST or "\0" in value:
        raise unexpected()
    return value


def number(document: Mapping[str, Any], name: str) -> int:
    value = document.get(name)
    if type(value) is not int or value < 0:
        raise unexpected()
    return value


def unexpected() -> Unavailable:
    return Unavailable("the identity provider's answer is not what was to be expected")


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise unexpected() from None
