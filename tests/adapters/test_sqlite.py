"""What only ``SqliteStore`` promises: it survives ``kill -9``, migrates its file, keeps it private, tells at once."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.adapters.sqlite import FEED, MIGRATIONS, SqliteStore, migrate
from chalicelib.errors import AlreadyExists, Unavailable
from chalicelib.types import Change, Key, Put, Remove, Resource
from tests.support.clock import ManualClock

ROOT = Path(__file__).parents[2]

WRITER = """
import sys
from chalicelib.adapters.sqlite import SqliteStore
from chalicelib.types import Put, Resource
from tests.support.clock import ManualClock

store = SqliteStore(sys.argv[1], ManualClock())
for n in range(1_000_000):
    id = f"{sys.argv[2]}-{n}"
    store.write(Put(Resource(kind="cluster", id=id, unique=(f"name/{id}",), spec={"text": "x" * 2000})))
    print(id, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "lariat.db")


@pytest.fixture
def store(path: str) -> Iterator[SqliteStore]:
    store = SqliteStore(path, ManualClock())
    yield store
    store.close()


def put(store: SqliteStore, id: str) -> Resource:
    return store.write(Put(Resource(kind="cluster", id=id)))[0]


def test_acknowledged_writes_survive_kill_9(path: str) -> None:
    acknowledged: list[str] = []
    for life in ("a", "b", "c"):
        command = [sys.executable, "-c", WRITER, path, life]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout
            acknowledged += [writer.stdout.readline().strip() for _ in range(50)]
            writer.kill()
            acknowledged += writer.stdout.read().split()
    store = SqliteStore(path, ManualClock())
    for id in acknowledged:
        assert store.get(Key("cluster", id))
        assert store.holder(f"name/{id}") == ("cluster", id)
    known = {change.key.id for change in store.changes("", FEED)}
    assert known >= set(acknowledged)
    # A write that was not acknowledged is there as a whole or not at all.
    assert known == {resource.id for resource in store.list("cluster", limit=FEED).items}
    store.close()


def test_every_commit_is_synced(store: SqliteStore, path: str) -> None:
    (mode,) = store._writer.execute("PRAGMA journal_mode").fetchone()
    (synchronous,) = store._writer.execute("PRAGMA synchronous").fetchone()
    assert (mode, synchronous) == ("wal", 2)


def test_only_the_owner_reads_the_file(store: SqliteStore, path: str) -> None:
    put(store, "c-1")
    files = list(Path(path).parent.iterdir())
    assert {file.name for file in files} == {"lariat.db", "lariat.db-wal", "lariat.db-shm"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_a_readable_file_is_made_private(path: str) -> None:
    Path(path).touch(0o644)
    SqliteStore(path, ManualClock()).close()
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600


def test_reopened(path: str) -> None:
    store = SqliteStore(path, ManualClock())
    stored = put(store, "c-1")
    store.close()
    store = SqliteStore(path, ManualClock())
    assert store.get(stored.key) == stored
    cursor = store.changes("")[-1].cursor
    put(store, "c-2")
    assert [change.key.id for change in store.changes(cursor)] == ["c-2"]
    store.close()


def test_opened_by_many_at_once(path: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _: SqliteStore(path, ManualClock()), range(8)))
    put(stores[0], "c-1")
    for store in stores:
        with pytest.raises(AlreadyExists):
            put(store, "c-1")
        store.close()


def test_newer_schema_is_refused(path: str) -> None:
    SqliteStore(path, ManualClock()).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    with pytest.raises(Unavailable, match="schema version 2; this Lariat knows up to 1"):
        SqliteStore(path, ManualClock())


def test_migrations_go_forward_and_all_or_none() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    first = ("CREATE TABLE a (x)",)
    migrate(connection, (first,))
    connection.execute("INSERT INTO a VALUES (7)")
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, (first, ("ALTER TABLE a ADD y",), ("no SQL",)))
    assert connection.execute("SELECT * FROM a").fetchall() == [(7,)]
    migrate(connection, (first, ("ALTER TABLE a ADD y", "UPDATE a SET y = x")))
    migrate(connection, (first, ("ALTER TABLE a ADD y", "UPDATE a SET y = x")))
    assert connection.execute("SELECT * FROM a").fetchall() == [(7, 7)]
    assert connection.execute("PRAGMA user_version").fetchone() == (2,)
    connection.close()


@pytest.mark.parametrize("parent", [None, "p"])
def test_a_list_never_scans(store: SqliteStore, parent: str | None) -> None:
    statements: list[str] = []
    reader = sqlite3.connect(store._path)
    store._readers.append(reader)
    reader.set_trace_callback(statements.append)
    store.list("cluster", parent)
    reader.set_trace_callback(None)
    (plan,) = reader.execute(f"EXPLAIN QUERY PLAN {statements[-1]}").fetchall()
    assert plan[-1].startswith("SEARCH resources USING INDEX")
    assert "id>?" in plan[-1]


def test_feed_keeps_the_newest(store: SqliteStore) -> None:
    resources = [Put(Resource(kind="cluster", id=f"c-{n:02}")) for n in range(25)]
    for _ in range(FEED // 50 + 1):
        store.write(*[Remove(resource) for resource in store.write(*resources)])
    changes = store.changes("", FEED + 100)
    assert len(changes) == FEED
    assert int(changes[-1].cursor) - int(changes[0].cursor) == FEED - 1


def test_notify_after_each_commit(path: str) -> None:
    told: list[Sequence[Change]] = []

    def notify(changes: Sequence[Change]) -> None:
        assert all(opened.get(change.key) for change in changes)
        told.append(changes)

    opened = SqliteStore(path, ManualClock(), notify)
    put(opened, "c-1")
    with pytest.raises(AlreadyExists):
        put(opened, "c-1")
    opened.write(Put(Resource(kind="cluster", id="c-2")), Put(Resource(kind="cluster", id="c-3")))
    assert [[change.key.id for change in changes] for changes in told] == [["c-1"], ["c-2", "c-3"]]
    assert [change._replace(new=False) for changes in told for change in changes] == opened.changes("")
    opened.close()


def test_who_is_told_hears_what_is_new_and_what_is_gone(path: str) -> None:
    told: list[Change] = []
    store = SqliteStore(path, ManualClock(), told.extend)
    made = put(store, "c-1")
    (changed,) = store.write(Put(replace(made, labels={"a": "b"})))
    store.write(Remove(changed))
    assert [(change.new, change.last) for change in told] == [(True, None), (False, None), (False, changed)]
    store.close()


def test_notify_may_write(path: str) -> None:
    def notify(changes: Sequence[Change]) -> None:
        if changes[0].key.id == "c-1":
            put(opened, "c-2")

    opened = SqliteStore(path, ManualClock(), notify)
    put(opened, "c-1")
    assert opened.get(Key("cluster", "c-2"))
    opened.close()


def test_expired_rows_are_deleted_and_told(path: str) -> None:
    clock = ManualClock()
    told: list[Change] = []
    store = SqliteStore(path, clock, told.extend)
    store.write(Put(Resource(kind="token", id="t-1", unique=("n",), expires=int(clock.now()) + 1)))
    clock.advance(2)
    put(store, "c-1")
    assert [change.key for change in told] == [("token", "t-1"), ("token", "t-1"), ("cluster", "c-1")]
    rows = sqlite3.connect(path)
    assert rows.execute("SELECT count(*) FROM resources").fetchone() == (1,)
    assert rows.execute("SELECT count(*) FROM names").fetchone() == (0,)
    rows.close()
    store.close()


def test_a_writer_of_another_process_is_waited_for(store: SqliteStore, path: str) -> None:
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.2, lambda: other.execute("COMMIT"))
    timer.start()
    assert put(store, "c-1").version == 1
    timer.join()
    other.close()


def test_closed(store: SqliteStore) -> None:
    put(store, "c-1")
    assert store.get(Key("cluster", "c-1"))
    store.close()
    store.close()
    with pytest.raises(Unavailable):
        store.get(Key("cluster", "c-1"))
    with pytest.raises(Unavailable):
        put(store, "c-2")


def test_threads_that_end_leave_no_connection_behind(store: SqliteStore) -> None:
    for _ in range(20):
        thread = threading.Thread(target=store.list, args=("cluster",))
        thread.start()
        thread.join()
    assert len(store._readers) == 1
