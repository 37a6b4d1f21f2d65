"""``/v3/principals``: the users and groups that rights can be given to, under the names that their providers know."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.api.behaviour import Behaviour, Call, Services
from chalicelib.api.http import Response, answer
from chalicelib.api.present import show
from chalicelib.schema import validate
from chalicelib.schema.kind import Kind
from chalicelib.schema.kinds.identity import SEARCH
from chalicelib.store.resources import missing
from chalicelib.types import Resource

if TYPE_CHECKING:
    from chalicelib.auth.providers.identities import Identities
    from chalicelib.auth.providers.principal import Principal


class Principals(Behaviour):
    """Nothing is stored: principals are the providers', and local ones follow from users."""

    referable = False

    def __init__(self, kind: Kind, services: Services, identities: Callable[[], Identities]) -> None:
        super().__init__(kind, services)
        self._identities = identities

    def find(self, id: str) -> Resource:
        raise missing("principal", id)

    def named(self, call: Call, id: str) -> Resource:
        found = self._identities().lookup.get(id, call.identity.user)
        if found is None:
            raise missing("principal", id)
        return _resource(found, self._names(call), call.identity.groups)

    def list(self, call: Call, parent: str | None = None) -> Iterable[Resource]:
        token = self.resources.get("token", call.identity.token)
        return self._seen_by(call, self._identities().lookup.own(token))

    def computed(self, call: Call, resource: Resource) -> Mapping[str, Any]:
        return {"name": resource.spec["name"]}

    def act_on_collection(self, name: str, call: Call) -> Response:
        values = validate.creation(SEARCH, call.request.document())
        wanted = str(values.get("principalType") or "")
        found = self._seen_by(call, self._identities().lookup.search(values["name"], wanted, call.identity.user))
        data = [show(self.kind, each, call.base, self.computed(call, each), actions=()) for each in found]
        links = {"self": f"{call.root}/principals"}
        return answer({"type": "collection", "resourceType": "principal", "links": links, "data": data})

    def _seen_by(self, call: Call, principals: Iterable[Principal]) -> Iterable[Resource]:
        names = self._names(call)
        return [_resource(principal, names, call.identity.groups) for principal in principals]

    def _names(self, call: Call) -> Collection[str]:
        """The ids of the caller's own principals."""
        user = self.resources.find("user", call.identity.user)
        return frozenset(user.spec.get("principalIds", ())) if user else ()


def _resource(principal: Principal, names: Collection[str], groups: Collection[str]) -> Resource:
    return Resource(
        kind="principal",
        id=principal.id,
        spec={"name": principal.name},
        status={
            "loginName": principal.login,
            "principalType": principal.kind,
            "provider": principal.provider,
            "me": principal.id in names,
            "memberOf": principal.id in groups,
            "profilePicture": principal.picture or None,
            "profileURL": principal.page or None,
        },
    )
