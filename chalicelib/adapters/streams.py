"""The store's change feed, read from DynamoDB Streams: every committed write is there, at no cost to the writer.

``dynamodb.py`` polls it for self-hosted replicas. On AWS the stream is pushed to a function, which needs ``change_of``
alone (``events.py``).
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Generator, Iterator, Mapping
from datetime import datetime
from typing import Any

from chalicelib.store.codec import decode
from chalicelib.types import Change, Key

RECORDS_A_READ = 1000


class Streams:
    """A cursor is the position in every shard.

    Shards split and close; a child continues where its parent ended, so that the order of the changes of one resource
    holds.
    """

    def __init__(self, client: Any, arn: str) -> None:
        self._client = client
        self._arn = arn

    def changes(self, after: str, limit: int) -> list[Change]:
        shards = self._shards()
        positions: dict[str, str] = {id: at for id, at in json.loads(after or "{}").items() if id in shards}
        roots = [id for id, shard in shards.items() if shard.get("ParentShardId") not in shards]
        merged = heapq.merge(*[self._lineage(id, shards, dict(positions)) for id in roots], key=_created)
        changes: list[Change] = []
        for shard, record in merged:
            positions[shard] = record["dynamodb"]["SequenceNumber"]
            if change := change_of(record):
                changes.append(change._replace(cursor=json.dumps(positions, separators=(",", ":"))))
            if len(changes) >= limit:
                break
        return changes

    def _lineage(self, id: str, shards: Mapping[str, Any], at: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
        ended = yield from self._records(id, shards[id]["SequenceNumberRange"], at.get(id))
        if ended:
            for child, shard in shards.items():
                if shard.get("ParentShardId") == id:
                    yield from self._lineage(child, shards, at)

    def _records(self, id: str, bounds: Mapping[str, str], at: str | None) -> Generator[tuple[str, Any], None, bool]:
        """Yield a shard's records after a position; return whether the shard has ended."""
        if at is not None and at == bounds.get("EndingSequenceNumber"):
            return True
        iterator = self._iterator(id, at)
        while iterator:
            page = self._client.get_records(ShardIterator=iterator, Limit=RECORDS_A_READ)
            yield from ((id, record) for record in page["Records"])
            iterator = page.get("NextShardIterator")
            if not page["Records"] and "EndingSequenceNumber" not in bounds:
                return False
        return True

    def _iterator(self, id: str, at: str | None) -> str:
        shard = {"StreamArn": self._arn, "ShardId": id}
        if at is not None:
            try:
                after = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": at}
                return str(self._client.get_shard_iterator(**shard, **after)["ShardIterator"])
            except self._client.exceptions.TrimmedDataAccessException:
                pass  # older than the stream keeps: go on with the oldest that is left
        return str(self._client.get_shard_iterator(**shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"])

    def _shards(self) -> dict[str, Any]:
        shards: dict[str, Any] = {}
        start: dict[str, str] = {}
        while True:
            page = self._client.describe_stream(StreamArn=self._arn, **start)["StreamDescription"]
            shards |= {shard["ShardId"]: shard for shard in page["Shards"]}
            if "LastEvaluatedShardId" not in page:
                return shards
            start = {"ExclusiveStartShardId": page["LastEvaluatedShardId"]}


def change_of(record: Mapping[str, Any]) -> Change | None:
    """Return the change that a stream record tells of, in the form that Streams and Lambda share; claims are none."""
    keys, event = record["dynamodb"]["Keys"], record.get("eventName")
    kind, id = keys["pk"]["S"], keys["sk"]["S"]
    if "#" in kind:
        return None
    image = record["dynamodb"].get("OldImage") if event == "REMOVE" else None
    return Change("", Key(kind, id), event == "INSERT", decode(image["body"]["S"]) if image else None)


def _created(entry: tuple[str, Any]) -> datetime:
    moment: datetime = entry[1]["dynamodb"]["ApproximateCreationDateTime"]
    return moment
