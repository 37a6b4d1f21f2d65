"""A stand-in for a node's kubelet, as the API server dials it for logs, exec, attach and port-forward.

Tests produce the log lines one by one, and every upgraded connection is an echo. There is no container: what is tested
is the way to it. The API server does not verify a kubelet's certificate unless it is told to.
"""

from __future__ import annotations

import queue
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import trustme

from tests.kubernetes.cluster import Cluster
from tests.support.lariat import eventually
from tests.support.scripted import Peer, Request, Scripted, serving

NODE = "stand-in"
CONTAINER = "main"


class Kubelet(Scripted):
    """``requests`` are those that came; ``lines`` is what a pod says, ``None`` for its end."""

    def __init__(self) -> None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
        super().__init__(self._converse, tls)
        self.requests: list[Request] = []
        self.lines: queue.Queue[str | None] = queue.Queue()
        self.ended: queue.Queue[str] = queue.Queue()
        """The paths of upgraded connections that have ended."""

    def asked(self, part: str) -> Request:
        """Wait for a request whose target holds ``part``."""
        return eventually(
            lambda: next((request for request in self.requests if part in request.target), None),
            f"the kubelet is asked for {part}",
        )

    def _converse(self, peer: Peer) -> None:
        while (request := peer.request()) is not None:
            self.requests.append(request)
            if request.value("upgrade"):
                try:
                    self.switch(peer, request)
                finally:
                    self.ended.put(request.path)
                return
            if request.path.startswith("/containerLogs/"):
                self._log(peer)
            else:
                peer.answer(404)

    def _log(self, peer: Peer) -> None:
        peer.begin()
        while (line := self.lines.get(timeout=60)) is not None:
            peer.chunk(f"{line}\n".encode())
        peer.chunk(b"")

    def switch(self, peer: Peer, request: Request) -> None:
        """Switch protocols, and echo."""
        lines = ["HTTP/1.1 101 Switching Protocols", f"Upgrade: {request.value('upgrade')}", "Connection: Upgrade"]
        lines.append("X-Stream-Protocol-Version: v4.channel.k8s.io")
        peer.send("\r\n".join(lines).encode() + b"\r\n\r\n")
        while data := peer.read():
            if data.endswith(b"hang up"):
                return
            peer.send(data)


K = TypeVar("K", bound=Kubelet)


@contextmanager
def node(cluster: Cluster, *pods: str) -> Iterator[Kubelet]:
    with node_of(Kubelet(), cluster, *pods) as kubelet:
        yield kubelet


@contextmanager
def node_of(kubelet: K, cluster: Cluster, *pods: str) -> Iterator[K]:
    """A node in the cluster whose kubelet this is, with running pods on it."""
    with serving(kubelet):
        _create(cluster, "/api/v1/nodes", {"kind": "Node", "metadata": {"name": NODE}})
        status: dict[str, Any] = {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": kubelet.port}},
            "conditions": [{"type": "Ready", "status": "True"}],
        }
        _set_status(cluster, f"/api/v1/nodes/{NODE}", status)
        for pod in pods:
            spec = {"nodeName": NODE, "containers": [{"name": CONTAINER, "image": "none"}]}
            path = "/api/v1/namespaces/default/pods"
            _create(cluster, path, {"kind": "Pod", "metadata": {"name": pod}, "spec": spec})
            running = {"name": CONTAINER, "ready": True, "restartCount": 0, "image": "none", "imageID": "none"}
            running |= {"state": {"running": {}}, "started": True}
            _set_status(cluster, f"{path}/{pod}", {"phase": "Running", "containerStatuses": [running]})
        try:
            yield kubelet
        finally:
            for pod in pods:
                cluster.request("DELETE", f"/api/v1/namespaces/default/pods/{pod}?gracePeriodSeconds=0")
            cluster.request("DELETE", f"/api/v1/nodes/{NODE}")


def _create(cluster: Cluster, path: str, document: dict[str, Any]) -> None:
    answer = cluster.request("POST", path, json={"apiVersion": "v1", **document})
    assert answer.status_code == 201, answer.text


def _set_status(cluster: Cluster, path: str, status: dict[str, Any]) -> None:
    answer = cluster.request(
        "PATCH", f"{path}/status", json={"status": status}, headers={"Content-Type": "application/merge-patch+json"}
    )
    assert answer.status_code == 200, answer.text
