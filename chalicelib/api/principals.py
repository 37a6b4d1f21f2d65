"""``/v3/principals``: the users and groups that rights can be given to, under the names that their providers know."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from chalicelib.api.behaviour import Behaviour, Call
from chalicelib.api.http import Response, answer
from chalicelib.api.present import show
from chalicelib.errors import NotFound
from chalicelib.schema import validate
from chalicelib.schema.kinds.identity import SEARCH
from chalicelib.store.resources import missing
from chalicelib.types import Resource

LOCAL = "local://"
SHORTEST = 2
MOST_FOUND = 100


class Principals(Behaviour):
    """Nothing is stored: a local user's principal follows from the user."""

    referable = False

    def find(self, id: str) -> Resource:
        try:
            if not id.startswith(LOCAL):
                raise missing("principal", id)
            return _principal(self.resources.get("user", id.removeprefix(LOCAL)))
        except NotFound:
            raise missing("principal", id) from None

    def list(self, call: Call, parent: str | None = None) -> Iterable[Resource]:
        return [_principal(self.resources.get("user", call.identity.user))]

    def computed(self, call: Call, resource: Resource) -> Mapping[str, Any]:
        me = resource.id == f"{LOCAL}{call.identity.user}"
        return {"name": resource.spec["name"], "me": me, "memberOf": False}

    def act_on_collection(self, name: str, call: Call) -> Response:
        values = validate.creation(SEARCH, call.request.document())
        wanted = values["name"].lower()
        users = values.get("principalType") in (None, "user") and len(wanted) >= SHORTEST
        found = islice(self._matching(wanted), MOST_FOUND) if users else ()
        data = [show(self.kind, each, call.base, self.computed(call, each), actions=()) for each in found]
        links = {"self": f"{call.root}/principals"}
        return answer({"type": "collection", "resourceType": "principal", "links": links, "data": data})

    def _matching(self, wanted: str) -> Iterator[Resource]:
        for user in self.resources.all("user"):
            names = (user.id, user.spec.get("username"), user.spec.get("name"))
            if any(str(name or "").lower().startswith(wanted) for name in names):
                yield _principal(user)


def _principal(user: Resource) -> Resource:
    return Resource(
        kind="principal",
        id=f"{LOCAL}{user.id}",
        spec={"name": user.spec.get("name") or user.spec.get("username")},
        status={"loginName": user.spec.get("username"), "principalType": "user", "provider": "local"},
        uid=user.uid,
        created=user.created,
    )
