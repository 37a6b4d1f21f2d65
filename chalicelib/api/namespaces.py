"""``/v3/cluster/<id>/namespaces``: in which project one is, the projects' owners decide; all else, the cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chalicelib.api import belonging, export
from chalicelib.api.behaviour import Call
from chalicelib.api.conversation import Conversation, Object
from chalicelib.api.http import Response
from chalicelib.api.live import OBJECT, YAML_LINK, Live, cluster_of, manifest
from chalicelib.api.readable import readable
from chalicelib.auth import tokens
from chalicelib.clusters import moves
from chalicelib.controllers.quotas import exceeding
from chalicelib.errors import Invalid, MethodNotAllowed
from chalicelib.mapping.namespaces import moved
from chalicelib.schema import validate
from chalicelib.schema.kinds.namespaces import MOVE
from chalicelib.schema.kinds.projects import DEFAULT_QUOTA, limits
from chalicelib.schema.quantity import quantity
from chalicelib.store.resources import missing
from chalicelib.types import Resource

QUOTA = "resourceQuota"


class Namespaces(Live):
    def create(self, call: Call, values: Mapping[str, Any]) -> Resource:
        cluster, id = cluster_of(call.context), values.get("projectId")
        if id:
            project = moves.enter(self.resources, call.identity, cluster, id)
            self._fit(project, values.get(QUOTA))
        name = values.get("name") or f"{self.kind.prefix}-{tokens.word(self.random, 5)}"
        made = super().create(call, {**values, "name": name})
        # Its project may go before the cluster is looked at, and takes it along then.
        moves.move(self.resources, cluster, made.status[OBJECT], id or "", source=id or "")
        return made

    def update(self, call: Call, resource: Resource, values: Mapping[str, Any]) -> Resource:
        project = self.resources.find("project", str(resource.spec.get("projectId")))
        if QUOTA in values and project is not None:
            self._fit(project, values[QUOTA], resource.id)
        changed = super().update(call, resource, values)
        self.resources.touch(cluster_of(call.context))
        return changed

    def remove(self, call: Call, resource: Resource) -> Resource:
        removed = super().remove(call, resource)
        self.resources.touch(cluster_of(call.context))
        return removed

    def act(self, name: str, call: Call, resource: Resource) -> Response:
        """``move``: takes it out of one project and puts it into another, so both are asked."""
        body = call.request.document()
        if "projectId" not in body:
            raise Invalid(
                "projectId is required; null takes it out of its project", code="MissingRequired", field="projectId"
            )
        cluster, target = cluster_of(call.context), validate.creation(MOVE, body).get("projectId") or ""
        source = moves.current(self.resources, cluster, resource.status[OBJECT])
        moves.check(self.resources, call.identity, cluster, source, target)
        changed = self.change(call, resource, lambda stored: moved(stored, target or None))
        moves.move(self.resources, cluster, changed.status[OBJECT], target, source)
        return Response(200)

    def follow(self, link: str, call: Call, resource: Resource) -> Response:
        """``yaml``: what is in the namespace, unlike every other kind's."""
        if link != YAML_LINK:
            raise missing(self.kind.id, f"{resource.id}/{link}")
        return manifest(call, export.of_namespace(self.talk(call), resource.id))

    def rewrite(self, link: str, call: Call, resource: Resource) -> Response:
        raise MethodNotAllowed("Method PUT not supported: apply the export with kubectl")

    def _each(self, talk: Conversation, namespaces: Sequence[str]) -> Iterator[Object]:
        """Who may not list them all sees those that they may read."""
        names = readable(talk)
        if names:
            yield from (each for each in belonging.everything(self.client(), talk.cluster) if _name(each) in names)

    def _fit(self, project: Resource, wish: Mapping[str, Any] | None, name: str = "") -> None:
        """Does a namespace's share fit in what its project's other namespaces leave? Raises ``Invalid``."""
        for amount in limits(wish).values():
            quantity(amount, QUOTA)
        whole = limits(project.spec.get(QUOTA))
        if not whole:
            return
        wanted = limits(wish or project.spec.get(DEFAULT_QUOTA))
        if whole.keys() - wanted.keys():
            message = "resourceQuota does not have all fields defined on a project quota"
            raise Invalid(message, code="MissingRequired", field=QUOTA)
        members = belonging.members(self.client(), cluster_of(project.id), project.id)
        others = [each for each in members if _name(each) != name]
        over = [f"{term}={wanted[term]}" for term in exceeding(project, others, {"limit": wanted})]
        if over:
            message = f"resourceQuota exceeds projectLimit on fields: {','.join(over)}"
            raise Invalid(message, code="MaxLimitExceeded", field=QUOTA)


def _name(found: Object) -> str:
    return str(found["metadata"]["name"])
