"""``GET /metrics`` in Prometheus' text form, for administrators alone; a scraper shows an administrator's API key.

``work.py`` counts keys here. Nobody else learns that there is anything.
"""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from chalicelib.api.http import Response
from chalicelib.auth.authenticate import Authenticator
from chalicelib.auth.identity import CHANGE_FIRST
from chalicelib.errors import Forbidden
from chalicelib.types import Key

PATH = b"/metrics"

SECONDS = (0.01, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300)


class Metrics:
    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator
        # The library's own registry is the whole process's, and tells what Python and the machine are.
        self._registry = CollectorRegistry()
        self._keys = Counter("lariat_keys", "Keys that were worked on.", ["kind", "outcome"], registry=self._registry)
        self._wait = Histogram(
            "lariat_key_wait_seconds", "How long keys waited that were due.", buckets=SECONDS, registry=self._registry
        )

    def worked(self, key: Key, outcome: str, waited: float | None) -> None:
        """A ``Count`` of ``chalicelib/outcomes.py``; any thread may call."""
        self._keys.labels(key.kind, outcome).inc()
        if waited is not None:
            self._wait.observe(waited)

    def answer(self, authorization: Sequence[str]) -> Response:
        """Raises ``Unauthorized``, ``Forbidden`` or ``Unavailable``."""
        caller = self._authenticator.authenticate(authorization)
        if caller.must_change:
            raise Forbidden(CHANGE_FIRST)
        if not caller.administrator or caller.cluster:
            raise Forbidden("metrics are for administrators")
        headers = (("content-type", CONTENT_TYPE_LATEST), ("cache-control", "no-store"))
        return Response(200, generate_latest(self._registry), headers)
