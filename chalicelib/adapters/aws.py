"""Clients of AWS' services, as botocore makes them; ``AWS_ENDPOINT_URL`` leads them elsewhere, as everywhere.

botocore and not boto3: PynamoDB has loaded it anyway, and a cold start pays for every import.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session, get_session

from chalicelib.errors import Busy, Unavailable

THROTTLED = {
    "KMSThrottlingException",
    "LimitExceededException",
    "RequestThrottled",
    "ThrottlingException",
    "TooManyRequestsException",
}


@cache
def _session() -> Session:
    return get_session()


def client(service: str, *, endpoint: str = "", attempts: int = 3) -> Any:
    """``attempts`` counts the first one; 1 leaves patience to the caller."""
    config = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": attempts, "mode": "standard"})
    return _session().create_client(service, endpoint_url=endpoint or None, config=config)


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
