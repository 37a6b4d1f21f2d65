"""Many clusters in memory on a real store, and the reconciler: what a change costs there, counted."""

from __future__ import annotations

from typing import Any

from chalicelib.api.clusters import name_claim
from chalicelib.clusters.affected import CONTENTS, woken
from chalicelib.controllers.readiness import ready
from chalicelib.store.resources import timestamp
from chalicelib.types import Key, Put, Resource
from tests.support.billed import BilledStore
from tests.support.server import Caller, Server
from tests.support.transport import MemoryTransport

BATCH = 5
NAMESPACES = 3


class Fleet:
    """``count`` active clusters, each with a project of a few namespaces, and an administrator."""

    def __init__(self, server: Server, count: int) -> None:
        self.server = server
        self.transport = MemoryTransport()
        self.admin: Caller = server.user("admin", administrator=True)
        self.ids = [f"c-{number:05}" for number in range(count)]
        for start in range(0, count, BATCH):
            server.store.write(*[Put(each) for id in self.ids[start : start + BATCH] for each in self._parts(id)])
        self.queued: list[Key] = []
        self.reconciler = server.parts.reconciler(self.transport, self.queued.extend)
        # Administrators are known from the start, as they would be after one.
        self.reconciler.clusters()
        server.changes.clear()
        self.store: BilledStore = server.bill()

    def project(self, cluster: str) -> str:
        return f"{cluster}:p-{cluster[2:]}"

    def bind(self, role: str, cluster: str, user: str) -> Any:
        """Give a role in the cluster's project, by the API."""
        body = {"projectId": self.project(cluster), "userId": user, "roleTemplateId": role}
        return self.admin.make("/v3/projectroletemplatebindings", body)

    def settle(self, cluster: str) -> None:
        """Have a cluster looked at for the first time, and all that follows from it."""
        self.queued.append(Key(CONTENTS, cluster))
        self.work()

    def work(self) -> tuple[list[str], dict[str, int]]:
        """Do all that follows from what has changed: the clusters looked at, in order, and what that has cost."""
        self.store.counts.clear()
        before, keys, done = self.messages, 0, []
        while self.server.changes or self.queued:
            found = [*woken(change.key for change in self.server.changes), *self.queued]
            self.server.changes.clear()
            self.queued.clear()
            for key in dict.fromkeys(found):
                self.reconciler.reconcile(key)
                keys += 1
                done += [key.id] if key.kind == CONTENTS else []
        counts = {name: self.store.counts[name] for name in ("calls", "reads", "writes")}
        return done, {**counts, "keys": keys, "messages": self.messages - before}

    @property
    def messages(self) -> int:
        return sum(len(cluster.requests) for cluster in self.transport.clusters.values())

    def _parts(self, id: str) -> list[Resource]:
        now = timestamp(self.server.clock.now())
        spec = {"name": id}
        cluster = Resource(kind="cluster", id=id, spec=spec, uid=f"uid-{id}", created=now, unique=(name_claim(id),))
        project = Resource(kind="project", id=self.project(id), parent=id, uid=f"uid-p-{id}", spec={"name": "p"})
        self._fill(id)
        return [ready(cluster, now), project]

    def _fill(self, id: str) -> None:
        held = self.transport.add(id)
        for number in range(NAMESPACES):
            name = f"n-{number}"
            annotations = {"field.cattle.io/projectId": self.project(id)}
            metadata = {"name": name, "uid": f"{id}-{name}", "annotations": annotations, "labels": {}}
            held.objects[f"/api/v1/namespaces/{name}"] = {"kind": "Namespace", "apiVersion": "v1", "metadata": metadata}
