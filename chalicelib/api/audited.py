"""The v3 API with an audit log: ``main.py`` puts this in front of the application if there is a level above nought."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from chalicelib.api import csrf
from chalicelib.api.application import Application, effective, refusal
from chalicelib.api.http import LARGEST_PUBLIC_BODY, Request, Response
from chalicelib.audit.event import ANSWERED, NOBODY, Body, Event, Source
from chalicelib.audit.recorder import Recorder
from chalicelib.audit.redact import address
from chalicelib.auth.authenticate import Authenticator
from chalicelib.auth.identity import Identity
from chalicelib.errors import LariatError
from chalicelib.schema.kinds import CONTEXTS

_ROOTS = ("v3", "v3-public")
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class Audited:
    """Answers as the application does, once it is written down that it does."""

    def __init__(self, api: Application, authenticator: Authenticator, recorder: Recorder) -> None:
        self._api = api
        self._authenticator = authenticator
        self._recorder = recorder

    def handle(self, request: Request) -> Response:
        """Answer any request; never raises."""
        if request.segments[:1] not in {(root,) for root in _ROOTS}:
            return self._api.handle(request)
        began = self._recorder.clock.now()
        try:
            self._recorder.check()
            # Before, since a request may end the token that it came with.
            caller = self._caller(csrf.credentials(request))
            response = self._api.handle(request)
            self._recorder.record(self._event(request, response, caller, began))
        except LariatError as error:
            return refusal(error)
        return response

    def _event(self, request: Request, response: Response, caller: Identity, began: float) -> Event:
        meant = effective(request)
        login = meant.option("action").lower() == "login" and request.segments[0] == "v3-public"
        body = request.body
        answered = _document(response.body)
        return Event(
            stage=ANSWERED,
            request=request.id or self._recorder.new_id(),
            began=began,
            source=Source(request.client, " ".join(request.values("user-agent"))),
            # A login's answer is a token, which proves whose it is whatever the provider.
            identity=self._caller(_session(answered, response)) if login and response.status < 300 else caller,
            account=str(_document(body).get("username") or "") if login and len(body) <= LARGEST_PUBLIC_BODY else "",
            method=request.method,
            uri=address(request.path, urlencode(request.query, quote_via=quote)),
            verb=meant.option("action")
            if request.method == meant.method == "POST" and meant.option("action")
            else _verb(meant),
            status=response.status,
            cluster=_cluster(request.segments),
            object=_object(meant, response.status, answered),
            sent=Body(body, " ".join(request.values("content-type")), size=len(body)),
            answer=Body(response.body, size=len(response.body)),
        )

    def _caller(self, credentials: tuple[str, ...]) -> Identity:
        try:
            return self._authenticator.authenticate(credentials)
        except LariatError:
            return NOBODY


def _verb(request: Request) -> str:
    if request.method != "GET":
        return _VERBS.get(request.method, request.method.lower())
    return "get" if "id" in _place(request.segments) else "list"


def _place(segments: tuple[str, ...]) -> dict[str, str]:
    """The kind and the id that a path names, as it names them: ``/v3/<kind>/<id>``, or inside of a context."""
    rest = segments[1:]
    if len(rest) > 2 and rest[0].lower().removesuffix("s") in CONTEXTS:
        rest = rest[2:]
    return dict(zip(("kind", "id", "link"), rest, strict=False))


def _object(request: Request, status: int, answered: Mapping[str, Any]) -> dict[str, str]:
    """What a path names; what was created has its id in the answer alone."""
    found = _place(request.segments)
    if "id" not in found and status == 201:
        found |= {name: str(answered[name]) for name in ("id", "name") if isinstance(answered.get(name), str)}
    return found


def _cluster(segments: tuple[str, ...]) -> str:
    """The cluster that a path leads into: a cluster's own id, or what stands in front of a project's."""
    context = segments[1].lower().removesuffix("s") if len(segments) > 2 else ""
    return segments[2].partition(":")[0] if context in CONTEXTS and segments[2].lower() != "schemas" else ""


def _document(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _session(answered: Mapping[str, Any], response: Response) -> tuple[str, ...]:
    """What authenticates the user who has just logged in, in the answer or in its cookie."""
    token = answered.get("token")
    cookies = [
        value for name, value in response.headers if name == "set-cookie" and value.startswith(f"{csrf.SESSION}=")
    ]
    if not isinstance(token, str) and cookies:
        token = cookies[0].partition("=")[2].partition(";")[0]
    return (f"Bearer {token}",) if isinstance(token, str) else ()
