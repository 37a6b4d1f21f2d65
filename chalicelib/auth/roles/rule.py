"""One rule of a role: what it means is Kubernetes' RBAC, to the letter, as clusters answer by the same rules.

A rule grants; nothing denies. Every decision of ``auth/roles`` comes down to ``allows`` here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.errors import Invalid

ALL = "*"
READ = ("get", "list", "watch")

PRIVILEGED = ("bind", "escalate")
"""Verbs that hand out rights; ``*`` on one resource does not mean them, only ``*`` on everything does."""

MOST_RULES = 200
MOST_VALUES = 200
_LONGEST = 253
_VALUE = re.compile(r"[!-~]{1,253}")
_URL = re.compile(r"\*|/[!-)+-~]*\*?")
_FIELDS = frozenset(("verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs", "type"))


@dataclass(frozen=True, slots=True)
class Rule:
    """Either ``groups`` and ``resources`` (and maybe ``names``) or ``urls``, never both."""

    verbs: tuple[str, ...]
    groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()

    def allows(self, verb: str, group: str, resource: str, name: str = "") -> bool:
        """``resource`` names a subresource as ``pods/log``; ``name`` is empty for a list or a create."""
        return (
            self._verb(verb)
            and (ALL in self.groups or group in self.groups)
            and self._resource(resource)
            and (not self.names or name in self.names)
        )

    def allows_url(self, verb: str, path: str) -> bool:
        return self._verb(verb) and any(url_covers(url, path) for url in self.urls)

    @property
    def is_everything(self) -> bool:
        """Every verb on every resource of every group."""
        return ALL in self.verbs and ALL in self.groups and ALL in self.resources and not self.names

    def document(self) -> dict[str, list[str]]:
        """Write the rule as Kubernetes and the v3 API do, without what is empty."""
        named = {
            "verbs": self.verbs,
            "apiGroups": self.groups,
            "resources": self.resources,
            "resourceNames": self.names,
            "nonResourceURLs": self.urls,
        }
        return {name: list(values) for name, values in named.items() if values}

    def _verb(self, verb: str) -> bool:
        return ALL in self.verbs or verb in self.verbs

    def _resource(self, resource: str) -> bool:
        if ALL in self.resources or resource in self.resources:
            return True
        _, slash, subresource = resource.partition("/")
        return bool(slash) and f"*/{subresource}" in self.resources


def url_covers(pattern: str, path: str) -> bool:
    return pattern == path or (pattern.endswith(ALL) and path.startswith(pattern.rstrip(ALL)))


def allows(rules: Iterable[Rule], verb: str, group: str, resource: str, name: str = "") -> bool:
    """Ask in Lariat's own API, where ``*`` on some resource does not include the verbs that hand out rights."""
    if verb in PRIVILEGED:
        rules = (rule for rule in rules if verb in rule.verbs or rule.is_everything)
    return any(rule.allows(verb, group, resource, name) for rule in rules)


def parse_all(documents: Any) -> tuple[Rule, ...]:
    """Read a role's ``rules``. Raises ``Invalid``: one that can't be read makes all of them worthless."""
    if documents is None:
        return ()
    if not isinstance(documents, list | tuple) or len(documents) > MOST_RULES:
        raise Invalid(f"rules must be a list of at most {MOST_RULES}", field="rules")
    return tuple(parse(document) for document in documents)


def parse(document: Any) -> Rule:
    if not isinstance(document, Mapping) or not document.keys() <= _FIELDS:
        raise Invalid("a rule has verbs and either apiGroups and resources or nonResourceURLs", field="rules")
    rule = Rule(
        verbs=_values(document, "verbs"),
        groups=_values(document, "apiGroups", empty=True),
        resources=tuple(value.lower() for value in _values(document, "resources")),
        names=_values(document, "resourceNames"),
        urls=_values(document, "nonResourceURLs"),
    )
    _check(rule)
    return rule


def _check(rule: Rule) -> None:
    if not rule.verbs:
        raise Invalid("a rule needs verbs", field="rules")
    if rule.urls and (rule.groups or rule.resources or rule.names):
        raise Invalid("a rule is about resources or about nonResourceURLs, not both", field="rules")
    if not rule.urls and not (rule.groups and rule.resources):
        raise Invalid("a rule about resources needs apiGroups and resources", field="rules")
    if not all(_URL.fullmatch(url) for url in rule.urls):
        raise Invalid("a nonResourceURL is * or a path that may end in *", field="rules")


def _values(document: Mapping[str, Any], field: str, *, empty: bool = False) -> tuple[str, ...]:
    values = document.get(field) or ()
    if not isinstance(values, list | tuple) or len(values) > MOST_VALUES:
        raise Invalid(f"{field} must be a list of at most {MOST_VALUES} texts", field="rules")
    for value in values:
        if not isinstance(value, str) or not (_VALUE.fullmatch(value) or (empty and not value)):
            raise Invalid(f"{field} has a value that is no plain text of 1 to {_LONGEST} characters", field="rules")
    return tuple(dict.fromkeys(values))
