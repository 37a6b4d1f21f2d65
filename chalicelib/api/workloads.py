"""Workloads: each sort by itself, all of them as one collection, and what can be done to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from chalicelib.api import belonging
from chalicelib.api.behaviour import Behaviour, Call, Services
from chalicelib.api.conversation import Conversation, Make, Object
from chalicelib.api.http import Response, answer
from chalicelib.api.live import OBJECT, Live
from chalicelib.clusters.client import ClusterClient
from chalicelib.mapping import rollout, workloads
from chalicelib.schema import validate
from chalicelib.schema.kind import Kind
from chalicelib.schema.kinds.workloads import ROLLBACK
from chalicelib.store.resources import missing, timestamp
from chalicelib.types import Resource


class Sort(Live):
    """One sort of workload."""

    def act(self, name: str, call: Call, resource: Resource) -> Response:
        self.change(call, resource, self._made(name, call, resource))
        return Response(200)

    def follow(self, link: str, call: Call, resource: Resource) -> Response:
        """``revisions``: the replica sets that a deployment has had."""
        if link != "revisions" or link not in self.kind.links:
            return super().follow(link, call, resource)
        sets = self.siblings["replicaSet"]
        talk = self.talk(call)
        projects = {str(resource.spec["namespaceId"]): str(resource.spec["projectId"])}
        found = [sets.read(talk, each, projects) for each in self._revisions(talk, resource)]
        shown = [sets.show(call, each) for each in found]
        return answer({"type": "collection", "resourceType": sets.kind.id, "data": shown})

    def _made(self, name: str, call: Call, resource: Resource) -> Make:
        match name:
            case "pause":
                return rollout.paused
            case "resume":
                return rollout.resumed
            case "redeploy":
                now = timestamp(self.services.clock.now())
                return lambda stored: rollout.redeployed(stored, now)
            case _:
                to = str(validate.creation(ROLLBACK, call.request.document()).get("replicaSetId") or "")
                history = self._revisions(self.talk(call), resource)
                return lambda stored: rollout.rolled_back(stored, history, to)

    def _revisions(self, talk: Conversation, resource: Resource) -> list[Object]:
        sets = workloads.REPLICA_SET.served
        namespace, _ = self.mapped.locate(resource.id)
        return rollout.revisions(resource.status[OBJECT], [*talk.items(talk.path(sets, namespace))])


class Workloads(Behaviour):
    """All sorts together; an id begins with its sort, and each is handled as that."""

    referable = False
    refers = False

    def __init__(
        self, kind: Kind, services: Services, client: Callable[[], ClusterClient], siblings: Mapping[str, Live]
    ) -> None:
        super().__init__(kind, services)
        self._client = client
        self._siblings = siblings

    def may(self, call: Call, verb: str, resource: Resource | None = None, parent: str = "") -> bool:
        return True

    def of(self, resource: Resource) -> Behaviour:
        return self._siblings[resource.kind]

    def named(self, call: Call, id: str) -> Resource:
        sort = workloads.of_id(id)
        if sort is None:
            raise missing(self.kind.id, id)
        return self._siblings[sort.id].named(call, id)

    def list(self, call: Call, parent: str | None = None) -> Iterable[Resource]:
        """Those that nothing else owns: no deployment's replica sets, no cron job's jobs."""
        sorts = [self._siblings[sort.id] for sort in workloads.KINDS]
        talk = sorts[0].talk(call)
        projects = belonging.projects(self._client(), talk.cluster)
        return [found for sort in sorts for found in sort.listed(call, talk, projects) if not _owned(found)]

    def create(self, call: Call, values: Mapping[str, Any]) -> Resource:
        return self._siblings[workloads.chosen(dict(values)).id].create(call, values)


def _owned(resource: Resource) -> bool:
    return any(owner.get("controller") for owner in resource.spec.get("ownerReferences") or ())
