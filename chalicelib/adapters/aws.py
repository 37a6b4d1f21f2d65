"""Clients of AWS' services, as botocore makes them; made when they are first needed.

botocore and not boto3: PynamoDB has loaded it anyway, and a cold start pays for every import.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from botocore.credentials import Credentials, EnvProvider
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from chalicelib.errors import Busy, Unavailable

CONNECT_SECONDS = 2
READ_SECONDS = 10
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
        self._region = region
        self._endpoint = endpoint

    @cached_property
    def _session(self) -> Any:
        # What only posts messages does without: it takes its time to load.
        from botocore.session import get_session

        return get_session()

    def credentials(self) -> Credentials:
        """Return those of the environment, where Lambda puts them, or else whatever botocore finds."""
        found = EnvProvider().load() or self._session.get_credentials()
        if found is None:
            raise NoCredentialsError
        return found

    def client(self, service: str, *, endpoint: str = "", attempts: int = 3) -> Any:
        """``attempts`` counts the first one; 1 leaves patience to the caller."""
        from botocore.config import Config

        retries: Any = {"total_max_attempts": attempts, "mode": "standard"}
        return self._session.create_client(
            service,
            region_name=self._region,
            endpoint_url=endpoint or self._endpoint or None,
            config=Config(connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries=retries),
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
