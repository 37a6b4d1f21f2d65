"""Registration tokens: how they are found, by a hash, so that the store's index holds nothing that opens a door; and who
has to go when one is deleted. Both edges ask.
"""

from __future__ import annotations

from typing import NamedTuple

from chalicelib.auth.tokens import KEY_LENGTH, digest
from chalicelib.store.resources import Resources
from chalicelib.types import Key, Resource

KIND = "clusterRegistrationToken"


class Admission(NamedTuple):
    """An agent's cluster, and the id of the registration token that it has shown."""

    cluster: str
    token: str


class Expelled(NamedTuple):
    """Agents that have no business here any more: all of a cluster, or those that came in with one ``token``."""

    cluster: str
    token: str = ""


def token_claim(token: str) -> str:
    return f"registration/{digest(token)}"


def find_token(resources: Resources, token: str) -> Resource | None:
    """Return the registration token with this value, if there is one and its cluster is not going away."""
    if len(token) != KEY_LENGTH:
        return None
    holder = resources.holder(token_claim(token))
    registration = resources.find(*holder) if holder else None
    if registration is None or registration.removed:
        return None
    cluster = resources.find("cluster", registration.parent)
    return registration if cluster is not None and not cluster.removed else None


def expelled(resources: Resources, changed: Key) -> Expelled | None:
    """Tell which agents have to be hung up on, since this has changed: what opened their tunnels may have gone."""
    if changed.kind not in ("cluster", KIND):
        return None
    found = resources.find(*changed)
    if changed.kind == "cluster":
        return None if found else Expelled(changed.id)
    if found is not None and not found.removed:
        return None
    id = changed.id.partition(":")[0]
    cluster = resources.find("cluster", id)
    # One that is being removed needs its agent up to its end, which takes all of them along.
    return Expelled(id, changed.id) if cluster is not None and not cluster.removed else None
