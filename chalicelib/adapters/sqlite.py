"""The resource store in one SQLite file, for the standalone edge; ``chalicelib.main`` opens it.

What ``write`` returned survives ``kill -9`` and a power cut: the log is synced on every commit. Writers take turns
behind a lock; readers never wait for them (WAL). A reader borrows a connection from a pool instead of owning one per
thread, so that threads that come and go leave no open files behind.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from chalicelib.errors import AlreadyExists, Conflict, NameTaken, Unavailable
from chalicelib.store.codec import Packed, decode, decode_all, pack
from chalicelib.types import Change, Clock, Key, Page, Resource, Write

FEED = 10_000
"""Changes kept; a reader that falls further behind continues at the oldest."""

LOCK_SECONDS = 10.0

Migrations = Sequence[Sequence[str]]

MIGRATIONS: Migrations = (
    (
        """CREATE TABLE resources (
            kind TEXT NOT NULL, id TEXT NOT NULL, parent TEXT NOT NULL, version INTEGER NOT NULL, expires INTEGER,
            body TEXT NOT NULL, PRIMARY KEY (kind, id))""",
        "CREATE INDEX resources_by_parent ON resources (kind, parent, id)",
        "CREATE INDEX resources_by_expiry ON resources (expires) WHERE expires IS NOT NULL",
        "CREATE TABLE names (name TEXT PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL) WITHOUT ROWID",
        "CREATE INDEX names_by_holder ON names (kind, id)",
        "CREATE TABLE changes (cursor INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, id TEXT NOT NULL)",
    ),
)
"""What leads from each schema version to the next; append, never edit."""

_ALIVE = "(expires IS NULL OR expires > ?)"


class SqliteStore:
    """A ``Store``; ``notify`` is told of changes after each commit, on the writer's thread."""

    def __init__(self, path: str, clock: Clock, notify: Callable[[Sequence[Change]], None] | None = None) -> None:
        self._path = path
        self._clock = clock
        self._notify = notify
        self._lock = threading.Lock()
        self._readers: deque[sqlite3.Connection] = deque()
        self._closed = False
        _make_private(path)
        self._writer = _connect(path)
        try:
            migrate(self._writer, MIGRATIONS)
        except BaseException:
            self._writer.close()
            raise

    def get(self, key: Key) -> Resource | None:
        query = f"SELECT body FROM resources WHERE kind = ? AND id = ? AND {_ALIVE}"
        with self._reader() as reader:
            row = reader.execute(query, (*key, self._clock.now())).fetchone()
        return decode(row[0]) if row else None

    def several(self, keys: Sequence[Key]) -> Sequence[Resource]:
        return [found for found in map(self.get, dict.fromkeys(keys)) if found is not None]

    def list(self, kind: str, parent: str | None = None, *, after: str = "", limit: int = 1000) -> Page:
        scope, names = ("kind = ?", [kind]) if parent is None else ("kind = ? AND parent = ?", [kind, parent])
        query = f"SELECT body FROM resources WHERE {scope} AND id > ? AND {_ALIVE} ORDER BY id LIMIT ?"
        with self._reader() as reader:
            rows = reader.execute(query, (*names, after, self._clock.now(), limit + 1)).fetchall()
        items = tuple(decode_all([body for (body,) in rows[:limit]]))
        return Page(items, items[-1].id if len(rows) > limit else "")

    def ids(self, kind: str, parent: str | None = None) -> Sequence[str]:
        scope, names = ("kind = ?", [kind]) if parent is None else ("kind = ? AND parent = ?", [kind, parent])
        query = f"SELECT id FROM resources WHERE {scope} AND {_ALIVE} ORDER BY id"
        with self._reader() as reader:
            return [id for (id,) in reader.execute(query, (*names, self._clock.now()))]

    def holder(self, name: str) -> Key | None:
        query = f"SELECT kind, id FROM names JOIN resources USING (kind, id) WHERE name = ? AND {_ALIVE}"
        with self._reader() as reader:
            row = reader.execute(query, (name, self._clock.now())).fetchone()
        return Key(*row) if row else None

    def write(self, *writes: Write) -> Sequence[Resource]:
        packed = pack(writes)
        changes: list[Change] = []
        with self._transaction() as writer:
            changes += _purge(writer, self._clock.now())
            for write, after in zip(writes, packed, strict=True):
                _check_version(writer, write.resource)
                _apply(writer, after)
            for after in packed:
                _take_names(writer, after)
            changes += _record(writer, [_told(write, after) for write, after in zip(writes, packed, strict=True)])
        if self._notify and changes:
            self._notify(changes)
        return [after.resource for after in packed]

    def changes(self, after: str, limit: int = 1000) -> Sequence[Change]:
        query = "SELECT cursor, kind, id FROM changes WHERE cursor > ? ORDER BY cursor LIMIT ?"
        with self._reader() as reader:
            rows = reader.execute(query, (int(after or 0), limit)).fetchall()
        return [Change(str(cursor), Key(kind, id)) for cursor, kind, id in rows]

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._writer.close()
        while self._readers:
            self._readers.pop().close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _translated():
            self._check_open()
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        with _translated():
            self._check_open()
            try:
                reader = self._readers.pop()
            except IndexError:
                reader = _connect(self._path)
            try:
                yield reader
            finally:
                self._readers.append(reader)
                if self._closed:
                    self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("the database is closed")


def migrate(connection: sqlite3.Connection, migrations: Migrations) -> None:
    """Bring the schema forward in one transaction; refuse a file that a newer Lariat wrote."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > len(migrations):
            raise Unavailable(f"the database has schema version {version}; this Lariat knows up to {len(migrations)}")
        for statements in migrations[version:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _make_private(path: str) -> None:
    # SQLite gives its -wal and -shm files the mode of the database, so that must be right before it opens.
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


def _connect(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=LOCK_SECONDS, isolation_level=None, check_same_thread=False)
    _switch_to_wal(connection)
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Of several that open a new database at once one switches; SQLite does not let the others wait, so they try again."""
    until = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise Unavailable(f"the database does not answer: {error}") from error


def _check_version(writer: sqlite3.Connection, resource: Resource) -> None:
    row = writer.execute("SELECT version FROM resources WHERE kind = ? AND id = ?", resource.key).fetchone()
    if row is None and resource.version:
        raise Conflict(f"{resource.kind} {resource.id} is gone")
    if row and not resource.version:
        raise AlreadyExists(f"{resource.kind} {resource.id} already exists")
    if row and row[0] != resource.version:
        raise Conflict(f"{resource.kind} {resource.id} has changed since it was read")


def _apply(writer: sqlite3.Connection, after: Packed) -> None:
    resource, body = after
    writer.execute("DELETE FROM names WHERE kind = ? AND id = ?", resource.key)
    if body is None:
        writer.execute("DELETE FROM resources WHERE kind = ? AND id = ?", resource.key)
        return
    writer.execute(
        """INSERT INTO resources (kind, id, parent, version, expires, body) VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (kind, id) DO UPDATE
        SET parent = excluded.parent, version = excluded.version, expires = excluded.expires, body = excluded.body""",
        (*resource.key, resource.parent, resource.version, resource.expires, body),
    )


def _take_names(writer: sqlite3.Connection, after: Packed) -> None:
    resource, body = after
    for name in resource.unique if body is not None else ():
        try:
            writer.execute("INSERT INTO names (name, kind, id) VALUES (?, ?, ?)", (name, *resource.key))
        except sqlite3.IntegrityError:
            raise NameTaken(f"{name} is taken") from None


def _purge(writer: sqlite3.Connection, now: float) -> list[Change]:
    """Remove what expired, ahead of every write: afterwards no stale row can hold an id or a name."""
    rows = writer.execute("SELECT kind, id, body FROM resources WHERE expires <= ?", (now,)).fetchall()
    keys = [Key(kind, id) for kind, id, _ in rows]
    writer.executemany("DELETE FROM names WHERE kind = ? AND id = ?", keys)
    writer.executemany("DELETE FROM resources WHERE kind = ? AND id = ?", keys)
    return _record(writer, [Change("", key, last=decode(body)) for key, (_, _, body) in zip(keys, rows, strict=True)])


def _told(write: Write, after: Packed) -> Change:
    resource, body = after
    return Change("", resource.key, write.resource.version == 0, resource if body is None else None)


def _record(writer: sqlite3.Connection, told: Sequence[Change]) -> list[Change]:
    query = "INSERT INTO changes (kind, id) VALUES (?, ?)"
    changes = [change._replace(cursor=str(writer.execute(query, change.key).lastrowid)) for change in told]
    if changes:
        writer.execute("DELETE FROM changes WHERE cursor <= ?", (int(changes[-1].cursor) - FEED,))
    return changes
