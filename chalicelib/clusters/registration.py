"""Registration tokens as they are found: by a hash, so that the store's index holds nothing that opens a door."""

from __future__ import annotations

from chalicelib.auth.tokens import KEY_LENGTH, digest
from chalicelib.store.resources import Resources
from chalicelib.types import Resource


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
