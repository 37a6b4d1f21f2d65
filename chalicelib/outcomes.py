"""What comes of working on a key, and what follows from that: one policy for every edge that works on keys.

What may pass by itself (a store, a cluster or AWS that does not answer, somebody who wrote first) is temporary. Anything else
is a fault, in Lariat or in what is stored, which somebody has to look at. Both are tried again, less and less often; where
there is a place for dead letters, faults end there. Whoever counts is told of each.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from chalicelib.errors import Conflict, LariatError, TryLater, Unavailable
from chalicelib.types import Key

log = logging.getLogger("lariat.reconcile")

FIRST_RETRY = 1.0
LONGEST_RETRY = 300.0

REGULAR = 60.0
"""Seconds: whoever wants to be looked at no sooner than that is well."""

_TEMPORARY = (Unavailable, TryLater, Conflict, OSError)


class Outcome(StrEnum):
    DONE = "done"
    AGAIN = "again"
    TEMPORARY = "temporary"
    PERMANENT = "permanent"


class Result(NamedTuple):
    """``again``: the seconds after which the key is to come again, if ever."""

    outcome: Outcome
    again: float | None
    error: Exception | None = None


Count: TypeAlias = Callable[[Key, Outcome, float | None], None]
"""Takes the seconds that the key has waited since it was due, if they are known."""


def uncounted(key: Key, outcome: Outcome, waited: float | None) -> None:
    """A ``Count`` for nobody."""


def result(key: Key, reconcile: Callable[[], float | None], failures: int) -> Result:
    """Work on a key that has failed so often before; what fails is logged here, and never raised."""
    again = backoff(failures)
    try:
        wanted = reconcile()
    except _TEMPORARY as error:
        said = error.message if isinstance(error, LariatError) else str(error)
        log.warning("%s %s failed: %s; trying again in %.0f s", key.kind, key.id, said, again)
        return Result(Outcome.TEMPORARY, again, error)
    except Exception as error:
        log.exception("%s %s failed, for no reason that would pass", key.kind, key.id)
        return Result(Outcome.PERMANENT, again, error)
    return Result(Outcome.AGAIN if wanted is not None and wanted < REGULAR else Outcome.DONE, wanted)


def backoff(failures: int) -> float:
    """The seconds to wait after so many failures and one more."""
    return min(LONGEST_RETRY, FIRST_RETRY * 2.0**failures)
