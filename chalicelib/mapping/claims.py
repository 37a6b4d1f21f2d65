"""Persistent volume claims, also those that a stateful set makes for its pods."""

from __future__ import annotations

from chalicelib.mapping.kind import Kind, described
from chalicelib.mapping.rules import Field, Labels, Rules, Shown, move
from chalicelib.mapping.served import Served

SPEC: Rules = (
    move("accessModes", "spec", "accessModes", type="array[enum]"),
    move("resources", "spec", "resources", type="resourceRequirements"),
    move("storageClassId", "spec", "storageClassName", type="reference[/v3/cluster/storageClass]"),
    move("volumeId", "spec", "volumeName", type="reference[/v3/cluster/persistentVolume]"),
    move("selector", "spec", "selector", type="labelSelector"),
    move("volumeMode", "spec", "volumeMode"),
    move("dataSource", "spec", "dataSource", type="typedLocalObjectReference"),
)

CLAIM_TEMPLATE: Rules = (
    Field("name", ("metadata", "name")),
    Labels("labels", ("metadata", "labels")),
    Labels("annotations", ("metadata", "annotations")),
    *SPEC,
)

CLAIM = Kind(
    id="persistentVolumeClaim",
    plural="persistentVolumeClaims",
    served=Served("PersistentVolumeClaim", "persistentvolumeclaims"),
    rules=(*described(), *SPEC, Shown(move("status", "status", type="persistentVolumeClaimStatus"))),
)
