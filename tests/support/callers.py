"""Users who stream over the gateway in memory, and an agent that only listens."""

from __future__ import annotations

import json
from collections.abc import Sequence

from chalicelib.tunnel.frames import Frame, Kind, decode, encode
from chalicelib.tunnel.heads import Headers, RequestHead, dump_request
from tests.support.gateway import GatewayLine
from tests.support.relay import CLUSTER, TOKEN, Edge

WATCH = "/api/v1/pods?watch=true"
EXEC = "/api/v1/namespaces/default/pods/echo/exec?command=cat&stdin=true"
SWITCH: Headers = (("connection", "Upgrade"), ("upgrade", "SPDY/3.1"))


class Listener:
    """An agent that answers nothing by itself: what came to it lies here."""

    def __init__(self, edge: Edge) -> None:
        self.heard: list[Frame] = []
        self._edge = edge
        self.name = edge.gateway.attach(self, [("x-api-tunnel-token", TOKEN)])

    def deliver(self, message: bytes) -> None:
        self.heard.append(decode(message))

    def say(self, frame: Frame) -> None:
        for message in encode(frame):
            self._edge.gateway.take(self.name, message)
        self._edge.gateway.sleep(1)


class User:
    """Somebody with a token and a connection."""

    def __init__(self, edge: Edge, authorization: str) -> None:
        self.edge = edge
        self.authorization = authorization
        self.line: GatewayLine = edge.gateway({"Authorization": authorization})

    def open(
        self,
        path: str = WATCH,
        *headers: tuple[str, str],
        method: str = "GET",
        stream: str = "mine",
        fin: bool = True,
        cluster: str = CLUSTER,
        authorization: Sequence[str] | None = None,
    ) -> list[Frame]:
        shown = (self.authorization,) if authorization is None else authorization
        all_headers = (*headers, *(("authorization", value) for value in shown))
        head = RequestHead(method, f"/k8s/clusters/{cluster}{path}", all_headers)
        return self.say(Frame(Kind.OPEN, stream, fin=fin, document=dump_request(head)))

    def exec(self) -> Frame:
        """Open a stream that switches protocols; return what granted it."""
        (grant,) = self.open(EXEC, *SWITCH, method="POST", fin=False)
        return grant

    def say(self, *frames: Frame) -> list[Frame]:
        for frame in frames:
            for message in encode(frame):
                self.line.send(message)
        self.edge.gateway.sleep(1)
        return self.hear()

    def hear(self) -> list[Frame]:
        heard = []
        while (message := self.line.receive(0)) is not None:
            heard.append(decode(message))
        return heard

    def renew(self, grant: Frame, authorization: str = "") -> list[Frame]:
        document = authorization or self.authorization
        return self.say(Frame(Kind.PING, name_of(grant), document=document, reply=grant.reply))


def name_of(grant: Frame) -> str:
    return str(json.loads(grant.document)["stream"])
