"""``/v3/projects``: whoever creates one owns it; a cluster's own projects stay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.api.behaviour import Behaviour, Call
from chalicelib.controllers.defaults import SYSTEM_PROJECT, of_project
from chalicelib.errors import MethodNotAllowed
from chalicelib.store.resources import timestamp
from chalicelib.types import Resource


class Projects(Behaviour):
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

    def links(self, resource: Resource) -> tuple[str, ...]:
        links = super().links(resource)
        system = resource.labels.get(SYSTEM_PROJECT) == "true"
        return tuple(link for link in links if link != "remove") if system else links
