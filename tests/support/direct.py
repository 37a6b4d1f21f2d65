"""A ``Transport`` straight to a real API server, without an agent: for tests of what Lariat writes into clusters."""

from __future__ import annotations

import threading
from typing import Self

import requests

from chalicelib.clusters.client import Answer
from chalicelib.tunnel.heads import RequestHead
from tests.kubernetes.cluster import ADMIN_TOKEN, Cluster


class DirectTransport:
    """Counts what it carries in ``requests``, as ``GET /path``."""

    def __init__(self, cluster: Cluster) -> None:
        self._url = cluster.url
        self._local = threading.local()
        self._verify = str(cluster.authority)
        self._sessions: list[requests.Session] = []
        self.requests: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for session in self._sessions:
            session.close()

    def connected(self, cluster: str) -> bool:
        return True

    def call(self, cluster: str, head: RequestHead, body: bytes, timeout: float) -> Answer:
        self.requests.append(f"{head.method} {head.target}")
        response = self._session().request(
            head.method, self._url + head.target, data=body, headers=dict(head.headers), timeout=timeout
        )
        return Answer(response.status_code, response.content)

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            session = self._local.session = requests.Session()
            session.trust_env = False
            session.verify = self._verify
            session.headers["Authorization"] = f"Bearer {ADMIN_TOKEN}"
            self._sessions.append(session)
        return self._local.session  # type: ignore[no-any-return] # thread-local attributes have no type
