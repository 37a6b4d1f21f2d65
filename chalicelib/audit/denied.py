"""Which fields are secret by their name: those that a declaration says so of, and words that say it themselves.

``redact.py`` asks. What is declared in ``schema/kinds`` is covered without another word here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from chalicelib.schema.kind import Kind
from chalicelib.schema.kinds import PUBLIC, STORED

WORDS = (
    r"passw(?:or)?d|passphrase|secret|token|credentials?|authorization|cookies?|csrf|kube-?config|"
    r"(?:private|secret|access|api|auth|account|client|shared|ssh|service)[-_]?key(?:[-_]?(?:data|pass))?|"
    r"\bsession|r_sess"
)
"""Ends of names that only secrets have, in any spelling."""

_ENDS = re.compile(rf"(?:{WORDS})s?$", re.IGNORECASE)
_WHOLE = frozenset(
    {
        *("auth", "config", "passwordHash", "kubectl.kubernetes.io/last-applied-configuration"),
        *(".dockerconfigjson", ".dockercfg"),
    }
)
"""Fields that hold a secret among other things, such as a kubeconfig, or a whole Secret as it was applied."""


class Names(NamedTuple):
    """``anywhere`` are secret wherever they stand; the others are where they stand under a certain field (or none)."""

    anywhere: frozenset[str]
    under: frozenset[tuple[str, str]]


def declared(kinds: Iterable[Kind]) -> Names:
    secret: set[tuple[str, str]] = set()
    plain: set[str] = set()
    for kind in kinds:
        for parent, name, is_secret in _fields(kind, "", set()):
            if is_secret:
                secret.add((parent, name))
            else:
                plain.add(name)
    return Names(frozenset(name for _, name in secret if name not in plain), frozenset(secret))


def _fields(kind: Kind, parent: str, seen: set[Kind]) -> Iterator[tuple[str, str, bool]]:
    """Each field of a kind, of its parts and of its actions' inputs and outputs, with the field that it stands under."""
    if kind in seen:
        return
    seen = {*seen, kind}
    for name, field in kind.fields.items():
        yield parent, name, field.secret
        if field.part is not None:
            yield from _fields(field.part, name, seen)
    for action in (*kind.actions.values(), *kind.collection_actions.values()):
        for each in (action.input, action.output):
            if isinstance(each, Kind):
                yield from _fields(each, "", seen)


_NAMES = declared((*STORED, *PUBLIC.kinds))


def denied(name: str, *parents: str) -> bool:
    """Is a field secret that stands under one of ``parents``?"""
    return (
        name in _WHOLE
        or name in _NAMES.anywhere
        or any((parent, name) in _NAMES.under for parent in parents)
        or _ENDS.search(name) is not None
    )
