"""Who of those that a provider knows may come in: one pure decision, taken at each login and each refresh."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeAlias

from chalicelib.auth.providers.port import Proof

UNRESTRICTED = "unrestricted"
RESTRICTED = "restricted"
REQUIRED = "required"
MODES = (UNRESTRICTED, RESTRICTED, REQUIRED)

Membership: TypeAlias = Callable[[Collection[str]], bool]
"""Tells whether one of these principals is a member of a cluster or a project."""


def admitted(mode: str, allowed: Collection[str], proof: Proof, user: str, member: Membership) -> bool:
    """``user`` is the principal id of the Lariat user that it would be, empty if there is none yet."""
    if mode == UNRESTRICTED:
        return True
    ids = {proof.user.id, *(group.id for group in proof.groups)}
    if user:
        ids.add(user)
    if mode in (RESTRICTED, REQUIRED) and not ids.isdisjoint(allowed):
        return True
    return mode == RESTRICTED and member(ids)
