"""``/v3-public``: what a caller needs before it is anybody."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chalicelib.api import csrf
from chalicelib.api.entrance import Entrance
from chalicelib.api.http import Request, Response, answer
from chalicelib.api.openapi import openapi
from chalicelib.api.schemas import list_schemas, one_schema, root
from chalicelib.auth.providers.due import enabled
from chalicelib.errors import Invalid, MethodNotAllowed, NotFound
from chalicelib.schema.kinds import PUBLIC
from chalicelib.schema.kinds.identity import PROVIDERS, REDIRECTED
from chalicelib.store.resources import Resources

if TYPE_CHECKING:
    from chalicelib.auth.providers.identities import Identities

COLLECTIONS = {kind.plural.lower(): name for name, kind in PROVIDERS.items()}
"""The providers by the path that each has."""


class Public:
    def __init__(self, resources: Resources, entrance: Entrance, identities: Callable[[], Identities]) -> None:
        self._resources = resources
        self._entrance = entrance
        self._identities = identities

    def handle(self, request: Request) -> Response:
        match tuple(segment.lower() for segment in request.segments[1:]):
            case ("authproviders",) if request.method == "GET":
                return self._list(request)
            case (plural, name) if COLLECTIONS.get(plural) == name and request.method in ("GET", "POST"):
                return self._provider(name, request)
            case ("authproviders",):
                raise _unsupported(request)
            case (plural, *name) if plural in COLLECTIONS and name in ([], [COLLECTIONS[plural]]):
                raise _unsupported(request)
            case () | ("schemas", *_) | ("openapi",) as path:
                return _described(path, request)
            case _:
                raise NotFound("there is nothing here; see /v3-public/authProviders")

    def arrive(self, request: Request) -> Response:
        """``/verify-auth``: a provider sent a browser back."""
        if request.method != "GET":
            raise _unsupported(request)
        return self._entrance.arrive(request)

    def _list(self, request: Request) -> Response:
        names = ["local", *[name for name in enabled(self._resources) if name in PROVIDERS]]
        links = {"self": f"{request.base}/v3-public/authproviders"}
        data = [_shown(name, request) for name in names]
        return answer({"type": "collection", "resourceType": "authProvider", "links": links, "data": data})

    def _provider(self, name: str, request: Request) -> Response:
        if name != "local" and name not in enabled(self._resources):
            raise NotFound(f"the identity provider {name!r} is not enabled")
        if request.method == "POST":
            if request.option("action") != "login":
                raise Invalid(f"Invalid action: {request.option('action')}", code="InvalidAction")
            return self._entrance.log_in(name, request)
        if PROVIDERS[name].actions["login"].input is REDIRECTED:
            return self._begin(name, request)
        return answer(_shown(name, request))

    def _begin(self, name: str, request: Request) -> Response:
        """Show where to send the browser, and have it remember that it was sent."""
        from chalicelib.auth.providers.pending import SECONDS

        journey = self._identities().sessions.begin(name)
        shown = {**_shown(name, request), "redirectUrl": journey.url}
        return answer(shown, headers=csrf.journey(journey.browser, SECONDS))


def _described(path: tuple[str, ...], request: Request) -> Response:
    if request.method != "GET":
        raise _unsupported(request)
    match path:
        case ():
            return answer(root(request, PUBLIC))
        case ("openapi",):
            return answer(openapi(request.base))
        case ("schemas",):
            return answer(list_schemas(request, PUBLIC))
        case ("schemas", name):
            return answer(one_schema(request, name, PUBLIC))
        case _:
            raise NotFound("there is nothing here; see /v3-public/schemas")


def _shown(name: str, request: Request) -> dict[str, Any]:
    kind = PROVIDERS[name]
    url = f"{request.base}/v3-public/{kind.plural}/{name}"
    return {
        "id": name,
        "type": kind.id,
        "baseType": kind.base,
        "links": {"self": url},
        "actions": {"login": f"{url}?action=login"},
    }


def _unsupported(request: Request) -> MethodNotAllowed:
    return MethodNotAllowed(f"Method {request.method} not supported")
