"""``/v3/projects``: whoever creates one owns it; a cluster's own projects stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from chalicelib.api import belonging, export
from chalicelib.api.behaviour import Behaviour, Call, Services
from chalicelib.api.conversation import Conversation
from chalicelib.api.http import Response, answer
from chalicelib.auth.access import CREATE, may
from chalicelib.auth.tokens import word
from chalicelib.clusters.client import ClusterClient
from chalicelib.clusters.desired import POLICY, policies
from chalicelib.controllers.defaults import SYSTEM_PROJECT, of_project
from chalicelib.errors import Forbidden, Invalid, MethodNotAllowed
from chalicelib.schema import validate
from chalicelib.schema.kind import Kind
from chalicelib.schema.kinds.projects import POLICY_BINDING, SET_POLICY
from chalicelib.store.resources import timestamp
from chalicelib.types import Resource


class Projects(Behaviour):
    """``client`` is asked for when it is needed, as by kinds that live in clusters."""

    def __init__(self, kind: Kind, services: Services, client: Callable[[], ClusterClient]) -> None:
        super().__init__(kind, services)
        self._client = client

    def create(self, call: Call, values: Mapping[str, Any]) -> Resource:
        with self.naming(values):
            return self.resources.create_new(lambda: self._owned(call, values))

    def _owned(self, call: Call, values: Mapping[str, Any]) -> tuple[Resource, ...]:
        now = timestamp(self.services.clock.now())
        return of_project(self.new(call, values), self.services.rights.library(), now)

    def remove(self, call: Call, resource: Resource) -> Resource:
        if resource.labels.get(SYSTEM_PROJECT) == "true":
            raise MethodNotAllowed("the System project can't be deleted")
        return super().remove(call, resource)

    def act(self, name: str, call: Call, resource: Resource) -> Response:
        return self._export(call, resource) if name == "exportYaml" else self._set_policy(call, resource)

    def _export(self, call: Call, resource: Resource) -> Response:
        """The project's namespaces and what is in them, as far as the cluster lets the caller read it."""
        cluster, client = self.resources.get("cluster", resource.parent), self._client()
        names = [each["metadata"]["name"] for each in belonging.members(client, cluster.id, resource.id)]
        talk = Conversation(client, call.identity, cluster, self.services.clock)
        return Response(200, export.text(export.of_project(talk, names)), (("content-type", "text/yaml"),))

    def _set_policy(self, call: Call, resource: Resource) -> Response:
        """Another template than the cluster's, or (null) that one again."""
        body = call.request.document()
        if POLICY not in body:
            message = f"{POLICY} is required; null leaves the choice to the cluster"
            raise Invalid(message, code="MissingRequired", field=POLICY)
        chosen = validate.creation(SET_POLICY, body).get(POLICY)
        if not may(call.identity, CREATE, POLICY_BINDING.id, parent=resource.id):
            raise Forbidden("you may not choose what pods of this project may do")
        if chosen and chosen not in policies(self.resources):
            raise Invalid(f"there is no pod security policy template {chosen}", code="InvalidReference", field=POLICY)
        self._choose(call, resource, chosen)
        status = {POLICY: chosen}
        told = self.resources.update(resource.key, lambda stored: replace(stored, status={**stored.status, **status}))
        return answer(self.show(call, told))

    def _choose(self, call: Call, project: Resource, chosen: str | None) -> None:
        """One binding says it; what else there is goes."""
        there = list(self.resources.all(POLICY_BINDING.id, project.id))
        spec = {POLICY: chosen}
        if chosen and there:
            self.resources.update(there.pop(0).key, lambda stored: replace(stored, spec={**stored.spec, **spec}))
        elif chosen:
            self.resources.create_new(lambda: self._binding(call, project, spec))
        for binding in there:
            self.resources.remove(binding.key)

    def _binding(self, call: Call, project: Resource, spec: Mapping[str, Any]) -> Resource:
        id = f"{project.id.rpartition(':')[2]}:{POLICY_BINDING.prefix}-{word(self.random, 5)}"
        return Resource(kind=POLICY_BINDING.id, id=id, parent=project.id, spec=spec, creator=call.identity.user)

    def links(self, resource: Resource) -> tuple[str, ...]:
        links = super().links(resource)
        system = resource.labels.get(SYSTEM_PROJECT) == "true"
        return tuple(link for link in links if link != "remove") if system else links
