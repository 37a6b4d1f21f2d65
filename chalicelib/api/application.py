"""The API as one function from a request to a response: routing, authentication, and errors as the v3 API shows them.

``app.py`` calls it for every path but the proxy's.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol
from urllib.parse import quote

from chalicelib.api import csrf
from chalicelib.api.behaviour import Call
from chalicelib.api.http import Pairs, Request, Response, answer, text
from chalicelib.api.public import Public
from chalicelib.api.registrations import Registrations
from chalicelib.api.registry import Registry
from chalicelib.api.resources import shown
from chalicelib.api.routes import Routes
from chalicelib.api.schemas import root
from chalicelib.api.settings import PUBLIC, Settings
from chalicelib.auth.authenticate import Authenticator
from chalicelib.auth.identity import CHANGE_FIRST, Identity
from chalicelib.clusters.registration import Admission
from chalicelib.errors import Forbidden, LariatError, MethodNotAllowed, NotFound, Unauthorized
from chalicelib.schema.kinds import MANAGEMENT
from chalicelib.schema.kinds import PUBLIC as PUBLIC_VERSION
from chalicelib.types import Random

log = logging.getLogger("lariat.api")

LONGEST_PATH = 2048
CLOSED = ("token", "tokens", "clusterregistrationtoken", "clusterregistrationtokens")
"""What a token that is good for one cluster does not show even of that one: what opens more doors."""

LARGEST_REGISTRATION = 256 * 1024
MOST_SEGMENTS = 8
LONGEST_SEGMENT = 900
"""Bytes of a part of a path: a key in DynamoDB has 1,024, and asking it for a longer one is an error."""

LONGEST_ID = 128
"""Letters of an id that is repeated in a header: API Gateway takes 10 KB of them."""


class Agents(Protocol):
    """What agents ask by plain HTTPS; ``gateway/agents.py`` answers."""

    def admit(self, token: str) -> Admission: ...

    def register(self, cluster: str, document: Mapping[str, Any], base: str) -> Mapping[str, Any]: ...


class Application:
    def __init__(
        self,
        authenticator: Authenticator,
        registry: Registry,
        settings: Settings,
        registrations: Registrations,
        public: Public,
        agents: Agents,
        random: Random,
    ) -> None:
        self._authenticator = authenticator
        self._routes = Routes(registry)
        self._random = random
        self._settings = settings
        self._registrations = registrations
        self._public = public
        self._agents = agents

    def handle(self, request: Request) -> Response:
        """Answer any request; never raises."""
        try:
            request = effective(request)
            csrf.check(request)
            response = self._route(request)
        except LariatError as error:
            response = refusal(error)
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            response = refusal(LariatError("the server failed; its log says why"))
        if request.segments[:1] in (("v3",), ("v3-public",)):
            response = _joined(response, csrf.fresh(request, self._random))
        return _with_headers(response, request)

    def _route(self, request: Request) -> Response:
        segments = request.segments
        if len(request.path) > LONGEST_PATH or len(segments) > MOST_SEGMENTS or not all(map(_is_name, segments)):
            raise NotFound("there is nothing here")
        match segments:
            case ("v3-public", *_):
                return self._public.handle(request)
            case ("verify-auth",):
                return self._public.arrive(request)
            case ("v3", "connect", *rest):
                return self._agent(request, rest)
            case ("v3", "import", _):
                return self._open(request)
            case ("v3", "settings", name) if request.method == "GET" and name in PUBLIC:
                return self._setting(request, name)
            case ("v3", *rest):
                return self._authenticated(request, rest)
            case _:
                return self._open(request)

    def _open(self, request: Request) -> Response:
        """What anybody may get."""
        answers: Mapping[tuple[str, ...], Callable[[], Response]] = {
            (): lambda: answer({"type": "collection", "resourceType": "apiRoot", "data": _roots(request)}),
            ("ping",): lambda: text("pong"),
            ("healthz",): lambda: text("ok"),
        }
        segments = request.segments
        if segments[:2] == ("v3", "import") and segments[2].endswith(".yaml"):
            token = segments[2].removesuffix(".yaml")
            answers = {segments: lambda: text(self._registrations.manifest(token, request.base))}
        if segments not in answers:
            raise NotFound("there is nothing here")
        if request.method != "GET":
            raise MethodNotAllowed(f"Method {request.method} not supported")
        return answers[segments]()

    def _agent(self, request: Request, rest: list[str]) -> Response:
        tokens = request.values("x-api-tunnel-token")
        if len(tokens) != 1:
            raise Unauthorized("a registration token is missing")
        match rest:
            case ["register"] if request.method == "POST":
                # A stranger's body is not even parsed.
                cluster = self._agents.admit(tokens[0]).cluster
                document = request.document(LARGEST_REGISTRATION)
                return answer(self._agents.register(cluster, document, request.base))
            case ["config"]:
                raise NotFound("there is no plan for this node")
            case _:
                raise NotFound("the tunnel is a WebSocket at /v3/connect")

    def _setting(self, request: Request, name: str) -> Response:
        nobody = Call(request, Identity(user="", groups=(), token=""))
        return shown(self._settings, nobody, self._settings.find(name))

    def _authenticated(self, request: Request, rest: list[str]) -> Response:
        identity = self._authenticator.authenticate(csrf.credentials(request))
        _confine(identity, request.method, rest)
        _insist(identity, request, rest)
        return self._routes.answer(Call(request, identity), rest)


def _is_name(segment: str) -> bool:
    return len(segment.encode()) <= LONGEST_SEGMENT


def _confine(identity: Identity, method: str, rest: list[str]) -> None:
    """A token that is good for one cluster may look at that cluster, and neither change it nor make more tokens."""
    inside = (
        method == "GET"
        and len(rest) >= 2
        and rest[0].lower() in ("cluster", "clusters")
        and rest[1] == identity.cluster
        and (len(rest) == 2 or rest[2].lower() not in CLOSED)
    )
    if identity.cluster and not inside:
        raise Unauthorized("clusterID does not match")


def _insist(identity: Identity, request: Request, rest: list[str]) -> None:
    """Who must change their password may do that, look who they are, and leave."""
    if not identity.must_change:
        return
    name = rest[0].lower() if rest else ""
    action = request.option("action") if request.method == "POST" and len(rest) == 1 else ""
    own = rest[1:] == [identity.user] or (len(rest) == 1 and request.option("me") == "true")
    looking = request.method == "GET" and (name == "schemas" or (name == "users" and own))
    if not looking and (name, action) not in (("users", "changepassword"), ("tokens", "logout")):
        raise Forbidden(CHANGE_FIRST, code="MustChangePassword")


def refusal(error: LariatError) -> Response:
    """Render an error as the v3 API does; a missing authentication has a shape of its own there."""
    if isinstance(error, Unauthorized) and error.message != "authentication failed":
        return answer({"type": "error", "status": "401", "message": error.message}, 401)
    document: dict[str, Any] = {"type": "error", "baseType": "error", "status": error.status, "code": error.code}
    if error.field:
        document["fieldName"] = error.field
    return answer({**document, "message": error.message}, error.status, error.headers)


def _with_headers(response: Response, request: Request) -> Response:
    common = (
        ("x-api-schemas", f"{request.base}{_schemas(request.segments)}"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'"),
        ("cache-control", "no-store"),
        ("expires", "Wed 24 Feb 1982 18:42:00 GMT"),
    )
    return _joined(response, common)


def _joined(response: Response, headers: Pairs) -> Response:
    return Response(response.status, response.body, (*response.headers, *headers)) if headers else response


def _schemas(segments: tuple[str, ...]) -> str:
    """The schemas that describe what is under a path; every client finds a cluster's and a project's own by this."""
    match segments:
        case ("v3-public", *_):
            return "/v3-public/schemas"
        case ("v3", name, *rest) if name.lower().removesuffix("s") in ("cluster", "project"):
            known = bool(rest) and rest[0].lower() != "schemas" and len(rest[0]) <= LONGEST_ID
            inside = f"/{quote(rest[0], safe=':')}" if known else ""
            return f"/v3/{name.lower().removesuffix('s')}{inside}/schemas"
        case _:
            return "/v3/schemas"


def _roots(request: Request) -> list[Mapping[str, Any]]:
    return [root(request, version) for version in (MANAGEMENT, PUBLIC_VERSION)]


def effective(request: Request) -> Request:
    """A ``POST`` may stand for another method: what can send nothing else says so in the query."""
    if request.method != "POST":
        return request
    if request.option("action") == "remove":
        return replace(request, method="DELETE")
    method = request.option("_method").upper()
    return replace(request, method=method) if method in ("GET", "PUT", "PATCH", "DELETE") else request
