"""``DynamoStore`` keeps the promises of a ``Store``, against an emulator that speaks DynamoDB's protocol."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from chalicelib.adapters.dynamodb import DynamoStore
from chalicelib.adapters.streams import Streams, change_of
from chalicelib.errors import Busy, TooLarge, Unavailable
from chalicelib.store.codec import encode
from chalicelib.types import Key, Put, Resource, Store
from tests.contract.leases import LeaseContract
from tests.contract.store import StoreContract, cluster
from tests.support.clock import ManualClock
from tests.support.faulty import faulty_proxy
from tests.support.random import SeededRandom


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def await_port(emulator: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end and emulator.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail("the DynamoDB emulator did not start")


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The emulator's address; ``LARIAT_TEST_DYNAMODB`` names another engine that runs already, such as Alternator."""
    if running := os.environ.get("LARIAT_TEST_DYNAMODB"):
        yield running
        return
    port = free_port()
    folder: Path = tmp_path_factory.mktemp("ministack")
    environment = {**os.environ, "GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1"}
    command = [sys.executable, "-m", "ministack"]
    with (folder / "log").open("wb") as log:
        emulator = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        await_port(emulator, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        emulator.terminate()
        emulator.wait(timeout=10)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(time.time())


def dynamo(host: str, table: str, clock: ManualClock, attempts: int = 8) -> DynamoStore:
    return DynamoStore(
        table,
        clock,
        SeededRandom(),
        region="us-east-1",
        host=host,
        access_key="test",
        secret_key="test",
        attempts=attempts,
    )


@pytest.fixture
def table(host: str, clock: ManualClock) -> str:
    table = f"lariat-{uuid4().hex}"
    dynamo(host, table, clock).create_table()
    return table


@pytest.fixture
def store(host: str, table: str, clock: ManualClock) -> Store:
    return dynamo(host, table, clock)


class TestDynamoStore(StoreContract):
    """And what only DynamoDB has to promise."""

    def test_more_claims_than_a_transaction_holds(self, store: Store) -> None:
        names = tuple(f"name/{n}" for n in range(100))
        with pytest.raises(TooLarge):
            store.write(Put(Resource(kind="cluster", id="c-1", unique=names)))
        assert store.write(Put(Resource(kind="cluster", id="c-1", unique=names[:99])))[0].version == 1

    def test_a_write_whose_answer_got_lost_is_no_conflict(self, host: str, table: str, clock: ManualClock) -> None:
        with faulty_proxy(host, drop=1) as proxy:
            store = dynamo(proxy.url, table, clock)
            first = store.write(Put(Resource(kind="cluster", id="c-1")))[0]
            assert (first.version, proxy.writes) == (1, 2)
        with faulty_proxy(host, drop=1) as proxy:
            store = dynamo(proxy.url, table, clock)
            second = store.write(Put(first))[0]
            assert (second.version, proxy.writes) == (2, 2)
        assert dynamo(host, table, clock).get(first.key) == second

    def test_throttling_says_that_it_is(self, host: str, table: str, clock: ManualClock) -> None:
        with faulty_proxy(host, throttle=True) as proxy:
            store = dynamo(proxy.url, table, clock, attempts=2)
            for writes in ([cluster("c-1")], [cluster("c-1"), cluster("c-2")]):
                proxy.writes = 0
                with pytest.raises(Busy):
                    store.write(*[Put(resource) for resource in writes])
                assert proxy.writes == 2
            assert store.get(Key("cluster", "c-1")) is None

    def test_nobody_answers(self, clock: ManualClock) -> None:
        store = dynamo(f"http://127.0.0.1:{free_port()}", "lariat", clock, attempts=1)
        for call in (partial(store.get, Key("cluster", "c-1")), partial(store.list, "cluster"), store.create_table):
            with pytest.raises(Unavailable):
                call()


class TestLeases(LeaseContract):
    pass


class TrimmedError(Exception):
    """What the service raises for a position that it no longer keeps."""


class ShardedStream:
    """DynamoDB Streams' operations over shards that split, which no emulator has.

    A page holds two records. A closed shard starts with an empty page, as the service may send; the end of a shard in
    ``unnoticed`` is not yet described.
    """

    class exceptions:  # noqa: N801 - as botocore's clients call it
        TrimmedDataAccessException = TrimmedError

    def __init__(self) -> None:
        self.shards: dict[str, list[tuple[int, str]]] = {}
        self.parents: dict[str, str] = {}
        self.closed: set[str] = set()
        self.unnoticed: set[str] = set()
        self.trimmed = -1
        self.written = 0

    def split(self, shard: str, *children: str) -> None:
        self.closed.add(shard)
        for child in children:
            self.shards[child] = []
            self.parents[child] = shard

    def write(self, shard: str, *ids: str) -> None:
        for id in ids:
            self.written += 1
            self.shards[shard].append((self.written, id))

    def trim(self) -> None:
        self.trimmed = self.written

    def describe_stream(self, **options: str) -> dict[str, Any]:
        names = list(self.shards)
        start = names.index(options["ExclusiveStartShardId"]) + 1 if "ExclusiveStartShardId" in options else 0
        page = names[start : start + 2]
        last = {"LastEvaluatedShardId": page[-1]} if start + 2 < len(names) else {}
        return {"StreamDescription": {"Shards": [self._describe(name) for name in page], **last}}

    def _describe(self, name: str) -> dict[str, Any]:
        records = self.shards[name]
        is_closed = bool(records) and name in self.closed - self.unnoticed
        bounds = {"EndingSequenceNumber": str(records[-1][0])} if is_closed else {}
        parent = {"ParentShardId": self.parents[name]} if name in self.parents else {}
        return {"ShardId": name, "SequenceNumberRange": bounds, **parent}

    def get_shard_iterator(self, **options: str) -> dict[str, str]:
        after = int(options.get("SequenceNumber", "-1"))
        if 0 <= after <= self.trimmed:
            raise TrimmedError
        return {"ShardIterator": f"{options['ShardId']} {after} first"}

    def get_records(self, **options: Any) -> dict[str, Any]:
        shard, after, *first = options["ShardIterator"].split()
        if first and shard in self.closed:
            return {"Records": [], "NextShardIterator": f"{shard} {after}"}
        rest = [entry for entry in self.shards[shard] if entry[0] > max(int(after), self.trimmed)]
        next_after = rest[:2][-1][0] if rest else after
        ended = shard in self.closed and len(rest) <= 2
        return {
            "Records": [self._record(*entry) for entry in rest[:2]],
            **({} if ended else {"NextShardIterator": f"{shard} {next_after}"}),
        }

    def _record(self, number: int, id: str) -> dict[str, Any]:
        pk = "in#cluster#p" if id.startswith("claim") else "cluster"
        return {
            "dynamodb": {
                "Keys": {"pk": {"S": pk}, "sk": {"S": id}},
                "SequenceNumber": str(number),
                "ApproximateCreationDateTime": datetime.fromtimestamp(number // 10, UTC),
            }
        }


class TestStreams:
    def test_reads_parents_before_children_and_resumes_anywhere(self) -> None:
        stream = ShardedStream()
        stream.shards = {"a": [], "b": []}
        stream.write("a", "a-1", "claim-1", "a-2", "claim-2", "claim-3", "claim-4")
        stream.write("b", "b-1")
        stream.split("a", "c", "d")
        stream.write("c", "c-1")
        stream.write("d", "d-1", "claim-5", "claim-6", "claim-7", "d-2")
        stream.split("c", "e")
        stream.write("e", "e-1")
        streams = Streams(stream, "arn")
        seen = streams.changes("", 100)
        ids = [change.key.id for change in seen]
        assert sorted(ids) == ["a-1", "a-2", "b-1", "c-1", "d-1", "d-2", "e-1"]
        assert [id for id in ids if id != "b-1"] == ["a-1", "a-2", "c-1", "e-1", "d-1", "d-2"]
        for n, change in enumerate(seen):
            rest = {id.key.id for id in streams.changes(change.cursor, 100)}
            assert rest == set(ids[n + 1 :])
        stream.write("e", "e-2")
        stream.write("b", "b-2")
        assert {change.key.id for change in streams.changes(seen[-1].cursor, 100)} == {"b-2", "e-2"}

    def test_one_at_a_time_misses_nothing(self) -> None:
        stream = ShardedStream()
        stream.shards = {"a": [], "b": []}
        for n in range(30):
            stream.write("ab"[n % 2], f"claim-{n}", f"c-{n:02}")
        stream.split("a", "c")
        stream.write("c", "c-30")
        streams = Streams(stream, "arn")
        seen: list[str] = []
        cursor = ""
        while page := streams.changes(cursor, 1):
            (change,) = page
            seen.append(change.key.id)
            cursor = change.cursor
        assert sorted(seen) == [f"c-{n:02}" for n in range(31)]

    def test_a_child_waits_for_the_end_of_its_parent(self) -> None:
        stream = ShardedStream()
        stream.shards = {"a": []}
        stream.write("a", "c-1")
        stream.split("a", "b")
        stream.write("b", "c-2")
        stream.unnoticed = {"a"}
        streams = Streams(stream, "arn")
        assert streams.changes("", 100) == []
        stream.unnoticed = set()
        assert [change.key.id for change in streams.changes("", 100)] == ["c-1", "c-2"]

    def test_reader_that_fell_behind_continues_at_the_oldest(self) -> None:
        stream = ShardedStream()
        stream.shards = {"a": []}
        stream.write("a", "c-1", "c-2")
        streams = Streams(stream, "arn")
        cursor = streams.changes("", 1)[0].cursor
        stream.trim()
        stream.write("a", "c-3")
        assert [change.key.id for change in streams.changes(cursor, 100)] == ["c-3"]

    def test_claims_are_no_change(self) -> None:
        record = {"dynamodb": {"Keys": {"pk": {"S": "name#username/admin"}, "sk": {"S": "#"}}}}
        assert change_of(record) is None

    def test_an_image_shows_what_is_gone(self) -> None:
        gone = Resource(kind="cluster", id="c-1", spec={"name": "one"}, version=3)
        keys = {"pk": {"S": "cluster"}, "sk": {"S": "c-1"}}
        stream = {"Keys": keys, "OldImage": {"body": {"S": encode(gone)}}}
        told = [change_of({"eventName": name, "dynamodb": stream}) for name in ("INSERT", "MODIFY", "REMOVE")]
        assert [(change.new, change.last) for change in told if change] == [(True, None), (False, None), (False, gone)]
