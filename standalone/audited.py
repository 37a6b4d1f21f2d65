"""The streaming proxy with an audit log; ``server.py`` takes this one if there is a level above nought.

An event is written before the caller sees the first byte of the answer. What streams, and the answer's body if the level
asks for it, is told by a second event at the end.
"""

from __future__ import annotations

from chalicelib.audit.event import ANSWERED, ENDED, Body
from chalicelib.audit.recorder import ANSWERS, REQUESTS, Recorder
from chalicelib.audit.redact import LARGEST
from chalicelib.errors import LariatError
from chalicelib.proxy.audited import Asked, body_of, caller, event
from chalicelib.proxy.gatekeeper import Admitted, Gatekeeper
from chalicelib.proxy.namespaces import Namespaces
from chalicelib.tunnel.heads import Headers
from chalicelib.tunnel.lasting import follows_log, is_watch
from standalone.proxy import Proxy, Refusal, Scope, Sender, refuse
from standalone.tunnel import Tunnel, Tunnels
from standalone.whole import Message, Receive

_WITNESS = "witness"
SWITCHED = 101


class AuditedProxy(Proxy):
    def __init__(self, gatekeeper: Gatekeeper, tunnels: Tunnels, namespaces: Namespaces, recorder: Recorder) -> None:
        super().__init__(gatekeeper, tunnels, namespaces)
        self._witnessed = gatekeeper
        self._recorder = recorder

    def admit(self, scope: Scope) -> tuple[Admitted, Tunnel, str]:
        witness = self._witness(scope)
        witness.check()
        found = super().admit(scope)
        witness.admitted = found[0]
        return found

    async def __call__(self, scope: Scope, receive: Receive, send: Sender) -> None:
        witness = self._witness(scope)
        sending = _Sending(witness, send)

        async def receiving() -> Message:
            message = await receive()
            witness.sent.take(message)
            return message

        try:
            await super().__call__(scope, receiving, sending)
        finally:
            witness.end(sending.answer)

    def answering(self, scope: Scope, code: int) -> None:
        self._witness(scope).answer(code)

    def ended(self, scope: Scope) -> None:
        self._witness(scope).end(None)

    def _witness(self, scope: Scope) -> _Witness:
        """One for each request: a connection's next request has a scope of its own, but the state is copied."""
        if _WITNESS not in scope:
            scope[_WITNESS] = _Witness(scope, self._recorder, self._witnessed)
        witness: _Witness = scope[_WITNESS]
        return witness


class _Kept:
    """The start of a body that passes by; none of it if the level doesn't ask."""

    def __init__(self, wanted: bool) -> None:
        self.data = bytearray()
        self.size = 0
        self.whole = False
        self._wanted = wanted

    def take(self, message: Message) -> None:
        if message["type"] == "http.disconnect":
            return
        data = message.get("body", b"")
        self.size += len(data)
        self.whole = not message.get("more_body", False)
        if self._wanted and len(self.data) <= LARGEST:
            self.data += data[: LARGEST + 1]

    def body(self, headers: Headers) -> Body | None:
        return body_of(headers, bytes(self.data), self.size, whole=self.whole) if self._wanted else None


class _Sending:
    """Lets the answer pass once it is written down; in its place, says that it could not be."""

    def __init__(self, witness: _Witness, send: Sender) -> None:
        self.answer = _Kept(witness.level >= ANSWERS)
        self._witness = witness
        self._send = send
        self._mute = False

    async def __call__(self, message: Message) -> None:
        if self._mute:
            return
        if message["type"] != "http.response.start":
            self.answer.take(message)
            await self._send(message)
            return
        try:
            self._witness.headers = _text(message["headers"])
            self._witness.answer(message["status"])
        except Refusal as refusal:
            self._mute = True
            await refuse(self._send, refusal)
            return
        await self._send(message)


class _Witness:
    """What becomes known of one request while it is carried out."""

    def __init__(self, scope: Scope, recorder: Recorder, gatekeeper: Gatekeeper) -> None:
        client = scope.get("client") or ("", 0)
        self.level = recorder.level
        self.sent = _Kept(recorder.level >= REQUESTS)
        self.headers: Headers = ()
        self.admitted: Admitted | None = None
        self._recorder = recorder
        self._gatekeeper = gatekeeper
        self._status = 0
        self._asked = Asked(
            scope["method"],
            scope["raw_path"].decode("latin-1"),
            scope["query_string"].decode("latin-1"),
            _text(scope["headers"]),
            client[0],
            recorder.new_id(),
            recorder.clock.now(),
        )

    def check(self) -> None:
        """Raises ``Refusal`` if nothing may be done now."""
        try:
            self._recorder.check()
        except LariatError as error:
            raise Refusal.of(error) from None

    def answer(self, code: int) -> None:
        """Write down what the caller is about to see. Raises ``Refusal`` if that must not be seen."""
        self._status = code
        try:
            self._record(ANSWERED, None)
        except LariatError as error:
            raise Refusal.of(error) from None

    def end(self, answer: _Kept | None) -> None:
        """Write down the rest, if there is more to say; it is too late to refuse anything."""
        if not self._status or not (self.level >= ANSWERS or self._streams()):
            return
        try:
            self._record(ENDED, answer.body(self.headers) if answer else None)
        except LariatError:
            return

    def _streams(self) -> bool:
        asked = self._asked
        rest = "/" + asked.path.partition("/k8s/clusters/")[2].partition("/")[2]
        return self._status == SWITCHED or is_watch(asked.method, rest, asked.query) or follows_log(rest, asked.query)

    def _record(self, stage: str, answer: Body | None) -> None:
        asked, admitted = self._asked, self.admitted
        who = caller(asked, admitted, self._gatekeeper)
        sent = self.sent.body(asked.headers) if stage == ANSWERED else None
        name = admitted.name if admitted else ""
        self._recorder.record(event(asked, who, name, stage, self._status, sent, answer))


def _text(headers: list[tuple[bytes, bytes]]) -> Headers:
    return tuple([(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers])
