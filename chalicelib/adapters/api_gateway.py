"""Posts messages to the WebSocket connections that API Gateway holds (its ``@connections`` API)."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from chalicelib.adapters import aws
from chalicelib.errors import Gone, TooLarge
from chalicelib.tunnel.frames import MESSAGE


class ApiGatewayPost:
    """A ``Post``. ``client`` is one of ``apigatewaymanagementapi`` that tries once: the callers know how long to insist."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def send(self, connection: str, message: bytes) -> None:
        if len(message) > MESSAGE:
            raise TooLarge(f"the message is larger than {MESSAGE // 1024} KB")
        with aws.translated("API Gateway"):
            try:
                self._client.post_to_connection(ConnectionId=connection, Data=message)
            except ClientError as error:
                match aws.status(error):
                    case 410:
                        raise Gone("the connection has ended") from error
                    case 413:
                        raise TooLarge("API Gateway finds the message too large") from error
                raise

    def hang_up(self, connection: str) -> None:
        with aws.translated("API Gateway"):
            try:
                self._client.delete_connection(ConnectionId=connection)
            except ClientError as error:
                if aws.status(error) != 410:
                    raise
