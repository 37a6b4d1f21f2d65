"""Logs and metrics as CloudWatch reads them, through Powertools: JSON lines with the request's id, and embedded metrics.

The core logs with ``logging`` and counts nothing; this is what an edge on Lambda makes of it. The formatter adds the id of
X-Ray's trace, which Lambda has in the environment (``docs/decisions/0018-traces-without-an-sdk.md``).
"""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from chalicelib.types import Key

NAMESPACE = "Lariat"


class Telemetry:
    """One for each process: it takes over the logger ``lariat``."""

    def __init__(self, service: str, level: str) -> None:
        self._formatter = LambdaPowertoolsFormatter(utc=True)
        self._formatter.append_keys(service=service)
        # What the other class counts it keeps for all of its kind: where several edges run in one process, they would mix.
        self._metrics = EphemeralMetrics(namespace=NAMESPACE, service=service)
        self._keys: Counter[str] = Counter()
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(self._formatter)
        logger = logging.getLogger("lariat")
        logger.handlers[:] = [handler]
        logger.propagate = False
        logger.setLevel(level.upper())

    @contextmanager
    def invocation(self, handler: str, context: Any, **keys: str) -> Iterator[None]:
        """Name the request in every line that is logged meanwhile, and count it."""
        request = getattr(context, "aws_request_id", "")
        with self._formatter.append_context_keys(handler=handler, function_request_id=request, **keys):
            try:
                yield
            except Exception:
                self.count("Failures")
                raise
            finally:
                self._flush(handler)

    def count(self, name: str, value: float = 1) -> None:
        self._metrics.add_metric(name, MetricUnit.Count, value)

    def worked(self, key: Key, outcome: str, waited: float | None) -> None:
        """Count a key that was worked on. Of which kind is told in the line besides: each dimension would be billed."""
        self.count(f"Keys{outcome.title()}")
        self._keys[f"{key.kind} {outcome}"] += 1
        self._metrics.add_metadata("keys", dict(self._keys))
        if waited is not None:
            self._metrics.add_metric("KeyWait", MetricUnit.Seconds, waited)

    def _flush(self, handler: str) -> None:
        self.count("Invocations")
        self._metrics.add_dimension("handler", handler)
        self._metrics.flush_metrics()
        self._keys.clear()
