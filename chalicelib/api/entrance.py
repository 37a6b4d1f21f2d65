"""Logging in, through whichever provider: what the caller sent becomes a session, in the form that the caller wants.

``public.py`` calls this. What a browser must bring back from a provider is in ``csrf.py``'s cookie.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.api import csrf
from chalicelib.api.http import LARGEST_PUBLIC_BODY, Request, Response, answer
from chalicelib.api.keys import Keys
from chalicelib.api.present import show
from chalicelib.api.tokens import described, shown_once
from chalicelib.auth.login import Login
from chalicelib.errors import Invalid, LariatError
from chalicelib.schema import validate
from chalicelib.schema.kind import Kind
from chalicelib.schema.kinds.identity import PROVIDERS, REDIRECTED, TOKEN
from chalicelib.store.resources import Resources
from chalicelib.types import Clock, Resource

if TYPE_CHECKING:
    from chalicelib.auth.providers.identities import Identities
    from chalicelib.auth.providers.sessions import Return

FORMS = ("json", "cookie", "kubeconfig")


class Entrance:
    """``identities`` are built when they are first asked for: a local login does without."""

    def __init__(
        self, resources: Resources, login: Login, identities: Callable[[], Identities], keys: Keys, clock: Clock
    ) -> None:
        self._resources = resources
        self._login = login
        self._identities = identities
        self._keys = keys
        self._clock = clock

    def log_in(self, name: str, request: Request) -> Response:
        """The action ``login`` of a provider."""
        input = PROVIDERS[name].actions["login"].input
        if input is None:
            raise LariatError(f"nobody logs in through {name}")
        values = validate.creation(input, request.document(LARGEST_PUBLIC_BODY))
        form, cluster = self._form(str(values["responseType"]))
        token, key = self._enter(name, input, values, request)
        if form == "kubeconfig":
            session, (token, key) = token, self._keys.kubeconfig(token.id, token.parent, cluster, _description(values))
            self._resources.remove(session.key)
        return self._answer(form, token, key, request)

    def arrive(self, request: Request) -> Response:
        """A provider sent a browser back: log it in, or tell an administrator what the test that was begun needs."""
        sessions, back = self._identities().sessions, _return(request, request.option("code"), request.option("state"))
        login = sessions.arriving(back.state)
        if login.testing:
            return answer({"type": "authConfigTest", "code": back.code, "state": back.state})
        token, key = sessions.finish(login.provider, back, "", request.client, self._keys.session(0))
        home = ("location", f"{request.base}/")
        return Response(302, headers=(home, *csrf.session(f"{token.id}:{key}")))

    def _enter(self, name: str, input: Kind, values: Mapping[str, Any], request: Request) -> tuple[Resource, str]:
        how = (_description(values), request.client, self._keys.session(values.get("ttl") or 0))
        if input is REDIRECTED:
            return self._identities().sessions.finish(name, _return(request, values["code"], values["state"]), *how)
        if name == "local":
            return self._login.login(values["username"], values["password"], *how)
        return self._identities().sessions.log_in(name, values["username"], values["password"], *how)

    def _form(self, wanted: str) -> tuple[str, str]:
        """How to answer, and for which cluster a kubeconfig's token is to be good, if for one alone."""
        form, _, cluster = wanted.partition("_")
        if form not in FORMS or (cluster and form != "kubeconfig") or wanted.endswith("_"):
            raise Invalid(
                f"responseType is one of {', '.join(FORMS)}, kubeconfig_<cluster>",
                code="InvalidOption",
                field="responseType",
            )
        if cluster and self._resources.find("cluster", cluster) is None:
            raise Invalid(f"there is no cluster {cluster}", code="InvalidReference", field="responseType")
        return form, cluster

    def _answer(self, form: str, token: Resource, key: str, request: Request) -> Response:
        if form == "cookie":
            return Response(200, headers=csrf.session(f"{token.id}:{key}"))
        shown = shown_once(token, key)
        computed = {"current": False, **described(shown, self._clock.now())}
        return answer(show(TOKEN, shown, request.base, computed, actions=()), 201)


def _description(values: Mapping[str, Any]) -> str:
    return str(values.get("description") or "")


def _return(request: Request, code: str, state: str) -> Return:
    from chalicelib.auth.providers.sessions import Return

    return Return(code, state, csrf.cookies(request).get(csrf.JOURNEY, ""))
