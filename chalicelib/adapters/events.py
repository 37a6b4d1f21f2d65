"""Lambda's events as values, and its answers: of SQS, of DynamoDB Streams, and of the two APIs of API Gateway."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from chalicelib.adapters import sqs
from chalicelib.adapters.streams import change_of
from chalicelib.types import Change, Key

log = logging.getLogger("lariat.events")

Event = Mapping[str, Any]


def jobs(event: Event, work: Callable[[Key, int, float | None], None]) -> dict[str, Any]:
    """Do the jobs of an SQS event; the answer names those that failed, which alone come again (then: dead letters).

    ``work`` is told when each was sent, too.
    """
    failures = []
    for record in event["Records"]:
        try:
            work(*sqs.load(record["body"]), sqs.sent(record))
        except Exception:
            log.exception("a job failed", extra={"job": str(record.get("body"))[:200]})
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def changes(event: Event, changed: Callable[[list[Change]], None]) -> dict[str, Any]:
    """Hand on what a stream's event tells. If that fails, all of it comes again, from the first on."""
    try:
        changed(list(_changes(event)))
    except Exception:
        log.exception("changes can't be handed on")
        return {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["dynamodb"]["SequenceNumber"]}]}
    return {"batchItemFailures": []}


def _changes(event: Event) -> Iterator[Change]:
    """A record that can't be read is left out, as the next ones would wait for it."""
    for record in event["Records"]:
        try:
            change = change_of(record)
        except (KeyError, TypeError, ValueError):
            log.exception("a change can't be read")
            continue
        if change is not None:
            yield change
