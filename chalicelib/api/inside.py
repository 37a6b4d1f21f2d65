"""The behaviours of all kinds that live in clusters; ``assembly.py`` calls this once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from chalicelib.api.behaviour import Behaviour, Services
from chalicelib.api.live import Hidden, Live
from chalicelib.api.namespaces import Namespaces
from chalicelib.api.nodes import Nodes
from chalicelib.api.pods import Pods
from chalicelib.api.workloads import Sort, Workloads
from chalicelib.clusters.client import ClusterClient
from chalicelib.mapping import secrets
from chalicelib.mapping.kinds import KINDS
from chalicelib.mapping.namespaces import is_hidden
from chalicelib.schema.kinds import LIVE
from chalicelib.schema.kinds.nodes import NODE
from chalicelib.schema.kinds.workloads import SORTS, WORKLOAD

OWN: Mapping[str, type[Live]] = {
    "namespace": Namespaces,
    "node": Nodes,
    "pod": Pods,
    **{sort.id: Sort for sort in SORTS},
}
HIDDEN: Mapping[str, Hidden] = {
    "namespace": is_hidden,
    **{kind.id: partial(secrets.is_left_out, kind) for kind in secrets.NAMESPACED.values()},
}


def inside(services: Services, client: Callable[[], ClusterClient]) -> dict[str, Behaviour]:
    lives: dict[str, Live] = {}
    mapped = {kind.id: kind for kind in KINDS}
    for kind in (NODE, *LIVE):
        if kind is not WORKLOAD:
            make, hidden = OWN.get(kind.id, Live), HIDDEN.get(kind.id, _shown)
            lives[kind.id] = make(kind, services, mapped[kind.id], client, hidden, lives)
    return {**lives, WORKLOAD.id: Workloads(WORKLOAD, services, client, lives)}


def _shown(_: object) -> bool:
    return False
