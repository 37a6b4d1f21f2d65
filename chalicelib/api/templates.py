"""``/v3/nodetemplates``: exactly one driver's configuration each, kept while a pool uses them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.api.behaviour import Behaviour, Call
from chalicelib.errors import Invalid, MethodNotAllowed
from chalicelib.types import Resource


class NodeTemplates(Behaviour):
    def identify(self, parent: str, values: Mapping[str, Any]) -> str:
        return super().identify(parent, values)

    def new(self, call: Call, values: Mapping[str, Any]) -> Resource:
        drivers = [name for name in values if name.endswith("Config")]
        if len(drivers) != 1:
            raise Invalid("give the configuration of one driver", code="MissingRequired", field="<driver>Config")
        return super().new(call, values)

    def computed(self, call: Call, resource: Resource) -> Mapping[str, Any]:
        driver = next((name for name in resource.spec if name.endswith("Config")), "")
        return {"driver": driver.removesuffix("Config")}

    def remove(self, call: Call, resource: Resource) -> Resource:
        if any(pool.spec.get("nodeTemplateId") == resource.id for pool in self.resources.all("nodePool")):
            raise MethodNotAllowed("a node pool uses this template")
        return super().remove(call, resource)
