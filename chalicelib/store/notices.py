"""Notices: what a write leaves behind, in its own transaction, when somebody may remember the opposite.

Processes remember who may do what, so that a request costs no database. A notice is how they learn, by one read for all
that they remember, that something of it counts no more (``auth/trust.py`` reads them). A notice names the cluster besides
whose contents follow from the write: that is how ``reconcile.py`` hears of it, as the change feed has keys only, and the key
of what is gone does not say where it was. ``resources.py`` calls this for every write.
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

NOBODY = "-"
"""The subject of a notice that is about a place alone."""

BINDINGS = frozenset({"globalRoleBinding", "clusterRoleTemplateBinding", "projectRoleTemplateBinding"})
MEMBERSHIP = "groupMember"
"""The kind that puts a user, or a provider's group, into a group of Lariat's own, and so gives them what that has."""

GRANTS = frozenset({*BINDINGS, MEMBERSHIP, "globalRole", "roleTemplate"})
"""Kinds that give rights, to whomever they name: each of their writes matters, a creation too."""

PLACED = frozenset({"podSecurityPolicyTemplateProjectBinding", "secret"})
"""Kinds that are in a project and give nobody rights, but change what its cluster has to hold."""

_INSIDE = PLACED | BINDINGS - {"globalRoleBinding"}
_PROOFS = frozenset({"token", "user"})
_PLACES = frozenset({"cluster"})


def matters(before: Resource | None, after: Resource) -> bool:
    """Tell whether somebody may remember what this write makes untrue. That something is *not* there nobody remembers."""
    if after.kind in GRANTS or after.kind in PLACED:
        return True
    if before is None or (after.kind == "token" and _by(before) == _by(after)):
        return False
    return after.kind in _PROOFS or (after.kind in _PLACES and bool(after.removed))


def _by(token: Resource) -> Resource:
    """What is believed because of a token: when it was used last, or written, changes nothing of that."""
    return replace(token, version=0, status={name: value for name, value in token.status.items() if name != "lastUsed"})


def notices(written: Iterable[Resource], now: float, random: Random) -> list[Resource]:
    """Return the notices of what was written, one for each subject (a user, a cluster, or everybody) and place."""
    concerned = {(_subject(resource), _place(resource)) for resource in written}
    return [_notice(subject, place, now, random) for subject, place in sorted(concerned)]


def touch(place: str, now: float, random: Random) -> Resource:
    """A notice that a cluster's contents have to be looked at."""
    return _notice(NOBODY, place, now, random)


def place(notice: Resource) -> str:
    """The cluster whose contents follow from what was written, if that is a single one."""
    return str(notice.spec.get("place", ""))


def name(moment: float, nonce: str = "") -> str:
    """Notices' ids stand in the order of time."""
    return f"{max(0, int(moment * 1000)):014d}-{nonce}"


def _subject(resource: Resource) -> str:
    if resource.kind == "token":
        return resource.parent
    if resource.kind in PLACED:
        return NOBODY
    if resource.kind == MEMBERSHIP:
        return str(resource.spec.get("userId") or EVERYBODY)
    if resource.kind in BINDINGS:
        return _bound(resource)
    return resource.id if resource.kind in _PROOFS | _PLACES else EVERYBODY


def _bound(binding: Resource) -> str:
    """A binding concerns its user alone; one of a group may concern anybody."""
    group = binding.spec.get("groupPrincipalId") or binding.spec.get("groupId")
    user = binding.spec.get("userId") or (binding.parent if binding.kind == "globalRoleBinding" else "")
    return EVERYBODY if group or not user else str(user)


def _place(resource: Resource) -> str:
    """A project's id begins with its cluster's."""
    return resource.parent.partition(":")[0] if resource.kind in _INSIDE else ""


def _notice(subject: str, place: str, now: float, random: Random) -> Resource:
    id = name(now, random.bytes(8).hex())
    spec = {"subject": subject, **({"place": place} if place else {})}
    return Resource(kind=KIND, id=id, spec=spec, expires=int(now) + LIFETIME)
