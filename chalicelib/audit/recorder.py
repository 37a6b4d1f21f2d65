"""Writes events down, as much of them as the level says; each edge that records has one."""

from __future__ import annotations

import datetime
import json
import logging
import threading
import uuid
from functools import lru_cache
from typing import Any

from chalicelib.audit.event import Body, Event
from chalicelib.audit.redact import plain, shown
from chalicelib.errors import Unavailable
from chalicelib.types import Audit, Clock, Random

OFF, METADATA, REQUESTS, ANSWERS = range(4)
"""Levels, as Rancher counts them: nothing; who did what; with what was sent; with what came back."""

BEFORE = "the audit log can't be written, and nothing is done unrecorded; the server's log says why"
AFTER = "what was asked for may have been done, but the audit log can't be written; the server's log says why"
LONGEST_TEXT = 512
SECRETS = frozenset({"secrets", "tokenreviews", "token", "proxy", "certificatesigningrequests"})
"""Resources and subresources of Kubernetes whose bodies are never shown."""

log = logging.getLogger("lariat.audit")
_agent = lru_cache(256)(plain)
_encode = json.JSONEncoder(separators=(",", ":")).encode


class Recorder:
    """For any thread. With ``required`` nothing is done while events can't be written; else they are counted as lost."""

    def __init__(self, level: int, audit: Audit, clock: Clock, random: Random, *, required: bool = True) -> None:
        self.level = level
        self.clock = clock
        self._audit = audit
        self._random = random
        self._required = required
        self._lost = 0
        self._lock = threading.Lock()

    def check(self) -> None:
        """Raises ``Unavailable`` if something must not be done now, since it would not be recorded."""
        if self._lost and self._required and not self._recovered():
            raise Unavailable(BEFORE)

    def record(self, event: Event) -> None:
        """Write it down. Raises ``Unavailable`` if that failed and must not."""
        line = self._line(event)
        if (not self._lost or self._recovered()) and self._write(line):
            return
        with self._lock:
            self._lost += 1
        if self._required:
            raise Unavailable(AFTER)

    def reopen(self) -> None:
        """Go on in a new file, if somebody has moved the old one away."""
        self._audit.reopen()

    def close(self) -> None:
        self._audit.close()

    def new_id(self) -> str:
        return str(uuid.UUID(bytes=self._random.bytes(16), version=4))

    def _recovered(self) -> bool:
        """Try again with a line that says how many events are missing."""
        with self._lock:
            notice = {"time": _time(self.clock.now()), "id": self.new_id(), "stage": "lost", "events": self._lost}
            if self._lost and self._write(_dumped(notice)):
                self._lost = 0
            return not self._lost

    def _write(self, line: bytes) -> bool:
        try:
            self._audit.write(line)
        except Unavailable as error:
            if not self._lost:
                log.error("%s", error.message)  # noqa: TRY400 - the message says it all
            return False
        return True

    def _line(self, event: Event) -> bytes:
        now, identity = self.clock.now(), event.identity
        document: dict[str, Any] = {
            "time": _time(now),
            "id": self.new_id(),
            "request": event.request,
            "stage": event.stage,
            "user": {"id": identity.user, "name": identity.name, "token": identity.token},
            "source": {"address": event.source.address, "agent": _agent(event.source.agent[:LONGEST_TEXT])},
        }
        said = {"method": event.method[:32], "uri": event.uri, "verb": event.verb, "status": event.status}
        document |= {name: value for name, value in said.items() if value}
        if event.began:
            document["milliseconds"] = round((now - event.began) * 1000, 1)
        if event.account:
            document["account"] = event.account[:LONGEST_TEXT]
        if event.cluster:
            document["cluster"] = {"id": event.cluster[:LONGEST_TEXT], "name": event.cluster_name[:LONGEST_TEXT]}
        if event.object:
            document["object"] = {name: plain(value[:LONGEST_TEXT]) for name, value in event.object.items()}
        if self.level >= REQUESTS:
            _add(document, "requestBody", event.sent, event)
        if self.level >= ANSWERS:
            _add(document, "answerBody", event.answer, event)
        return _dumped(document)


def _add(document: dict[str, Any], name: str, body: Body | None, event: Event) -> None:
    secret = SECRETS & {event.object.get("resource"), event.object.get("subresource")}
    found = shown(body, "it is secret" if secret else "") if body is not None else None
    if found is not None:
        document[name] = found


def _dumped(document: dict[str, Any]) -> bytes:
    """One line, of ASCII alone: nothing inside of it can pass for the start of another."""
    return _encode(document).encode() + b"\n"


def _time(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
