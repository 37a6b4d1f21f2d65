"""Persistent volumes and storage classes."""

from __future__ import annotations

from chalicelib.mapping.kind import Kind, described
from chalicelib.mapping.rules import Nested, Shown, move, same
from chalicelib.mapping.served import Served, Version
from chalicelib.mapping.volumes import HOST_PATH

SPEC = ("spec",)

VOLUME = Kind(
    id="persistentVolume",
    plural="persistentVolumes",
    served=Served("PersistentVolume", "persistentvolumes", namespaced=False),
    rules=(
        *described(),
        *same("accessModes", "mountOptions", type="array[string]", under=SPEC),
        *same("capacity", type="map[string]", under=SPEC),
        *same("claimRef", "nodeAffinity", type="json", under=SPEC),
        *same("persistentVolumeReclaimPolicy", "volumeMode", under=SPEC),
        move("storageClassId", "spec", "storageClassName", type="reference[storageClass]"),
        *same(
            "awsElasticBlockStore",
            "azureDisk",
            "azureFile",
            "cephfs",
            "cinder",
            "csi",
            "fc",
            "flexVolume",
            "flocker",
            "gcePersistentDisk",
            "glusterfs",
            "iscsi",
            "local",
            "nfs",
            "photonPersistentDisk",
            "portworxVolume",
            "quobyte",
            "rbd",
            "scaleIO",
            "storageos",
            "vsphereVolume",
            type="json",
            under=SPEC,
        ),
        Nested("hostPath", ("spec", "hostPath"), HOST_PATH),
        Shown(move("status", "status", type="persistentVolumeStatus")),
    ),
)

STORAGE_CLASS = Kind(
    id="storageClass",
    plural="storageClasses",
    served=Served("StorageClass", "storageclasses", (Version("storage.k8s.io/v1"),), namespaced=False),
    rules=(
        *described(),
        *same("provisioner"),
        *same("parameters", type="map[string]"),
        *same("mountOptions", type="array[string]"),
        move("reclaimPolicy", "reclaimPolicy", options=("Recycle", "Delete", "Retain")),
        *same("volumeBindingMode"),
        *same("allowVolumeExpansion", type="boolean"),
        *same("allowedTopologies", type="array[topologySelectorTerm]"),
    ),
    state=None,
)
