"""``/v3/tokens``: a caller's own API keys. A key is shown once, in the answer that made it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chalicelib.api import csrf
from chalicelib.api.behaviour import Behaviour, Call, Services
from chalicelib.api.http import Response, answer
from chalicelib.api.keys import Keys
from chalicelib.api.present import milliseconds
from chalicelib.auth.tokens import expired, is_derived
from chalicelib.errors import Refused
from chalicelib.schema.kind import Kind
from chalicelib.store.resources import timestamp
from chalicelib.types import Resource


class Tokens(Behaviour):
    def __init__(self, kind: Kind, services: Services, keys: Keys) -> None:
        super().__init__(kind, services)
        self._keys = keys
        self._clock = services.clock

    def list(self, call: Call, parent: str | None = None) -> list[Resource]:
        return list(self.resources.all("token", call.identity.user))

    def create(self, call: Call, values: Mapping[str, Any]) -> Resource:
        cluster = str(values.get("clusterId") or "")
        spec = {"description": values.get("description") or "", "clusterId": cluster or None}
        return shown_once(*self._keys.derive(call.identity.token, values["ttl"], "api", spec))

    def remove(self, call: Call, resource: Resource) -> Resource:
        if resource.id == call.identity.token and not is_derived(resource):
            raise Refused("this is the token you are using: log out instead")
        return self._keys.end(resource)

    def act(self, name: str, call: Call, resource: Resource) -> Response:
        """``rotate``: a new key, and its time begins anew. The old key ends with this."""
        return answer(self.show(call, shown_once(*self._keys.rotate(resource, call.identity.token))))

    def act_on_collection(self, name: str, call: Call) -> Response:
        self._keys.end(self.resources.get("token", call.identity.token))
        return Response(200, headers=csrf.ended())

    def computed(self, call: Call, resource: Resource) -> Mapping[str, Any]:
        current = resource.id == call.identity.token and not is_derived(resource)
        return {"current": current, **described(resource, self._clock.now())}


def described(token: Resource, now: float) -> dict[str, Any]:
    """The fields of a token that follow from others, without its key."""
    used = timestamp(token.status["lastUsed"]) if token.status.get("lastUsed") else ""
    return {
        "expired": expired(token, now),
        "expiresAt": timestamp(token.expires) if token.expires else "",
        "userId": token.parent,
        "lastUsedAt": used,
        "lastUsedAtTS": milliseconds(used),
        "token": token.sealed.get("shown once"),
    }


def shown_once(token: Resource, key: str) -> Resource:
    """The token with its key, for the one answer that shows it; what is stored never has it."""
    return replace(token, sealed={"shown once": f"{token.id}:{key}"})
