"""``/v3/nodes``: those that Lariat keeps for clusters it makes, and those that are found in connected clusters.

The latter live in their clusters alone: their ids are the cluster's and the node's name, and the cluster decides who
may see, cordon and drain them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from chalicelib.api.behaviour import Behaviour, Call
from chalicelib.api.conversation import Conversation, understood
from chalicelib.api.http import Response
from chalicelib.api.live import Live
from chalicelib.auth.access import READ, may
from chalicelib.errors import ClusterUnavailable, Conflict, Forbidden, LariatError, MethodNotAllowed, NotFound
from chalicelib.mapping import drain
from chalicelib.mapping.nodes import cordoned, draining, uncordoned, undrained
from chalicelib.schema import validate
from chalicelib.schema.kinds.nodes import DRAIN
from chalicelib.store.resources import missing
from chalicelib.types import Resource

OFFERED: Mapping[str, tuple[str, ...]] = {
    "draining": ("stopDrain",),
    "drained": ("uncordon",),
    "cordoned": ("uncordon", "drain"),
}
"""The actions of a found node by its state; otherwise it can be cordoned and drained."""


class Nodes(Live):
    referable = True
    refers = True

    def may(self, call: Call, verb: str, resource: Resource | None = None, parent: str = "") -> bool:
        return _found(resource) or Behaviour.may(self, call, verb, resource, parent)

    def rights(self, call: Call, resource: Resource) -> frozenset[str]:
        return super().rights(call, resource) if _found(resource) else Behaviour.rights(self, call, resource)

    def named(self, call: Call, id: str) -> Resource:
        stored = self.resources.find(self.kind.id, id)
        if stored is not None:
            return stored
        cluster = id.partition(":")[0]
        if self.resources.find("cluster", cluster) is None or not self.client().connected(cluster):
            raise missing(self.kind.id, id)
        return self._placed(super().named(_in(call, cluster), id), cluster)

    def list(self, call: Call, parent: str | None = None) -> Iterable[Resource]:
        yield from Behaviour.list(self, call, parent)
        for cluster in self._clusters(call, parent or call.request.option("clusterId")):
            yield from self._of_cluster(call, cluster)

    def _clusters(self, call: Call, wanted: str) -> Iterable[str]:
        """Where the caller may look: in the one that was asked for, else in all that he sees."""
        if wanted:
            return [wanted] if self.resources.find("cluster", wanted) else []
        clusters = self.resources.all("cluster")
        return [each.id for each in clusters if may(call.identity, READ, "cluster", each)]

    def _of_cluster(self, call: Call, cluster: str) -> Iterable[Resource]:
        if not self.client().connected(cluster):
            return []
        try:
            talk = self.talk(_in(call, cluster))
            return [self._placed(each, cluster) for each in self.listed(_in(call, cluster), talk, {})]
        except ClusterUnavailable:
            return []
        except LariatError as error:
            if error.status != Forbidden.status:
                raise
            return []

    def _placed(self, resource: Resource, cluster: str) -> Resource:
        return replace(resource, parent=cluster)

    def create(self, call: Call, values: Mapping[str, Any]) -> Resource:
        return Behaviour.create(self, call, values)

    def update(self, call: Call, resource: Resource, values: Mapping[str, Any]) -> Resource:
        if not _found(resource):
            return Behaviour.update(self, call, resource, values)
        described = {"labels": call.labels, "annotations": call.annotations}
        values = {**values, **{name: dict(value) for name, value in described.items() if value is not None}}
        return self._placed(super().update(_in(call, resource.parent), resource, values), resource.parent)

    def remove(self, call: Call, resource: Resource) -> Resource:
        if _found(resource):
            raise MethodNotAllowed("a node that was found in its cluster is removed there")
        return Behaviour.remove(self, call, resource)

    def actions(self, resource: Resource) -> tuple[str, ...]:
        return OFFERED.get(str(resource.spec.get("state")), ("cordon", "drain")) if _found(resource) else ()

    def links(self, resource: Resource) -> tuple[str, ...]:
        return ("update",) if _found(resource) else super().links(resource)

    def show(self, call: Call, resource: Resource) -> dict[str, Any]:
        if not _found(resource):
            return Behaviour.show(self, call, resource)
        document = super().show(call, resource)
        return document | {"conditions": resource.spec.get("conditions") or [], "nodeTemplateId": None}

    def field(self, call: Call, resource: Resource, name: str) -> Any:
        if not _found(resource):
            return Behaviour.field(self, call, resource, name)
        return super().field(call, resource, name)

    def act(self, name: str, call: Call, resource: Resource) -> Response:
        if not _found(resource):
            raise NotFound("Lariat does not run this node yet", code="ActionNotAvailable")
        call = _in(call, resource.parent)
        if name == "drain":
            self._drain(call, resource)
        else:
            make = {"cordon": cordoned, "uncordon": uncordoned, "stopDrain": undrained}[name]
            self.change(call, resource, make)
        return Response(200)

    def _drain(self, call: Call, resource: Resource) -> None:
        """Evict what has to go. A pod that a disruption budget keeps leaves the node cordoned, to be drained again."""
        wanted = drain.options(validate.creation(DRAIN, call.request.document()))
        talk = self.talk(call)
        _, name = self.mapped.locate(resource.id)
        going = drain.plan(talk.items("/api/v1/pods", f"spec.nodeName={name}"), wanted, talk.minor)
        self.change(call, resource, draining)
        kept = [str(each["metadata"]["name"]) for each in going if not _evicted(talk, each)]
        self.change(call, resource, undrained if kept else lambda node: draining(node, done=True))
        if kept:
            raise Conflict(f"not yet evicted, as a disruption budget keeps them: {', '.join(sorted(kept)[:20])}")


def _found(resource: Resource | None) -> bool:
    """Was it found in a cluster? What is stored has been written at least once."""
    return resource is not None and resource.version == 0


def _in(call: Call, cluster: str) -> Call:
    return replace(call, context=cluster)


def _evicted(talk: Conversation, eviction: Mapping[str, Any]) -> bool:
    metadata = eviction["metadata"]
    path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/eviction"
    answer = talk.send("POST", path, eviction)
    if answer.status == 429:
        return False
    if answer.status != NotFound.status:
        understood(answer)
    return True
