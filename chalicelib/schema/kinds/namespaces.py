"""What lives in a cluster outside of any project: namespaces, persistent volumes and storage classes."""

from __future__ import annotations

from chalicelib.mapping.namespaces import NAMESPACE as MAPPED
from chalicelib.mapping.storage import STORAGE_CLASS as MAPPED_CLASS
from chalicelib.mapping.storage import VOLUME as MAPPED_VOLUME
from chalicelib.schema.field import label, ref
from chalicelib.schema.kind import Action, part
from chalicelib.schema.live import live

MOVE = part("namespaceMove", projectId=ref("project"))

NAMESPACE = live(
    MAPPED,
    name=label(update=False),
    project=False,
    actions={"move": Action(MOVE)},
    more={"projectId": ref("project", update=False)},
)
VOLUME = live(MAPPED_VOLUME, project=False)
STORAGE_CLASS = live(MAPPED_CLASS, project=False)

KINDS = (NAMESPACE, VOLUME, STORAGE_CLASS)
