"""The one exception tree. The core raises these; the edges turn them into HTTP answers.

    LariatError
    ├── Invalid                 422  a value that the caller sent is wrong
    │   └── Malformed           422  the body is no JSON object
    ├── Refused                 400  what was asked for makes no sense now
    ├── Unauthorized            401  who are you
    ├── Forbidden               403  you may not
    ├── NotFound                404
    ├── MethodNotAllowed        405
    ├── Conflict                409  somebody else wrote first
    │   ├── AlreadyExists       409
    │   └── NameTaken           409  a name that must be unique is held by another resource
    ├── Stale                   409  it is not what the caller has read; trying again would lose what is new
    ├── TooLarge                413
    ├── TryLater                     ``retry_after`` says for how long to stay away
    │   └── TooManyRequests     429
    └── Unavailable             503  try again later
        ├── ClusterUnavailable  503  the cluster's agent is not connected
        │   ├── BrokenOff       502  the exchange with the cluster ended early; it may have been carried out
        │   │   └── AnswerLost  502  a connection that the answer was to come on has ended
        │   └── TimedOut        504  no answer, or not all of it, in time
        ├── Busy                503  throttled; a ``TryLater`` too
        │   └── Held            503  another process is at the same
        └── Gone                503  the WebSocket connection that a message was for has ended

Kubernetes' own errors never become one of these: the proxy passes them through.
"""

from __future__ import annotations


class LariatError(Exception):
    """Base of everything that Lariat raises on purpose; ``message`` is safe to show to the caller."""

    status = 500
    code = "ServerError"

    def __init__(self, message: str = "", *, code: str | None = None, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.field = field

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """What the answer's head says besides the status."""
        return ()


class Invalid(LariatError):
    """``code`` is one of the v3 codes such as ``MissingRequired``; ``field`` names the culprit."""

    status = 422
    code = "InvalidFormat"


class Malformed(Invalid):
    code = "InvalidBodyContent"


class Refused(LariatError):
    status = 400


class Unauthorized(LariatError):
    status = 401
    code = "Unauthorized"


class Forbidden(LariatError):
    status = 403
    code = "PermissionDenied"


class NotFound(LariatError):
    status = 404
    code = "NotFound"


class MethodNotAllowed(LariatError):
    status = 405
    code = "MethodNotAllow"


class Conflict(LariatError):
    status = 409
    code = "Conflict"


class AlreadyExists(Conflict):
    code = "AlreadyExists"


class NameTaken(Conflict):
    code = "NotUnique"


class Stale(LariatError):
    status = 409
    code = "Conflict"


class TooLarge(LariatError):
    status = 413
    code = "RequestTooLarge"


class TryLater(LariatError):
    """The same works again after ``retry_after`` seconds; answers say so in ``Retry-After``."""

    def __init__(self, message: str = "", *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("retry-after", str(self.retry_after)),)


class TooManyRequests(TryLater):
    status = 429
    code = "TooManyRequests"


class Unavailable(LariatError):
    status = 503
    code = "Unavailable"


class ClusterUnavailable(Unavailable):
    code = "ClusterUnavailable"


class BrokenOff(ClusterUnavailable):
    status = 502
    code = "BrokenOff"


class AnswerLost(BrokenOff):
    code = "AnswerLost"


class TimedOut(ClusterUnavailable):
    status = 504
    code = "Timeout"


class Busy(TryLater, Unavailable):
    code = "TooBusy"


class Held(Busy):
    code = "Held"


class Gone(Unavailable):
    code = "Gone"
