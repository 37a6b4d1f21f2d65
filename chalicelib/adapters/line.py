"""A WebSocket of our own to a gateway, through websocket-client."""

from __future__ import annotations

from collections.abc import Mapping

import websocket

from chalicelib.errors import Gone, Unavailable
from chalicelib.tunnel.frames import MESSAGE

DIAL_SECONDS = 5.0
_AT_ONCE = 0.001


class WebSocketDial:
    """A ``Dial``. ``url`` is the WebSocket API's, ``wss://…``."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __call__(self, headers: Mapping[str, str]) -> WebSocketLine:
        link = websocket.WebSocket(skip_utf8_validation=True)
        try:
            link.connect(self._url, header=dict(headers), timeout=DIAL_SECONDS, redirect_limit=0)
        except (OSError, websocket.WebSocketException, ValueError) as error:
            raise Unavailable("can't open a connection to the gateway that answers come through") from error
        return WebSocketLine(link)


class WebSocketLine:
    """A ``Line``."""

    def __init__(self, link: websocket.WebSocket) -> None:
        self._link = link

    def send(self, message: bytes) -> None:
        try:
            self._link.settimeout(DIAL_SECONDS)
            self._link.send(message, websocket.ABNF.OPCODE_TEXT)
        except (OSError, websocket.WebSocketException) as error:
            raise Gone("the connection has ended") from error

    def receive(self, seconds: float) -> bytes | None:
        try:
            self._link.settimeout(max(seconds, _AT_ONCE))
            opcode, message = self._link.recv_data()
        except websocket.WebSocketTimeoutException:
            return None
        except (OSError, websocket.WebSocketException) as error:
            raise Gone("the connection has ended") from error
        if opcode != websocket.ABNF.OPCODE_TEXT or len(message) > MESSAGE:
            self.close()
            raise Gone("the connection has ended")
        return bytes(message)

    def close(self) -> None:
        self._link.shutdown()
