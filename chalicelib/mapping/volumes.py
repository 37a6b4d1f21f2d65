"""A pod's volumes and their mounts. Kubernetes' own names, but for claims and host paths."""

from __future__ import annotations

from typing import Any

from chalicelib.mapping.place import Place
from chalicelib.mapping.rules import Each, Field, Nested, Rules, move, same

HOST_PATHS = ("DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice", "")

HOST_PATH: Rules = (*same("path"), move("kind", "type", options=HOST_PATHS))


def reference(value: Any, place: Place) -> str:
    """Show the name of something in the same namespace as an id."""
    return f"{place.namespace}:{value}"


def referred(value: Any, _place: Place) -> str:
    """Take the name out of an id, or a bare name."""
    return str(value).rpartition(":")[2]


CLAIM: Rules = (
    Field(
        "persistentVolumeClaimId",
        ("claimName",),
        "reference[persistentVolumeClaim]",
        show=reference,
        make=referred,
    ),
    *same("readOnly", type="boolean"),
)

VOLUME: Rules = (
    *same("name"),
    *same(
        "awsElasticBlockStore",
        "azureDisk",
        "azureFile",
        "cephfs",
        "cinder",
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "fc",
        "flexVolume",
        "flocker",
        "gcePersistentDisk",
        "gitRepo",
        "glusterfs",
        "iscsi",
        "nfs",
        "photonPersistentDisk",
        "portworxVolume",
        "projected",
        "quobyte",
        "rbd",
        "scaleIO",
        "secret",
        "storageos",
        "vsphereVolume",
        type="json",
    ),
    Nested("hostPath", ("hostPath",), HOST_PATH),
    Nested("persistentVolumeClaim", ("persistentVolumeClaim",), CLAIM),
)

VOLUMES = Each("volumes", ("volumes",), VOLUME, type="array[volume]")

MOUNTS = Each(
    "volumeMounts",
    ("volumeMounts",),
    (*same("name", "mountPath", "subPath", "subPathExpr", "mountPropagation"), *same("readOnly", type="boolean")),
    key="mountPath",
    type="array[volumeMount]",
)
