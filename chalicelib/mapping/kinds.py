"""Every kind that lives in users' clusters, by id and plural; the only module that others need to begin with."""

from __future__ import annotations

from chalicelib.mapping import secrets, workloads
from chalicelib.mapping.autoscalers import AUTOSCALER
from chalicelib.mapping.claims import CLAIM
from chalicelib.mapping.config_maps import CONFIG_MAP
from chalicelib.mapping.ingresses import INGRESS
from chalicelib.mapping.kind import Kind
from chalicelib.mapping.namespaces import NAMESPACE
from chalicelib.mapping.nodes import NODE
from chalicelib.mapping.pods import POD
from chalicelib.mapping.services import DNS_RECORD, SERVICE
from chalicelib.mapping.storage import STORAGE_CLASS, VOLUME

CLUSTER_SCOPED: tuple[Kind, ...] = (NAMESPACE, NODE, VOLUME, STORAGE_CLASS)
PROJECT_SCOPED: tuple[Kind, ...] = (
    *workloads.KINDS,
    POD,
    SERVICE,
    DNS_RECORD,
    INGRESS,
    CONFIG_MAP,
    CLAIM,
    AUTOSCALER,
    *secrets.KINDS,
)
KINDS = (*CLUSTER_SCOPED, *PROJECT_SCOPED)

_INDEX = {name.lower(): kind for kind in KINDS for name in (kind.id, kind.plural)}


def find(name: str) -> Kind | None:
    """Look a kind up by its id or plural, whatever the case."""
    return _INDEX.get(name.lower())
