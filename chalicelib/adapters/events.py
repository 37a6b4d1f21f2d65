"""Lambda's events as values, and its answers: of SQS, of DynamoDB Streams, and of the two APIs of API Gateway."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from chalicelib.adapters import sqs
from chalicelib.adapters.dynamodb import change_of
from chalicelib.types import Key

log = logging.getLogger("lariat.events")

Event = Mapping[str, Any]


def jobs(event: Event, work: Callable[[Key, int], None]) -> dict[str, Any]:
    """Do the jobs of an SQS event; the answer names those that failed, which alone come again (then: dead letters)."""
    failures = []
    for record in event["Records"]:
        try:
            work(*sqs.load(record["body"]))
        except Exception:
            log.exception("a job failed", extra={"job": str(record.get("body"))[:200]})
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def changes(event: Event, changed: Callable[[list[Key]], None]) -> dict[str, Any]:
    """Hand on the keys of a stream's event. If that fails, all of them come again, from the first on."""
    try:
        changed(list(_keys(event)))
    except Exception:
        log.exception("changes can't be handed on")
        return {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["dynamodb"]["SequenceNumber"]}]}
    return {"batchItemFailures": []}


def _keys(event: Event) -> Iterator[Key]:
    """A record that can't be read is left out, as the next ones would wait for it."""
    for record in event["Records"]:
        try:
            key = change_of(record)
        except (KeyError, TypeError):
            log.exception("a change can't be read")
            continue
        if key is not None:
            yield key
