"""The work queue on SQS: keys go in, and come out in a function's event (``events.py``)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

from chalicelib.adapters import aws
from chalicelib.errors import Unavailable
from chalicelib.types import Key

LONGEST_DELAY = 900
"""Seconds; SQS holds no message back for longer."""

A_BATCH = 10
MOST_ATTEMPTS = 20


def sent(record: Mapping[str, Any]) -> float | None:
    """When a message of an event was sent, in seconds since 1970."""
    stamp = (record.get("attributes") or {}).get("SentTimestamp")
    return int(stamp) / 1000 if stamp else None


class Job(NamedTuple):
    """``attempt`` counts how often the key has asked for another look."""

    key: Key
    attempt: int


class SqsQueue:
    """A ``Queue``. A key that stands twice in one call is sent once; what is lost or doubled beyond that does no harm.

    ``client`` is called when it is first needed.
    """

    def __init__(self, client: Callable[[], Any], url: str) -> None:
        self._client = cache(client)
        self._url = url

    def add(self, keys: Iterable[Key], delay: float = 0.0, attempt: int = 0) -> None:
        seconds = min(LONGEST_DELAY, max(0, round(delay)))
        entries = [
            {"Id": str(number), "MessageBody": dump(Job(key, attempt)), "DelaySeconds": seconds}
            for number, key in enumerate(dict.fromkeys(keys))
        ]
        for start in range(0, len(entries), A_BATCH):
            self._send(entries[start : start + A_BATCH])

    def _send(self, entries: list[dict[str, Any]]) -> None:
        """SQS may refuse some of a batch: those are sent once more."""
        for _ in range(2):
            with aws.translated("SQS"):
                failed = self._client().send_message_batch(QueueUrl=self._url, Entries=entries).get("Failed", [])
            refused = {each["Id"] for each in failed}
            entries = [entry for entry in entries if entry["Id"] in refused]
            if not entries:
                return
        raise Unavailable("SQS does not take the work")


def dump(job: Job) -> str:
    return json.dumps([*job.key, job.attempt])


def load(body: str) -> Job:
    """Raises ``ValueError`` for what ``dump`` did not write."""
    fields = json.loads(body)
    if not isinstance(fields, list) or [type(field) for field in fields] != [str, str, int]:
        raise ValueError("the message is no job")
    kind, id, attempt = fields
    return Job(Key(kind, id), min(max(attempt, 0), MOST_ATTEMPTS))
