"""What the audit log says about one request; the edges make events, ``recorder.py`` writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from chalicelib.auth.identity import Identity

ANSWERED = "answered"
"""The status is known, and the caller has not seen it yet."""

ADMITTED = "admitted"
"""It is about to go to the cluster, and other processes will see what comes of it (``gateway/audited.py``)."""

ENDED = "ended"
"""The last byte has passed: a second event, for what streams, and for the answer's body."""

NOBODY = Identity(user="", groups=(), token="")


class Body(NamedTuple):
    """A body as far as it was kept. ``size`` is all of it, ``whole`` says that no more may come."""

    data: bytes
    type: str = ""
    encoding: str = ""
    size: int = 0
    whole: bool = True


class Source(NamedTuple):
    """From where: the peer's address, and what the client says it is."""

    address: str
    agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """``request`` joins the events of one request. ``account`` is the name that somebody tried to log in with.

    ``uri`` shows no secret already; bodies may, and ``recorder.py`` sees to it. ``object`` is what the request is about,
    in the terms of the API that it went to. Times are in seconds since 1970. What is empty or nought is not known.
    """

    stage: str
    request: str
    began: float
    source: Source
    identity: Identity
    method: str
    uri: str
    verb: str
    status: int
    account: str = ""
    cluster: str = ""
    cluster_name: str = ""
    object: Mapping[str, str] = field(default_factory=dict)
    sent: Body | None = None
    answer: Body | None = None
