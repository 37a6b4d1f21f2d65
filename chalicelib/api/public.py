"""``/v3-public``: what a caller needs before it is anybody."""

from __future__ import annotations

from typing import Any

from chalicelib.api import csrf
from chalicelib.api.http import LARGEST_PUBLIC_BODY, Request, Response, answer
from chalicelib.api.openapi import openapi
from chalicelib.api.present import show
from chalicelib.api.schemas import list_schemas, one_schema, root
from chalicelib.api.tokens import described, shown_once
from chalicelib.auth.login import Login
from chalicelib.errors import Invalid, MethodNotAllowed, NotFound
from chalicelib.schema import validate
from chalicelib.schema.kinds import PUBLIC
from chalicelib.schema.kinds.identity import LOGIN, TOKEN
from chalicelib.types import Clock


class Public:
    def __init__(self, login: Login, clock: Clock) -> None:
        self._login = login
        self._clock = clock

    def handle(self, request: Request) -> Response:
        match tuple(segment.lower() for segment in request.segments[1:]):
            case () | ("schemas", *_) | ("openapi",) if request.method != "GET":
                raise MethodNotAllowed(f"Method {request.method} not supported")
            case ():
                return answer(root(request, PUBLIC))
            case ("openapi",):
                return answer(openapi(request.base))
            case ("schemas",):
                return answer(list_schemas(request, PUBLIC))
            case ("schemas", name):
                return answer(one_schema(request, name, PUBLIC))
            case ("authproviders",) if request.method == "GET":
                provider = self._provider(request)
                links = {"self": f"{request.base}/v3-public/authproviders"}
                return answer(
                    {"type": "collection", "resourceType": "authProvider", "links": links, "data": [provider]}
                )
            case ("localproviders", "local") if request.method == "GET":
                return answer(self._provider(request))
            case ("localproviders", "local") if request.method == "POST":
                return self._log_in(request)
            case ("authproviders",) | ("localproviders",) | ("localproviders", "local"):
                raise MethodNotAllowed(f"Method {request.method} not supported")
            case _:
                raise NotFound("there is nothing here; see /v3-public/authProviders")

    def _log_in(self, request: Request) -> Response:
        if request.option("action") != "login":
            raise Invalid(f"Invalid action: {request.option('action')}", code="InvalidAction")
        values = validate.creation(LOGIN, request.document(LARGEST_PUBLIC_BODY))
        token, key = self._login.login(values["username"], values["password"], values.get("description") or "")
        if values["responseType"] == "cookie":
            return Response(200, headers=csrf.session(f"{token.id}:{key}"))
        shown = shown_once(token, key)
        computed = {"current": False, **described(shown, self._clock.now())}
        return answer(show(TOKEN, shown, request.base, computed), 201)

    def _provider(self, request: Request) -> dict[str, Any]:
        url = f"{request.base}/v3-public/localProviders/local"
        return {
            "id": "local",
            "type": "localProvider",
            "baseType": "authProvider",
            "links": {"self": url},
            "actions": {"login": f"{url}?action=login"},
        }
