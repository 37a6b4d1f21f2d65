"""Config maps."""

from __future__ import annotations

from chalicelib.mapping.kind import Kind, described
from chalicelib.mapping.rules import same
from chalicelib.mapping.served import Served

CONFIG_MAP = Kind(
    id="configMap",
    plural="configMaps",
    served=Served("ConfigMap", "configmaps"),
    rules=(*described(), *same("data", "binaryData", type="map[string]"), *same("immutable", type="boolean")),
    state=None,
)
