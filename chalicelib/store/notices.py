"""Notices: what a write leaves behind, in its own transaction, when somebody may remember the opposite.

Processes remember who may do what, so that a request costs no database. A notice is how they learn, by one read for all
that they remember, that something of it counts no more (``auth/trust.py`` reads them). ``resources.py`` calls this for
every write.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from chalicelib.types import Random, Resource

KIND = "notice"
LIFETIME = 3600
"""Seconds for which a notice is kept."""

EVERYBODY = ""
"""The subject of a notice that concerns all that is remembered."""

GRANTS = frozenset({"globalRoleBinding"})
"""Kinds that give rights, to whomever they name: each of their writes matters, a creation too."""

_PROOFS = frozenset({"token", "user"})
_PLACES = frozenset({"cluster"})


def matters(before: Resource | None, after: Resource) -> bool:
    """Tell whether somebody may remember what this write makes untrue. That something is *not* there nobody remembers."""
    if after.kind in GRANTS:
        return True
    if before is None or (after.kind == "token" and _by(before) == _by(after)):
        return False
    return after.kind in _PROOFS or (after.kind in _PLACES and bool(after.removed))


def _by(token: Resource) -> Resource:
    """What is believed because of a token: when it was used last, or written, changes nothing of that."""
    return replace(token, version=0, status={name: value for name, value in token.status.items() if name != "lastUsed"})


def notices(written: Iterable[Resource], now: float, random: Random) -> list[Resource]:
    """Return the notices of what was written, one for each subject: a user, a cluster, or everybody."""
    subjects = {_subject(resource) for resource in written}
    return [_notice(subject, now, random) for subject in sorted(subjects)]


def name(moment: float, nonce: str = "") -> str:
    """Notices' ids stand in the order of time."""
    return f"{max(0, int(moment * 1000)):014d}-{nonce}"


def _subject(resource: Resource) -> str:
    if resource.kind == "token":
        return resource.parent
    return resource.id if resource.kind in _PROOFS | _PLACES else EVERYBODY


def _notice(subject: str, now: float, random: Random) -> Resource:
    id = name(now, random.bytes(8).hex())
    return Resource(kind=KIND, id=id, spec={"subject": subject}, expires=int(now) + LIFETIME)
