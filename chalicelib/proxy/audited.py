"""What the audit log says of a proxied request, and the proxy of Lambda with such a log.

``standalone/audited.py`` makes its events here too.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote

from chalicelib.audit.event import ANSWERED, NOBODY, Body, Event, Source
from chalicelib.audit.recorder import Recorder
from chalicelib.audit.redact import address
from chalicelib.auth.identity import Identity
from chalicelib.errors import LariatError
from chalicelib.proxy.buffered import Buffered, Reply, refusal
from chalicelib.proxy.gatekeeper import Admitted, Gatekeeper
from chalicelib.tunnel import attributes
from chalicelib.tunnel.heads import Headers


class Asked(NamedTuple):
    """A proxied request as it came; header names are lower-case. ``id`` is the edge's own name of it, if it has one."""

    method: str
    path: str
    query: str
    headers: Headers
    client: str
    id: str
    began: float

    def header(self, name: str) -> str:
        return header(self.headers, name)


class AuditedBuffered:
    """Answers as ``Buffered`` does, once it is written down that it does."""

    def __init__(self, proxy: Buffered, gatekeeper: Gatekeeper, recorder: Recorder) -> None:
        self._proxy = proxy
        self._gatekeeper = gatekeeper
        self._recorder = recorder

    def answer(
        self, method: str, path: str, query: str, headers: Headers, body: bytes, client: str = "", id: str = ""
    ) -> Reply:
        """Answer any request; header names are lower-case. Never raises a ``LariatError``."""
        asked = Asked(method, path, query, headers, client, id or self._recorder.new_id(), self._recorder.clock.now())
        try:
            self._recorder.check()
            reply, admitted = self._proxy.trace(method, path, query, headers, body)
            self._recorder.record(
                event(
                    asked,
                    caller(asked, admitted, self._gatekeeper),
                    admitted.name if admitted else "",
                    ANSWERED,
                    reply.status,
                    body_of(asked.headers, body),
                    body_of(reply.headers, reply.body),
                )
            )
        except LariatError as error:
            return refusal(error)
        return reply


def caller(asked: Asked, admitted: Admitted | None, gatekeeper: Gatekeeper) -> Identity:
    """Who asked, also if they were refused."""
    if admitted is not None:
        return admitted.identity
    return gatekeeper.recognize(asked.headers) or NOBODY


def event(
    asked: Asked, identity: Identity, name: str, stage: str, status: int, sent: Body | None, answer: Body | None
) -> Event:
    _, _, _, cluster, *rest = (*asked.path.split("/", 4), "", "", "", "")
    meant = attributes.parse(asked.method, f"/{rest[0]}", asked.query)
    return Event(
        stage=stage,
        request=asked.id,
        began=asked.began,
        source=Source(asked.client, asked.header("user-agent")),
        identity=identity,
        method=asked.method,
        uri=address(asked.path, asked.query),
        verb=meant.verb,
        status=status,
        cluster=unquote(cluster),
        cluster_name=name,
        object=meant.object,
        sent=sent,
        answer=answer,
    )


def body_of(headers: Headers, data: bytes, size: int = -1, *, whole: bool = True) -> Body:
    """A body as its headers describe it; ``size`` is that of all of it, if not all was kept."""
    encoding = header(headers, "content-encoding")
    return Body(data, header(headers, "content-type"), encoding, len(data) if size < 0 else size, whole)


def header(headers: Headers, wanted: str) -> str:
    return " ".join([value for name, value in headers if name == wanted])
