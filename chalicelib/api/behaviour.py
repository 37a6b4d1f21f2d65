"""What a kind may do beyond its declaration; one subclass a kind, in the file named after it.

``api/resources.py`` checks rights and values first, then asks the kind's behaviour.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.api import conditional
from chalicelib.api.http import Request, Response
from chalicelib.api.links import related
from chalicelib.api.merge import completed, merged, owned, replaced
from chalicelib.api.present import Place, Read, reader, show
from chalicelib.api.sealing import Sealing, kept
from chalicelib.auth import tokens
from chalicelib.auth.access import DELETE, READ, UPDATE, may, readable, rights
from chalicelib.auth.identity import Identity
from chalicelib.auth.rights import Rights
from chalicelib.auth.roles.access import Access
from chalicelib.errors import Forbidden, Invalid, LariatError, MethodNotAllowed, NameTaken, NotFound
from chalicelib.schema.kind import Action, Kind
from chalicelib.schema.kinds import MANAGEMENT
from chalicelib.schema.version import Version
from chalicelib.store.removal import Removal
from chalicelib.store.resources import Resources
from chalicelib.types import Clock, Random, Resource

_RIGHTS = {"update": UPDATE, "remove": DELETE}
"""What a caller needs to be shown a link: a client sees by them what its user may do."""


RIGHTS = "rights"
"""The link of every resource to what the caller may do with it; ``rights.py`` answers it."""


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated API call. ``context`` is the cluster or project whose path it came by, else empty.

    ``labels`` and ``annotations`` are what the body says of them, if it does.
    """

    request: Request
    identity: Identity
    version: Version = MANAGEMENT
    context: str = ""
    labels: Mapping[str, str] | None = None
    annotations: Mapping[str, str] | None = None

    @property
    def access(self) -> Access:
        """What the caller was given. Raises ``Forbidden`` if that is nothing at all."""
        if self.identity.access is None:
            raise Forbidden("you were given no rights")
        return self.identity.access

    @property
    def base(self) -> str:
        return self.request.base

    @property
    def root(self) -> str:
        """The URL that collections hang under."""
        return f"{self.base}{self.version.path}" + (f"/{self.context}" if self.context else "")

    @property
    def replacing(self) -> bool:
        """Does an update set every field, also those that were not sent?"""
        return self.request.option("_replace").lower() == "true"


@dataclass(frozen=True, slots=True)
class Services:
    """What every behaviour works with."""

    resources: Resources
    removal: Removal
    random: Random
    clock: Clock
    sealing: Sealing
    rights: Rights


class Behaviour:
    """The plain life of a kind: store what was validated, show it, merge updates, remove."""

    referable = True
    """Must a reference to this kind lead to something?"""

    refers = True
    """Must what this kind refers to be there?"""

    def __init__(self, kind: Kind, services: Services) -> None:
        self.kind = kind
        self.services = services
        self.resources = services.resources
        self.random = services.random

    @property
    def plain_list(self) -> bool:
        """Is the collection just what is stored, so that a page of it can be read alone?"""
        return type(self).list is Behaviour.list

    def ready(self) -> Behaviour:
        """The behaviour for one list: what all of its resources need is read once."""
        return self

    def of(self, resource: Resource) -> Behaviour:
        """The behaviour that shows and changes one of a mixed collection's resources."""
        return self

    def may(self, call: Call, verb: str, resource: Resource | None = None, parent: str = "") -> bool:
        """May the caller do this? Where somebody else decides, such as a cluster, the answer is yes."""
        return may(call.identity, verb, self.kind.id, resource, parent)

    def rights(self, call: Call, resource: Resource) -> frozenset[str]:
        """All that the caller may do with a resource. Raises ``NotFound`` where somebody else decides."""
        return rights(call.identity, self.kind.id, resource)

    def readable(self, call: Call, resources: Iterable[Resource]) -> list[Resource]:
        """Those that the caller may see, as ``may`` says."""
        if type(self).may is Behaviour.may:
            return readable(call.identity, self.kind.id, resources)
        return [resource for resource in resources if self.may(call, READ, resource)]

    def create(self, call: Call, values: Mapping[str, Any]) -> Resource:
        with self.naming(values):
            return self.resources.create_new(lambda: self.new(call, values))

    def new(self, call: Call, values: Mapping[str, Any]) -> Resource:
        """Make the resource of validated values, with its id and its parent, its secrets sealed."""
        parent = self.parent_of(call, values)
        id = self.identify(parent, values)
        spec, sealed, _ = self.services.sealing.part(self.kind, id, values)
        spec.pop(self.kind.parent, None)
        return Resource(
            kind=self.kind.id,
            id=id,
            parent=parent,
            spec=spec,
            sealed=sealed,
            unique=self.claims(parent, spec),
            labels=owned(call.labels, {}),
            annotations=owned(call.annotations, {}),
            creator=call.identity.user,
        )

    def parent_of(self, call: Call, values: Mapping[str, Any]) -> str:
        """What belongs to a user belongs to the caller."""
        if self.kind.scope == "user" and not self.kind.fields[self.kind.parent].create:
            return call.identity.user
        return str(values.get(self.kind.parent) or "") if self.kind.parent else ""

    def identify(self, parent: str, values: Mapping[str, Any]) -> str:
        name = "" if self.kind.named else str(values.get("name") or "")
        name = name or f"{self.kind.prefix}-{tokens.word(self.random, 5)}"
        return f"{parent.rpartition(':')[2]}:{name}" if self.kind.scope in ("cluster", "project") else name

    def update(self, call: Call, resource: Resource, values: Mapping[str, Any]) -> Resource:
        """Merge ``values`` into the stored resource, however often somebody else writes meanwhile."""
        with self.naming(values):
            return self.resources.update(resource.key, lambda stored: self.merge(call, stored, values))

    def merge(self, call: Call, stored: Resource, values: Mapping[str, Any]) -> Resource:
        """The stored resource with what was sent. Raises ``Invalid``, and ``Stale`` if the caller has read another one."""
        conditional.demand(call.request, self.tag(stored))
        if call.replacing:
            values = replaced(self.kind, stored.spec, values)
        values = completed(self.kind, stored.spec, values)
        plain, sealed, dropped = self.services.sealing.part(self.kind, stored.id, values)
        spec = merged(self.kind, stored.spec, plain)
        for validator in self.kind.validators:
            validator(spec)
        return replace(
            stored,
            spec=spec,
            sealed={**kept(stored.sealed, dropped), **sealed} if dropped else stored.sealed,
            unique=self.claims(stored.parent, spec) if self.kind.unique else stored.unique,
            labels=owned(call.labels, stored.labels),
            annotations=owned(call.annotations, stored.annotations),
        )

    def claims(self, parent: str, spec: Mapping[str, Any]) -> tuple[str, ...]:
        """The names that a resource holds against its siblings."""
        return tuple(
            f"{self.kind.id}.{name}/{parent}/{str(spec[name]).lower()}" for name in self.kind.unique if spec.get(name)
        )

    @contextmanager
    def naming(self, values: Mapping[str, Any]) -> Iterator[None]:
        """Say of which field it is if a name is taken."""
        try:
            yield
        except NameTaken:
            field = next(iter(self.kind.unique), "name")
            message = f"there is a {self.kind.id} with the {field} {values.get(field)!r} already"
            raise Invalid(message, code="NotUnique", field=field) from None

    def remove(self, call: Call, resource: Resource) -> Resource:
        return self.services.removal.remove(resource.key)

    def find(self, id: str) -> Resource:
        """Raises ``NotFound``."""
        return self.resources.get(self.kind.id, id)

    def named(self, call: Call, id: str) -> Resource:
        """The resource that a path means; for most kinds an id means the same for everybody."""
        return self.find(id)

    def list(self, call: Call, parent: str | None = None) -> Iterable[Resource]:
        """Everything of the kind, or of one parent; what the caller may not see is left out by who asks."""
        return self.resources.all(self.kind.id, parent)

    def links(self, resource: Resource) -> tuple[str, ...]:
        """The links beside ``self``: ``update`` and ``remove``, where the resource allows it."""
        methods = {"PUT": "update", "DELETE": "remove"}
        return tuple(methods[method] for method in self.kind.resource_methods if method in methods)

    def actions(self, resource: Resource) -> tuple[str, ...]:
        """The actions that the resource offers in its state."""
        return tuple(name for name, action in self.kind.actions.items() if action.offered(resource))

    def offered(self, call: Call, resource: Resource) -> tuple[str, ...]:
        """Those actions that the caller may ask for."""
        actions = self.actions(resource)
        if actions and not self.may(call, UPDATE, resource):
            return tuple(name for name in actions if self.kind.actions[name].reading)
        return actions

    def computed(self, call: Call, resource: Resource) -> Mapping[str, Any]:
        """Fields that don't stand in the resource itself."""
        return {}

    def seen(self, resource: Resource) -> Resource:
        """The resource under the id that clients know."""
        return resource

    def tag(self, resource: Resource) -> str:
        """Names the state of a resource: any write changes it, and so does another resource of the same id."""
        return conditional.tag(resource.uid, resource.version)

    def place(self, call: Call) -> Place:
        return Place(f"{call.root}/{self.kind.plural}", f"{call.version.path}/schemas")

    def show(self, call: Call, resource: Resource) -> dict[str, Any]:
        """The resource's JSON."""
        place, seen = self.place(call), self.seen(resource)
        return show(
            self.kind,
            seen,
            call.base,
            self.computed(call, resource),
            [link for link in self.links(resource) if self.may(call, _RIGHTS[link], resource)],
            place=place,
            actions=self.offered(call, resource),
            related={
                **related(self.kind, seen.id, call.base, place.of(seen.id)),
                RIGHTS: f"{place.of(seen.id)}/{RIGHTS}",
            },
        )

    def reads(self, call: Call, name: str) -> Read:
        """How ``field`` is read of many resources; where nothing depends on the call, without a detour for each."""
        own = type(self)
        simple = (own.of, own.seen, own.computed, own.field)
        if simple == (Behaviour.of, Behaviour.seen, Behaviour.computed, Behaviour.field):
            return reader(self.kind, name)
        return lambda resource: self.of(resource).field(call, resource, name)

    def field(self, call: Call, resource: Resource, name: str) -> Any:
        """One field as ``show`` gives it, for filters and order; all of a kind are asked, so the rest is not made."""
        if type(self).computed is not Behaviour.computed:
            computed = self.computed(call, resource)
            if name in computed:
                return computed[name]
        return reader(self.kind, name)(self.seen(resource))

    def tell(self, call: Call, resource: Resource) -> dict[str, Any]:
        """The resource's JSON for subscribers, who are told by functions that can't open what is sealed."""
        return self.show(call, resource)

    def follow(self, link: str, call: Call, resource: Resource) -> Response:
        """Answer a link that the kind declares."""
        raise NotFound(f"there is no {link} here")

    def rewrite(self, link: str, call: Call, resource: Resource) -> Response:
        """Take what ``follow`` would give, changed."""
        raise MethodNotAllowed("Method PUT not supported")

    def act(self, name: str, call: Call, resource: Resource) -> Response:
        """Carry out an action that the kind declares and the resource offers."""
        raise LariatError(f"nothing carries out {name} of {self.kind.id}")

    def act_on_collection(self, name: str, call: Call) -> Response:
        raise LariatError(f"nothing carries out {name} of {self.kind.plural}")


def available(name: str, actions: Mapping[str, Action], resource: Resource | None = None) -> None:
    """Raises ``Invalid`` for an action that is not declared, ``NotFound`` for one that is not offered now."""
    action = actions.get(name)
    if action is None:
        raise Invalid(f"Invalid action: {name}", code="InvalidAction")
    if action.later:
        raise NotFound(action.later, code="ActionNotAvailable")
    if resource is not None and not action.offered(resource):
        raise NotFound(f"{name} is not available in this state", code="ActionNotAvailable")
