"""``/v3/project/<id>/pods``: a pod shows the workload on top of its owners, a cron job and not the job that it made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from chalicelib.api.behaviour import Call
from chalicelib.api.conversation import Conversation
from chalicelib.api.live import Live
from chalicelib.errors import Forbidden, LariatError
from chalicelib.mapping.workloads import JOB_KIND
from chalicelib.types import Resource


class Pods(Live):
    def named(self, call: Call, id: str) -> Resource:
        pod = super().named(call, id)
        return next(iter(self._owned(self.talk(call), [pod])))

    def listed(self, call: Call, talk: Conversation, projects: Mapping[str, str]) -> Iterable[Resource]:
        return self._owned(talk, list(super().listed(call, talk, projects)))

    def _owned(self, talk: Conversation, pods: list[Resource]) -> list[Resource]:
        """Only a job's pods need a look at something else than themselves."""
        namespaces = {str(pod.spec["namespaceId"]) for pod in pods if _is_of_job(pod)}
        owners = {job: owner for namespace in sorted(namespaces) for job, owner in self._jobs(talk, namespace)}
        return [_under(pod, owners) for pod in pods]

    def _jobs(self, talk: Conversation, namespace: str) -> Iterable[tuple[str, str]]:
        try:
            found = list(talk.items(talk.path(JOB_KIND.served, namespace)))
        except LariatError as error:
            if error.status != Forbidden.status:
                raise
            return []
        owned = [(job["metadata"], owner) for job in found for owner in job["metadata"].get("ownerReferences") or ()]
        return [
            (f"job:{namespace}:{job['name']}", f"{owner['kind'].lower()}:{namespace}:{owner['name']}")
            for job, owner in owned
            if owner.get("controller")
        ]


def _is_of_job(pod: Resource) -> bool:
    return str(pod.spec.get("workloadId") or "").startswith("job:")


def _under(pod: Resource, owners: Mapping[str, str]) -> Resource:
    owner = owners.get(str(pod.spec.get("workloadId")))
    return pod if owner is None else replace(pod, spec={**pod.spec, "workloadId": owner})
