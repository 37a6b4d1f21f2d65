"""``/v3/cluster/<id>/namespaces``: in which project one is, the projects' owners decide; all else, the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.api import belonging
from chalicelib.api.behaviour import Call
from chalicelib.api.http import Response
from chalicelib.api.live import OBJECT, Live, cluster_of
from chalicelib.auth import tokens
from chalicelib.auth.access import CREATE, may
from chalicelib.clusters import desired
from chalicelib.controllers.quotas import exceeding
from chalicelib.errors import Forbidden, Invalid
from chalicelib.mapping.namespaces import moved
from chalicelib.schema import validate
from chalicelib.schema.kinds.namespaces import MOVE
from chalicelib.schema.kinds.projects import DEFAULT_QUOTA, limits
from chalicelib.store.resources import missing
from chalicelib.types import Resource

QUOTA = "resourceQuota"


class Namespaces(Live):
    def create(self, call: Call, values: Mapping[str, Any]) -> Resource:
        project = self._check(call, values.get("projectId"))
        if project is not None:
            self._fit(project, values.get(QUOTA))
        name = values.get("name") or f"{self.kind.prefix}-{tokens.word(self.random, 5)}"
        made = super().create(call, {**values, "name": name})
        self.resources.touch(cluster_of(call.context))
        return made

    def update(self, call: Call, resource: Resource, values: Mapping[str, Any]) -> Resource:
        project = self.resources.find("project", str(resource.spec.get("projectId")))
        if QUOTA in values and project is not None:
            self._fit(project, values[QUOTA], resource.id)
        changed = super().update(call, resource, values)
        if QUOTA in values:
            self.resources.touch(cluster_of(call.context))
        return changed

    def act(self, name: str, call: Call, resource: Resource) -> Response:
        """``move``: takes it out of one project and puts it into another, so both are asked."""
        body = call.request.document()
        if "projectId" not in body:
            raise Invalid(
                "projectId is required; null takes it out of its project", code="MissingRequired", field="projectId"
            )
        target = validate.creation(MOVE, body).get("projectId")
        self._check(call, resource.spec.get("projectId"), known=False)
        project = self._check(call, target)
        if project is not None and project.spec.get("resourceQuota"):
            raise Invalid(f"can't move the namespace: project {target} has a quota set", code="InvalidAction")
        changed = self.change(call, resource, lambda stored: moved(stored, target))
        uid = changed.status[OBJECT]["metadata"]["uid"]
        desired.place(self.resources, cluster_of(call.context), uid, target or "")
        return Response(200)

    def _fit(self, project: Resource, wish: Mapping[str, Any] | None, name: str = "") -> None:
        """Does a namespace's share fit in what its project's other namespaces leave? Raises ``Invalid``."""
        whole = limits(project.spec.get(QUOTA))
        if not whole:
            return
        wanted = limits(wish or project.spec.get(DEFAULT_QUOTA))
        if whole.keys() - wanted.keys():
            message = "resourceQuota does not have all fields defined on a project quota"
            raise Invalid(message, code="MissingRequired", field=QUOTA)
        members = belonging.members(self.client(), cluster_of(project.id), project.id)
        others = [each for each in members if each["metadata"]["name"] != name]
        over = [f"{term}={wanted[term]}" for term in exceeding(project, others, {"limit": wanted})]
        if over:
            message = f"resourceQuota exceeds projectLimit on fields: {','.join(over)}"
            raise Invalid(message, code="MaxLimitExceeded", field=QUOTA)

    def _check(self, call: Call, id: str | None, *, known: bool = True) -> Resource | None:
        """May the caller have namespaces in the project? One that is ``known`` must also be there, in this cluster."""
        if not id:
            return None
        project = self.resources.find("project", id) if cluster_of(id) == cluster_of(call.context) else None
        if project is None and known:
            raise missing("project", id)
        if not may(call.identity, CREATE, "namespace", parent=id):
            raise Forbidden(f"you may not manage namespaces of project {id}")
        return project
