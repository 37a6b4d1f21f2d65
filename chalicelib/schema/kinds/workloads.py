"""Workloads of all sorts in one shape, their pods, and what scales them."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.mapping import workloads
from chalicelib.mapping.autoscalers import AUTOSCALER as MAPPED_AUTOSCALER
from chalicelib.mapping.pods import POD as MAPPED_POD
from chalicelib.schema.field import Field, read_only, ref
from chalicelib.schema.kind import Action, Kind, part
from chalicelib.schema.live import WORKLOAD_NAME, live

ROLLBACK = part("deploymentRollbackInput", replicaSetId=ref("replicaSet"))

REDEPLOY: Mapping[str, Action] = {"redeploy": Action()}
ACTIONS: Mapping[str, Mapping[str, Action]] = {
    "deployment": {"pause": Action(), "resume": Action(), "rollback": Action(ROLLBACK), **REDEPLOY},
    "statefulSet": REDEPLOY,
    "daemonSet": REDEPLOY,
    "cronJob": REDEPLOY,
}
LINKS = {"deployment": ("revisions", "yaml")}

SORTS = tuple(
    live(
        mapped,
        name=WORKLOAD_NAME,
        actions=ACTIONS.get(mapped.id, {}),
        links=LINKS.get(mapped.id, ("yaml",)),
        methods=("GET",) if mapped.id == "replicationController" else ("GET", "PUT", "DELETE"),
    )
    for mapped in workloads.KINDS
)


def _common() -> dict[str, Field]:
    return {name: field for sort in reversed(SORTS) for name, field in sort.fields.items()}


WORKLOAD = Kind(
    id="workload",
    fields=_common(),
    stateful=True,
    actions=ACTIONS["deployment"],
    links=("revisions", "yaml"),
)
"""All of them; which sort a new one is follows from the configuration that it has."""

POD = live(MAPPED_POD, more={"workloadId": read_only("reference[workload]")})
AUTOSCALER = live(MAPPED_AUTOSCALER)

KINDS = (WORKLOAD, *SORTS, POD, AUTOSCALER)
