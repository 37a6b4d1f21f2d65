"""Ends a user's tokens: sessions when the password changes or the user is disabled, and what came from a key that is gone.

``api/users.py`` and ``api/keys.py`` call it. API keys outlive a change of the password, as in Rancher: machines have them.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Collection, Iterable

from chalicelib.auth import tokens
from chalicelib.errors import NotFound
from chalicelib.store.resources import Resources
from chalicelib.types import Resource


def end_sessions(resources: Resources, user: str, spared: str = "") -> None:
    """Log a user out everywhere, except for the token ``spared``."""
    for token in list(resources.all("token", user)):
        if not tokens.is_derived(token) and token.id != spared:
            _end(resources, token)


def end_derived(resources: Resources, token: Resource) -> None:
    """End what was derived from an API key that is gone, and what was derived from that."""
    gone = {token.id}
    while tokens.is_derived(token) and (found := _descendants(resources.all("token", token.parent), gone)):
        for each in found:
            _end(resources, each)
        # Another look: one of those may have made another one meanwhile.
        gone |= {each.id for each in found}


def _descendants(held: Iterable[Resource], gone: Collection[str]) -> list[Resource]:
    by_source: dict[str, list[Resource]] = defaultdict(list)
    for token in held:
        by_source[tokens.source(token)].append(token)
    found: list[Resource] = []
    waiting = list(gone)
    while waiting:
        derived = by_source.pop(waiting.pop(), [])
        found += derived
        waiting += [each.id for each in derived]
    return found


def _end(resources: Resources, token: Resource) -> None:
    with contextlib.suppress(NotFound):
        resources.remove(token.key)
