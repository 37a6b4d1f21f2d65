"""The words that every part of the server shares: values, and the ports that the adapters implement.

Imported by all, imports nothing of ours. Times are whole UTC seconds in RFC 3339 with ``Z``, as the v3 API shows them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol, TypeAlias


class Key(NamedTuple):
    """What names a resource: its kind (``cluster``) and its full id (``c-7hrxp:crt-w75w4``)."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class Condition:
    """One observation about a resource, as in Kubernetes: ``status`` is ``True``, ``False`` or ``Unknown``."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    changed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """Everything users manage.

    ``parent`` is the id of the cluster, project or user that scopes it, empty for a global one. ``unique`` are names
    that no other resource may hold while this one exists (``username/admin``). ``version`` counts the writes; 0 means
    not stored yet. ``sealed`` holds encrypted values that no answer ever shows. ``expires`` is in seconds since 1970:
    past it the resource may vanish by itself.
    """

    kind: str
    id: str
    parent: str = ""
    spec: Mapping[str, Any] = field(default_factory=dict)
    status: Mapping[str, Any] = field(default_factory=dict)
    sealed: Mapping[str, str] = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    unique: tuple[str, ...] = ()
    owner: Key | None = None
    finalizers: tuple[str, ...] = ()
    uid: str = ""
    creator: str = ""
    created: str = ""
    removed: str = ""
    expires: int | None = None
    version: int = 0

    @property
    def key(self) -> Key:
        return Key(self.kind, self.id)

    def with_condition(self, type: str, status: str, reason: str = "", message: str = "", *, now: str) -> Resource:
        """Set a condition in its place; ``changed`` moves only when the status does, so that equal stays equal."""
        old = next((condition for condition in self.conditions if condition.type == type), None)
        new = Condition(type, status, reason, message, old.changed if old and old.status == status else now)
        if old is None:
            return replace(self, conditions=(*self.conditions, new))
        return replace(self, conditions=tuple(new if held is old else held for held in self.conditions))


class Page(NamedTuple):
    """One page of a list in the order of ids; ``after`` continues it and is empty on the last page."""

    items: tuple[Resource, ...]
    after: str


@dataclass(frozen=True, slots=True)
class Put:
    """Store ``resource``: create it when its version is 0, else replace exactly that version."""

    resource: Resource


@dataclass(frozen=True, slots=True)
class Remove:
    """Delete ``resource``, provided that its version is still the stored one."""

    resource: Resource


Write: TypeAlias = Put | Remove


class Change(NamedTuple):
    """An entry of the change feed: a key, never a payload. ``cursor`` orders it and resumes after it.

    Whoever is told of a change as it happens also hears whether the resource is ``new``, and how it was at ``last`` if it
    is gone, for nobody can look that up any more.
    """

    cursor: str
    key: Key
    new: bool = False
    last: Resource | None = None


class Store(Protocol):
    """The resource store. Every implementation passes ``tests/contract/store.py``."""

    def get(self, key: Key) -> Resource | None:
        """Return the resource as last acknowledged (a strongly consistent read)."""

    def several(self, keys: Sequence[Key]) -> Sequence[Resource]:
        """Return those that are there, read like ``get``, in the order of the keys."""

    def list(self, kind: str, parent: str | None = None, *, after: str = "", limit: int = 1000) -> Page:
        """List one kind in the order of ids, of one parent or (``None``) of all.

        ``after`` is exclusive, so that a page neither misses nor doubles what others write meanwhile.
        """

    def ids(self, kind: str, parent: str | None = None) -> Sequence[str]:
        """Every id that ``list`` would give, in its order, without the cost of the resources."""

    def holder(self, name: str) -> Key | None:
        """Return who holds a unique name."""

    def write(self, *writes: Write) -> Sequence[Resource]:
        """Apply all or none; return the resources as stored, with their new versions.

        They are durable when this returns; a removed one is returned as given. Raises ``Conflict`` (a version moved, or
        a resource is gone), ``AlreadyExists`` (created twice), ``NameTaken``, ``TooLarge`` (a resource over 350 KB, all
        together over 3,500 KB), and ``ValueError`` for more than 25 writes or two of one resource.
        """


class Feed(Protocol):
    """What was written, for an edge that is not told of changes by itself."""

    def changes(self, after: str, limit: int = 1000) -> Sequence[Change]:
        """Return what was written after a cursor; ``""`` starts at the oldest change still kept.

        It may lag by seconds. The order holds for each resource, not between them. A reader that fell too far behind
        continues at the oldest change that is kept.
        """


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since 1970."""


class Random(Protocol):
    def bytes(self, count: int) -> bytes:
        """Bytes fit for keys and tokens."""


class Seal(Protocol):
    """Encrypts what must not be readable in the store."""

    def seal(self, plain: str, purpose: str) -> str:
        """Encrypt; ``purpose`` (such as the resource's id and field) must match when opening."""

    def open(self, sealed: str, purpose: str) -> str:
        """Decrypt; raises ``LariatError`` if it was made for another purpose or changed."""


class Queue(Protocol):
    """Keys on their way to a reconciler. They may come twice, late and in any order."""

    def add(self, keys: Iterable[Key], delay: float = 0.0, attempt: int = 0) -> None:
        """Durable when this returns. Raises ``Unavailable``."""


class Audit(Protocol):
    """Where the audit log's lines go. Any thread may call."""

    def write(self, line: bytes) -> None:
        """Append one line, whole or not at all; it outlives this process when this returns. Raises ``Unavailable``."""

    def reopen(self) -> None:
        """Go on in a new file, if somebody has moved the old one away."""

    def close(self) -> None: ...


class Post(Protocol):
    """Sends messages to WebSocket connections that a gateway holds. Passes ``tests/contract/relay.py``."""

    def send(self, connection: str, message: bytes) -> None:
        """Hand a message over, once. Raises ``Gone``, ``Busy`` (throttled), ``TooLarge`` or ``Unavailable``."""

    def hang_up(self, connection: str) -> None:
        """End a connection; one that has ended is no error. Raises ``Busy`` or ``Unavailable``."""


class Line(Protocol):
    """One WebSocket connection of our own to that gateway. Passes ``tests/contract/relay.py``."""

    def send(self, message: bytes) -> None:
        """Raises ``Gone`` when the connection has ended."""

    def receive(self, seconds: float) -> bytes | None:
        """Wait for a message; ``None`` if none came in time. Raises ``Gone``."""

    def close(self) -> None: ...


class Dial(Protocol):
    def __call__(self, headers: Mapping[str, str]) -> Line:
        """Open a connection, showing these headers. Raises ``Unavailable``."""


class WebAnswer(NamedTuple):
    """The status and the whole body of an HTTP answer."""

    status: int
    body: bytes


class Web(Protocol):
    """HTTPS to services that administrators name, such as identity providers."""

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"", *, trust: str = ""
    ) -> WebAnswer:
        """One exchange, bounded in time and size; redirects are answers, never followed.

        ``trust`` holds PEM certificates to trust instead of the system's. Raises ``Refused`` for a URL that nobody should
        call, ``Unavailable`` when no whole answer came.
        """


@dataclass(frozen=True, slots=True)
class DirectoryServer:
    """Where a directory is: hosts to try in turn. ``tls`` is ``ldaps``, ``starttls`` or empty."""

    hosts: tuple[str, ...]
    port: int
    tls: str = ""
    trust: str = ""
    seconds: float = 5.0


class Entry(NamedTuple):
    """An entry of a directory; the attributes' names are in lower case."""

    dn: str
    attributes: Mapping[str, tuple[str, ...]]


class DirectorySession(Protocol):
    """A bound connection to a directory."""

    def search(
        self, base: str, filter: str, attributes: Sequence[str], *, below: bool = True, limit: int = 1000
    ) -> Sequence[Entry]:
        """Return the entries that match, ``limit`` at most: of the tree under ``base``, or of ``base`` alone.

        Referrals are not followed. Raises ``Refused`` (the directory can't carry it out) and ``Unavailable``.
        """


class Directory(Protocol):
    """LDAP."""

    def bind(self, server: DirectoryServer, name: str, password: str) -> AbstractContextManager[DirectorySession]:
        """Raises ``Unauthorized`` for a wrong name or password, also an empty one, and ``Unavailable``."""
