"""``/v3/clusters``: clusters, their kubeconfigs, and what goes with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from chalicelib.api.behaviour import Behaviour, Call, Services
from chalicelib.api.http import Response, answer
from chalicelib.api.keys import Keys
from chalicelib.api.settings import Settings
from chalicelib.auth.tokens import word
from chalicelib.clusters.kubeconfig import kubeconfig
from chalicelib.controllers.defaults import of_cluster
from chalicelib.controllers.readiness import leaving, waiting
from chalicelib.errors import Invalid, MethodNotAllowed, NameTaken
from chalicelib.schema.kind import Kind
from chalicelib.store.resources import timestamp
from chalicelib.types import Resource

NAME_FIELD = "Cluster name"


class Clusters(Behaviour):
    def __init__(
        self,
        kind: Kind,
        services: Services,
        keys: Keys,
        settings: Settings,
    ) -> None:
        super().__init__(kind, services)
        self._clock = services.clock
        self._keys = keys
        self._settings = settings

    def create(self, call: Call, values: Mapping[str, Any]) -> Resource:
        name = _name(values)

        def make() -> Sequence[Resource]:
            now = timestamp(self._clock.now())
            cluster = waiting(replace(self.new(call, values), unique=(name_claim(name),)), now)
            return of_cluster(cluster, self.services.rights.library(), lambda: word(self.random, 5), now)

        try:
            return self.resources.create_new(make)
        except NameTaken:
            raise _taken(name) from None

    def update(self, call: Call, resource: Resource, values: Mapping[str, Any]) -> Resource:
        name = _name(values)
        try:
            return self.resources.update(
                resource.key,
                lambda stored: replace(self.merge(call, stored, values), unique=(name_claim(name),)),
            )
        except NameTaken:
            raise _taken(name) from None

    def remove(self, call: Call, resource: Resource) -> Resource:
        if resource.spec.get("internal"):
            raise MethodNotAllowed("the cluster that was given at the start can't be deleted")
        self.resources.update(resource.key, leaving)
        return super().remove(call, resource)

    def links(self, resource: Resource) -> tuple[str, ...]:
        return ("update",) if resource.spec.get("internal") else super().links(resource)

    def act(self, name: str, call: Call, resource: Resource) -> Response:
        """``generateKubeconfig``: works in any state of the cluster. Its token is good for this cluster alone."""
        description = f"kubeconfig of {resource.spec['name']}"
        token, key = self._keys.kubeconfig(call.identity.token, call.identity.user, resource.id, description)
        config = kubeconfig(
            name=str(resource.spec["name"]),
            server=f"{call.base}/k8s/clusters/{resource.id}",
            authority=self._settings.value("cacerts"),
            token=f"{token.id}:{key}",
        )
        output = "generateKubeConfigOutput"
        return answer({"type": output, "baseType": output, "config": config})


def name_claim(name: str) -> str:
    return f"clustername/{name.lower()}"


def _name(values: Mapping[str, Any]) -> str:
    name = str(values.get("name") or "")
    if not name:
        raise Invalid(f"{NAME_FIELD} is required", code="MissingRequired", field=NAME_FIELD)
    return name


def _taken(name: str) -> Invalid:
    return Invalid(f"there is a cluster named {name!r} already", code="NotUnique", field=NAME_FIELD)
