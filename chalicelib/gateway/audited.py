"""What the audit log says of users' streams over the WebSocket API: the journal that ``main.py`` takes if there is a log.

The first line says who asks for what, and is written before the cluster sees it. Later ones, of processes that know no
more, are joined to it by the stream's name.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from chalicelib.audit.event import ADMITTED, ANSWERED, ENDED, Event, Source
from chalicelib.audit.recorder import REQUESTS, Recorder
from chalicelib.auth.identity import Identity
from chalicelib.errors import LariatError
from chalicelib.gateway.journal import Entry, Journal
from chalicelib.proxy.audited import Asked, body_of, caller, event
from chalicelib.proxy.gatekeeper import Admitted, Gatekeeper
from chalicelib.tunnel.frames import Frame, FrameError, Kind
from chalicelib.tunnel.heads import RequestHead, load_response

_LONGEST_USER = 100
_LONGEST_CLUSTER = 27


class AuditedJournal(Journal):
    def __init__(self, gatekeeper: Callable[[], Gatekeeper], recorder: Recorder) -> None:
        self._gatekeeper = gatekeeper
        self._recorder = recorder

    def open(self, head: RequestHead, body: bytes, client: str) -> Entry:
        return _Entry(head, body, client, self._gatekeeper, self._recorder)

    def note(self, user: str, cluster: str) -> str:
        return _note(user, cluster)

    def passing(self, frame: Frame, note: str) -> None:
        if frame.kind is Kind.HEAD:
            self._recorder.record(_later(ANSWERED, frame.stream, note, status=_status(frame)))
        if frame.last:
            self.ended(frame.stream, note)

    def ended(self, stream: str, note: str = "", token: str = "") -> None:
        # It is too late to refuse anything.
        with contextlib.suppress(LariatError):
            self._recorder.record(_later(ENDED, stream, note, token))


class _Entry(Entry):
    def __init__(
        self, head: RequestHead, body: bytes, client: str, gatekeeper: Callable[[], Gatekeeper], recorder: Recorder
    ) -> None:
        path, _, query = head.target.partition("?")
        began = recorder.clock.now()
        self._asked = Asked(head.method, path, query, head.headers, client, recorder.new_id(), began)
        self._body = body
        self._gatekeeper = gatekeeper
        self._recorder = recorder
        self._admitted: Admitted | None = None

    def admitted(self, stream: str, admitted: Admitted) -> str:
        self._asked = self._asked._replace(id=stream)
        self._admitted = admitted
        self._record(ADMITTED, 0)
        return _note(admitted.identity.user, admitted.target.cluster)

    def refused(self, code: int) -> None:
        self._record(ANSWERED, code)

    def _record(self, stage: str, code: int) -> None:
        asked, admitted = self._asked, self._admitted
        who, name = caller(asked, admitted, self._gatekeeper()), admitted.name if admitted else ""
        sent = body_of(asked.headers, self._body) if self._recorder.level >= REQUESTS else None
        self._recorder.record(event(asked, who, name, stage, code, sent, None))


def _note(user: str, cluster: str) -> str:
    """Short enough for any token."""
    return f"{user[:_LONGEST_USER]} {cluster[:_LONGEST_CLUSTER]}"


def _later(stage: str, stream: str, note: str, token: str = "", status: int = 0) -> Event:
    user, _, cluster = note.partition(" ")
    return Event(
        stage=stage,
        request=stream,
        began=0.0,
        source=Source("", ""),
        identity=Identity(user=user, groups=(), token=token),
        method="",
        uri="",
        verb="",
        status=status,
        cluster=cluster,
    )


def _status(frame: Frame) -> int:
    try:
        return load_response(frame.document).status
    except FrameError:
        return 0
