"""Posts messages to the WebSocket connections that API Gateway holds (its ``@connections`` API).

The requests are signed and sent by botocore, but not made by one of its clients: to build a client takes longer than to
relay a message, and a function that has just started has somebody waiting for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session

from chalicelib.adapters import aws
from chalicelib.errors import Busy, Gone, TooLarge, Unavailable
from chalicelib.tunnel.frames import MESSAGE

SERVICE = "execute-api"


class ApiGatewayPost:
    """A ``Post``. It tries once: the callers know how long to insist. ``credentials`` is called for each request.

    ``authorities`` is a file of those to trust instead of the public ones.
    """

    def __init__(
        self, endpoint: str, region: str, credentials: Callable[[], Credentials], authorities: str = ""
    ) -> None:
        self._connections = f"{endpoint.rstrip('/')}/@connections"
        self._region = region
        self._credentials = credentials
        # It takes a file and a pair, whatever its stubs say.
        verify: Any = authorities or True
        timeout: Any = (aws.CONNECT_SECONDS, aws.READ_SECONDS)
        self._http = URLLib3Session(verify=verify, timeout=timeout)

    def send(self, connection: str, message: bytes) -> None:
        if len(message) > MESSAGE:
            raise TooLarge(f"the message is larger than {MESSAGE // 1024} KB")
        self._ask("POST", connection, message)

    def hang_up(self, connection: str) -> None:
        try:
            self._ask("DELETE", connection, b"")
        except Gone:
            return

    def _ask(self, method: str, connection: str, data: bytes) -> None:
        request = AWSRequest(method, f"{self._connections}/{quote(connection, safe='')}", data=data)
        with aws.translated("API Gateway"):
            SigV4Auth(self._credentials(), SERVICE, self._region).add_auth(request)
            _check(self._http.send(request.prepare()))


def _check(answer: AWSResponse) -> None:
    if answer.status_code < 300:
        return
    code = str(answer.headers.get("x-amzn-errortype", "")).partition(":")[0]
    if answer.status_code == 410:
        raise Gone("the connection has ended")
    if answer.status_code == 413:
        raise TooLarge("API Gateway finds the message too large")
    if answer.status_code == 429 or code in aws.THROTTLED:
        raise Busy("API Gateway is too busy")
    raise Unavailable("API Gateway does not do what it is asked to")
