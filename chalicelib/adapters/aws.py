"""Clients of AWS' services, as botocore makes them; made when they are first needed.

botocore and not boto3: PynamoDB has loaded it anyway, and a cold start pays for every import.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session

from chalicelib.errors import Busy, Unavailable

THROTTLED = {
    "KMSThrottlingException",
    "LimitExceededException",
    "RequestThrottled",
    "ThrottlingException",
    "TooManyRequestsException",
}


class Account:
    """The account that the process's role belongs to. ``endpoint`` leads elsewhere, such as to an emulator."""

    def __init__(self, region: str, endpoint: str = "") -> None:
        self._session = get_session()
        self._region = region
        self._endpoint = endpoint

    def client(self, service: str, *, endpoint: str = "", attempts: int = 3) -> Any:
        """``attempts`` counts the first one; 1 leaves patience to the caller."""
        retries: Any = {"total_max_attempts": attempts, "mode": "standard"}
        return self._session.create_client(
            service,
            region_name=self._region,
            endpoint_url=endpoint or self._endpoint or None,
            config=Config(connect_timeout=2, read_timeout=10, retries=retries),
        )


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn a service's failure into ``Busy`` or ``Unavailable``; ``what`` names the service in words."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] in THROTTLED or status(error) == 429:
            raise Busy(f"{what} is too busy") from error
        raise Unavailable(f"{what} does not do what it is asked to") from error
    except BotoCoreError as error:
        raise Unavailable(f"{what} does not answer") from error


def status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
