"""Nobody grants more than they have: Kubernetes' check against escalation, for Lariat's own roles and bindings.

Every right that is wanted, taken apart into one verb on one thing, must be covered by one rule of the granter. A wildcard
is covered by the same wildcard only: who may do all that exists today may not do what comes tomorrow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product

from chalicelib.auth.roles.rule import Rule, allows

MOST_PARTS = 20_000
"""Rights that one check looks at; a role beyond that is refused rather than paid for."""


def covers(held: Sequence[Rule], wanted: Iterable[Rule]) -> bool:
    """Does who holds the rules ``held`` hold all of ``wanted``?"""
    budget = MOST_PARTS
    for rule in wanted:
        if rule in held:
            continue
        budget -= _size(rule)
        if budget < 0 or not all(any(_covers(rule, part) for rule in held) for part in _parts(rule)):
            return False
    return True


def _size(rule: Rule) -> int:
    things = len(rule.urls) or len(rule.groups) * len(rule.resources) * max(1, len(rule.names))
    return len(rule.verbs) * things


def _parts(rule: Rule) -> Iterator[Rule]:
    if rule.urls:
        for verb, url in product(rule.verbs, rule.urls):
            yield Rule((verb,), urls=(url,))
        return
    for verb, group, resource, name in product(rule.verbs, rule.groups, rule.resources, rule.names or ("",)):
        yield Rule((verb,), (group,), (resource,), (name,) if name else ())


def _covers(held: Rule, part: Rule) -> bool:
    (verb,) = part.verbs
    if part.urls:
        return held.allows_url(verb, part.urls[0])
    return allows((held,), verb, part.groups[0], part.resources[0], part.names[0] if part.names else "")
