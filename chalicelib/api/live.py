"""Kinds whose resources live in a cluster and nowhere else: each call is a request to the cluster, as the caller.

Nothing is copied into the store, and it is the cluster's own RBAC that decides. ``mapping/`` knows what the objects
look like; ``assembly.py`` gives each kind this behaviour, or one upon it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import yaml

from chalicelib.api import belonging, conditional
from chalicelib.api.behaviour import Behaviour, Call, Services
from chalicelib.api.conversation import Conversation, Make, Object
from chalicelib.api.http import LARGEST_BODY, Response, answer
from chalicelib.api.present import Place as At
from chalicelib.api.shown import shown
from chalicelib.auth.access import may_enter
from chalicelib.clusters.client import JSON, ClusterClient
from chalicelib.errors import Forbidden, LariatError, Malformed, NotFound, TooLarge
from chalicelib.mapping.kind import Kind as Mapped
from chalicelib.mapping.place import Place
from chalicelib.schema.kind import Kind
from chalicelib.store.resources import missing
from chalicelib.types import Resource

OBJECT = "object"
"""Where a resource that was read alone keeps the cluster's object."""

YAML, YAML_LINK = "application/yaml", "yaml"

FEW = 16
"""Namespaces that are asked one by one; for more, the whole cluster is asked first."""

Hidden = Callable[[Object], bool]


class Live(Behaviour):
    """``client`` is asked for when it is needed: the edges have their connections to clusters later than their API.

    ``hidden`` are objects that are not there for the API. ``siblings`` are the behaviours of all live kinds.
    """

    referable = False
    refers = False

    def __init__(
        self,
        kind: Kind,
        services: Services,
        mapped: Mapped,
        client: Callable[[], ClusterClient],
        hidden: Hidden = lambda _: False,
        siblings: Mapping[str, Live] = {},
    ) -> None:
        super().__init__(kind, services)
        self.mapped = mapped
        self.client = client
        self._hidden = hidden
        self.siblings = siblings

    def may(self, call: Call, verb: str, resource: Resource | None = None, parent: str = "") -> bool:
        return True

    def rights(self, call: Call, resource: Resource) -> frozenset[str]:
        raise NotFound("ask the cluster: POST a SelfSubjectAccessReview below /k8s/clusters/<id>")

    def of(self, resource: Resource) -> Behaviour:
        return self if resource.kind == self.kind.id else self.siblings.get(resource.kind, self)

    def named(self, call: Call, id: str) -> Resource:
        talk = self.talk(call)
        namespace, name = self.mapped.locate(id)
        found = talk.ask("GET", talk.path(self.mapped.served, namespace, name))
        if self._hidden(found):
            raise missing(self.kind.id, id)
        return self.read(talk, found, self._projects(talk, namespace), alone=True)

    def list(self, call: Call, parent: str | None = None) -> Iterable[Resource]:
        talk = self.talk(call)
        projects = belonging.projects(self.client(), talk.cluster) if self.mapped.served.namespaced else {}
        return self.listed(call, talk, projects)

    def listed(self, call: Call, talk: Conversation, projects: Mapping[str, str]) -> Iterable[Resource]:
        """``projects`` are those of the cluster's namespaces."""
        return [self.read(talk, found, projects) for found in self._found(call, talk, projects)]

    def _found(self, call: Call, talk: Conversation, projects: Mapping[str, str]) -> Iterator[Object]:
        """The objects of the context that the caller may read."""
        wanted = call.request.option("namespaceId")
        inside = {namespace for namespace, project in projects.items() if project == call.context}
        if wanted:
            inside &= {wanted}
        for found in self._collected(talk, sorted(inside)):
            if not self._hidden(found) and (not self.mapped.served.namespaced or _namespace(found) in inside):
                yield found

    def _collected(self, talk: Conversation, namespaces: Sequence[str]) -> Iterator[Object]:
        served, selector = self.mapped.served, self.mapped.selector
        if not served.namespaced or len(namespaces) > FEW:
            try:
                return iter([*talk.items(talk.path(served), selector)])
            except LariatError as error:
                if error.status != Forbidden.status:
                    raise
        return self._each(talk, namespaces)

    def _each(self, talk: Conversation, namespaces: Sequence[str]) -> Iterator[Object]:
        """What a caller may not list is not there for him, as with Lariat's own resources."""
        for namespace in namespaces:
            try:
                yield from talk.items(talk.path(self.mapped.served, namespace), self.mapped.selector)
            except LariatError as error:
                if error.status != Forbidden.status:
                    raise

    def create(self, call: Call, values: Mapping[str, Any]) -> Resource:
        talk = self.talk(call)
        namespace = str(values.get("namespaceId") or "")
        projects = self._projects(talk, namespace)
        if self.mapped.served.namespaced and projects.get(namespace) != call.context:
            raise missing("namespace", namespace)
        return self.make(talk, {**values, "creatorId": call.identity.user}, projects)

    def make(self, talk: Conversation, values: Mapping[str, Any], projects: Mapping[str, str]) -> Resource:
        served = self.mapped.served
        wanted = self.mapped.to_kubernetes(
            dict(values), place=self._place(talk, projects), version=served.version(talk.minor)
        )
        namespace = str(wanted["metadata"].get("namespace") or "")
        return self.read(talk, talk.ask("POST", talk.path(served, namespace), wanted), projects, alone=True)

    def update(self, call: Call, resource: Resource, values: Mapping[str, Any]) -> Resource:
        talk = self.talk(call)
        place = self._place(talk, _projects_of(resource))

        def make(stored: Object) -> Object:
            conditional.demand(call.request, _tag(stored))
            return self.mapped.to_kubernetes(dict(values), stored, place)

        return self.change(call, resource, make)

    def change(self, call: Call, resource: Resource, make: Make) -> Resource:
        """Put what ``make`` makes of an object in its place."""
        talk = self.talk(call)
        changed = talk.change(self.address(talk, resource), make)
        return self.read(talk, changed, _projects_of(resource), alone=True)

    def remove(self, call: Call, resource: Resource) -> Resource:
        talk = self.talk(call)
        # As kubectl does: what an object owns goes too, whatever its version's default is.
        talk.ask("DELETE", self.address(talk, resource), {"propagationPolicy": "Background"})
        return resource

    def follow(self, link: str, call: Call, resource: Resource) -> Response:
        """``yaml``: the object itself, in the words of Kubernetes; as YAML if the caller asks for that."""
        if link not in self.kind.links:
            raise missing(self.kind.id, f"{resource.id}/{link}")
        return manifest(call, resource.status[OBJECT])

    def rewrite(self, link: str, call: Call, resource: Resource) -> Response:
        """``yaml``: the whole object anew. The cluster reads it itself, and decides."""
        if link != YAML_LINK or YAML_LINK not in self.kind.links or "PUT" not in self.kind.resource_methods:
            return super().rewrite(link, call, resource)
        if len(call.request.body) > LARGEST_BODY:
            raise TooLarge(f"the body is larger than {LARGEST_BODY // 1024} KB")
        if not call.request.body.strip():
            raise Malformed("Failed to parse body: EOF")
        talk = self.talk(call)
        kind = YAML if any("yaml" in each for each in call.request.values("content-type")) else JSON
        return manifest(call, talk.replace(self.address(talk, resource), call.request.body, kind))

    def address(self, talk: Conversation, resource: Resource) -> str:
        """The object's path in the cluster."""
        return talk.path(self.mapped.served, *self.mapped.locate(resource.id))

    def read(self, talk: Conversation, found: Object, projects: Mapping[str, str], *, alone: bool = False) -> Resource:
        values = self.mapped.to_v3({**found, "kind": self.mapped.served.kind}, self._place(talk, projects))
        return Resource(
            kind=str(values["type"]), id=str(values["id"]), spec=values, status={OBJECT: found} if alone else {}
        )

    def show(self, call: Call, resource: Resource) -> dict[str, Any]:
        url = At(f"{call.root}/{self.shelf}").of(resource.id)
        links = {**dict.fromkeys(("self", *self.links(resource)), url)}
        links |= {name: f"{url}/{name}" for name in self.kind.links}
        document: dict[str, Any] = {"id": resource.id, "type": self.kind.id, "baseType": self.kind.base, "links": links}
        if offered := self.actions(resource):
            document["actions"] = {name: f"{url}?action={name}" for name in offered}
        return document | shown(self.kind, resource.spec, f"{call.version.path}/schemas")

    def tag(self, resource: Resource) -> str:
        found = resource.status.get(OBJECT)
        return _tag(found) if found else super().tag(resource)

    def field(self, call: Call, resource: Resource, name: str) -> Any:
        return resource.spec.get(name)

    @property
    def shelf(self) -> str:
        """The collection under which a resource is shown."""
        return "workloads" if self.kind.base == "workload" else self.kind.plural

    def talk(self, call: Call) -> Conversation:
        """Begin to talk with the cluster that the call is about. Raises ``NotFound`` if the caller may not enter it.

        As the proxy does: a cluster may know a user whom Lariat lets in no more, and gives something to anybody.
        """
        id = cluster_of(call.context)
        cluster = self.resources.find("cluster", id) if may_enter(call.identity, id) else None
        if cluster is None:
            raise missing("cluster", id[:200])
        return Conversation(self.client(), call.identity, cluster, self.services.clock)

    def _projects(self, talk: Conversation, namespace: str) -> Mapping[str, str]:
        if not namespace:
            return {}
        return {namespace: belonging.project(self.client(), talk.cluster, namespace)}

    def _place(self, talk: Conversation, projects: Mapping[str, str]) -> Place:
        return Place(cluster=talk.cluster, projects=projects, now=self.services.clock.now())


def manifest(call: Call, object: Object) -> Response:
    """As JSON, or as YAML if the caller asks for that."""
    asked = call.request.option("_format") or ",".join(call.request.values("accept"))
    if "yaml" not in asked:
        return answer(object)
    return Response(200, yaml.safe_dump(object, sort_keys=False).encode(), (("content-type", YAML),))


def cluster_of(context: str) -> str:
    """The cluster that a context is in: a project's id begins with it."""
    return context.partition(":")[0]


def _tag(found: Object) -> str:
    return conditional.tag(str(found["metadata"].get("resourceVersion", "")))


def _namespace(found: Object) -> str:
    return str((found.get("metadata") or {}).get("namespace") or "")


def _projects_of(resource: Resource) -> Mapping[str, str]:
    namespace, project = resource.spec.get("namespaceId"), resource.spec.get("projectId")
    return {str(namespace): str(project)} if namespace and project else {}
