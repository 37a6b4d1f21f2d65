"""``/k8s/clusters/<id>/…`` where a request and its answer are one value each, as on Lambda.

Nothing streams here and no protocol is switched: a watch is cut to what fits, and clients resume it; what can't fit gets
a ``Status`` that says what to do instead. ``app.py`` calls this; ``standalone/proxy.py`` is its streaming counterpart.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol, TypeVar

from chalicelib.errors import ClusterUnavailable, Invalid, LariatError, TimedOut, TooLarge
from chalicelib.proxy import status
from chalicelib.proxy.gatekeeper import LARGEST_BODY, Admitted, Gatekeeper
from chalicelib.proxy.namespaces import LARGEST as LARGEST_WRITE
from chalicelib.proxy.namespaces import Namespaces, Write, concerns
from chalicelib.proxy.policy import response_headers
from chalicelib.tunnel.heads import Headers, RequestHead, ResponseHead
from chalicelib.tunnel.lasting import follows_log, is_watch

LARGEST_ANSWER = (6 * 1024 * 1024 - 32 * 1024) // 4 * 3
"""Bytes of an answer's body: Lambda returns 6 MB, in base64 and with the headers around it."""

LARGEST_PLAIN = 64 * 1024 * 1024
"""Bytes of an answer that are compressed at most."""

LARGEST_HEADERS = 10_240
"""Bytes of headers that API Gateway passes on, either way."""

SECONDS = 27.0
"""API Gateway waits 29 seconds for an answer, and a cold start counts."""

WATCH_SECONDS = 25

WORTH_COMPRESSING = 1400
"""Bytes; what is smaller goes into one packet anyway."""

_INSTEAD = "use `lariat kubectl`, which carries them"
_LEVEL = 4


class Reply(NamedTuple):
    status: int
    headers: Headers
    body: bytes


class Collector(Protocol):
    """Takes an answer as it comes."""

    def begin(self, head: ResponseHead) -> None: ...

    def take(self, data: bytes) -> bool:
        """Take the next bytes; return whether more are wanted."""


C = TypeVar("C", bound=Collector)


class Exchanges(Protocol):
    """Carries a request to a cluster; ``gateway/relay.py`` does."""

    def exchange(
        self, cluster: str, head: RequestHead, body: bytes, timeout: float, collector: Callable[[], C]
    ) -> C: ...


class Proxy(Protocol):
    """Answers requests; ``Buffered`` does, and ``audited.py`` with a log of it."""

    def answer(
        self, method: str, path: str, query: str, headers: Headers, body: bytes, client: str = "", id: str = ""
    ) -> Reply:
        """Answer any request; header names are lower-case. Never raises a ``LariatError``.

        ``client`` is the caller's address and ``id`` the gateway's name of the request.
        """


class Buffered:
    """A ``Proxy``."""

    def __init__(self, gatekeeper: Gatekeeper, exchanges: Exchanges, namespaces: Namespaces) -> None:
        self._gatekeeper = gatekeeper
        self._exchanges = exchanges
        self._namespaces = namespaces

    def answer(
        self, method: str, path: str, query: str, headers: Headers, body: bytes, client: str = "", id: str = ""
    ) -> Reply:
        return self.trace(method, path, query, headers, body)[0]

    def trace(self, method: str, path: str, query: str, headers: Headers, body: bytes) -> tuple[Reply, Admitted | None]:
        """Answer, and say what was let through, if anything was."""
        admitted = None
        try:
            _check_size(headers, body)
            admitted = self._gatekeeper.admit(method, path, query, headers, True)
            return self._carry(admitted, method, headers, body), admitted
        except LariatError as error:
            return refusal(error), admitted

    def _carry(self, admitted: Admitted, method: str, headers: Headers, body: bytes) -> Reply:
        _refuse_streams(admitted)
        watch = is_watch(method, admitted.target.path, admitted.target.query)
        head = shortened(admitted.head) if watch else admitted.head
        write = self._judge(admitted, body) if concerns(admitted) else None
        gathered = self._ask(admitted, head, body, watch, accepts_gzip(headers))
        if write is not None and gathered.head is not None:
            self._namespaces.done(write, gathered.head.status)
        return _packed(gathered, watch)

    def _judge(self, admitted: Admitted, body: bytes) -> Write:
        if len(body) > LARGEST_WRITE:
            raise TooLarge(f"a write to a namespace is at most {LARGEST_WRITE // 1024} KB")
        return self._namespaces.judge(admitted, body)

    def _ask(self, admitted: Admitted, head: RequestHead, body: bytes, watch: bool, gzip: bool) -> Gathered:
        begun: list[Gathered] = []

        def collector() -> Gathered:
            begun.append(Gathered(gzip and not watch))
            return begun[-1]

        cluster = admitted.target.cluster
        try:
            return self._exchanges.exchange(cluster, head, body, SECONDS, collector)
        except TimedOut:
            if watch and begun and begun[-1].head is not None:
                return begun[-1]
            raise
        except ClusterUnavailable as error:
            if type(error) is ClusterUnavailable:
                raise self._gatekeeper.unavailable(cluster) from error
            raise


class HeadersTooLarge(LariatError):
    status = 431
    code = "HeadersTooLarge"


class HeadersDoNotFit(LariatError):
    status = 502
    code = "HeadersTooLarge"


class Gathered:
    """An answer that is gathered up to what may be returned, compressed where that makes it fit."""

    def __init__(self, gzip: bool) -> None:
        self.head: ResponseHead | None = None
        self.body = bytearray()
        self.compressed = False
        self.overflown = False
        self._gzip = gzip
        self._plain = 0
        self._compressor = zlib.compressobj(_LEVEL, wbits=31)

    def begin(self, head: ResponseHead) -> None:
        self.head = head
        if any(name == "content-encoding" for name, _ in head.headers):
            self._gzip = False

    def take(self, data: bytes) -> bool:
        self._plain += len(data)
        self.body += self._compressor.compress(data) if self.compressed else data
        if len(self.body) > LARGEST_ANSWER and self._gzip and not self.compressed:
            self._compress()
        self.overflown = len(self.body) > LARGEST_ANSWER or (self.compressed and self._plain > LARGEST_PLAIN)
        return not self.overflown

    def finish(self) -> None:
        """No more comes."""
        if not self.compressed and self._gzip and len(self.body) >= WORTH_COMPRESSING:
            self._compress()
        if self.compressed:
            self.body += self._compressor.flush()
        self.overflown = self.overflown or len(self.body) > LARGEST_ANSWER

    def _compress(self) -> None:
        self.body = bytearray(self._compressor.compress(bytes(self.body)))
        self.compressed = True


def refusal(error: LariatError) -> Reply:
    code, document = status.from_error(error)
    return Reply(code, (status.CONTENT_TYPE, *error.headers), document)


def fitted(reply: Reply, gzip: bool) -> Reply:
    """Return an answer of Lariat's own as it can be returned. Raises ``TooLarge``."""
    gathered = Gathered(gzip)
    gathered.take(reply.body)
    gathered.finish()
    if gathered.overflown:
        raise TooLarge(
            f"the answer is larger than the {LARGEST_ANSWER // 1024} KB that can be returned at once; "
            "ask for less (?limit=100, and then what pagination.next names), or accept gzip"
        )
    encoding = (("content-encoding", "gzip"), ("vary", "accept-encoding")) if gathered.compressed else ()
    return Reply(reply.status, (*reply.headers, *encoding), bytes(gathered.body))


def size(headers: Iterable[tuple[str, str]]) -> int:
    """Bytes of headers as HTTP/1.1 writes them."""
    return sum(len(name) + len(value.encode()) + 4 for name, value in headers)


def accepts_gzip(headers: Headers) -> bool:
    """A client that names gzip with a weight of nought does not want it."""
    offers = [offer for name, value in headers if name == "accept-encoding" for offer in value.lower().split(",")]
    parsed = [[part.strip() for part in offer.split(";")] for offer in offers]
    return any(name == "gzip" and not re.fullmatch(r"q=0(\.0*)?", "".join(weight)) for name, *weight in parsed)


def shortened(head: RequestHead) -> RequestHead:
    """Let a watch end by itself before anybody loses patience, as the API server does when it is asked to."""
    path, _, query = head.target.partition("?")
    kept, seconds = [], WATCH_SECONDS
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name != "timeoutSeconds":
            kept.append(part)
        elif value.isdecimal() and 0 < int(value[:9]) < seconds:
            seconds = int(value[:9])
    return head._replace(target=f"{path}?{'&'.join([*filter(None, kept), f'timeoutSeconds={seconds}'])}")


def _check_size(headers: Headers, body: bytes) -> None:
    if len(body) > LARGEST_BODY:
        raise TooLarge(f"the request is larger than {LARGEST_BODY // 1024 // 1024} MB")
    if size(headers) > LARGEST_HEADERS:
        raise HeadersTooLarge(f"the request's headers are larger than {LARGEST_HEADERS // 1024} KB")


def _refuse_streams(admitted: Admitted) -> None:
    if any(name == "upgrade" for name, _ in admitted.head.headers):
        raise Invalid(f"exec, attach, port-forward and cp can't pass here; {_INSTEAD}", code="BadRequest")
    if follows_log(admitted.target.path, admitted.target.query):
        raise Invalid(f"logs can't be followed here; {_INSTEAD}", code="BadRequest")


def _packed(gathered: Gathered, watch: bool) -> Reply:
    gathered.finish()
    if gathered.head is None:
        raise TimedOut("the cluster did not answer")
    if gathered.overflown and not watch:
        raise TooLarge(
            f"the cluster's answer is larger than the {LARGEST_ANSWER // 1024} KB that can be returned at once; "
            "ask for it in pages (?limit=500, then ?continue=… with the token in metadata.continue), "
            "accept gzip, or use `lariat kubectl`"
        )
    headers = tuple(pair for pair in response_headers(gathered.head.headers) if pair[0] != "content-length")
    if gathered.compressed:
        headers += (("content-encoding", "gzip"), ("vary", "accept-encoding"))
    if size(headers) > LARGEST_HEADERS:
        raise HeadersDoNotFit(f"the headers of the cluster's answer are larger than {LARGEST_HEADERS // 1024} KB")
    body = bytes(gathered.body)
    return Reply(gathered.head.status, headers, _whole_events(headers, body) if watch else body)


def _whole_events(headers: Headers, body: bytes) -> bytes:
    """Cut a watch behind its last whole event, where events are lines; a client resumes from the last that it saw."""
    if not any(name == "content-type" and "json" in value for name, value in headers):
        return body
    return body[: body.rfind(b"\n") + 1] or body[: body.rfind(b"}") + 1]
