"""Which namespaces a caller may read by name, in the cluster's own words. ``namespaces.py`` asks.

Members of a project may list no namespaces, since Kubernetes lists all or none, but they may read each of the project's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.api.conversation import Conversation

GROUP = "authorization.k8s.io/v1"
PATH = f"/apis/{GROUP}/selfsubjectrulesreviews"

NOWHERE = "-"
"""No namespace can have this name, so what is told holds in the whole cluster: a role inside of one gives no other."""


def readable(talk: Conversation) -> frozenset[str]:
    kind = {"apiVersion": GROUP, "kind": "SelfSubjectRulesReview"}
    told = talk.ask("POST", PATH, {**kind, "spec": {"namespace": NOWHERE}})
    rules = (told.get("status") or {}).get("resourceRules") or ()
    return frozenset(name for rule in rules if _reads(rule) for name in rule.get("resourceNames") or ())


def _reads(rule: Mapping[str, Any]) -> bool:
    wanted = {"verbs": "get", "apiGroups": "", "resources": "namespaces"}
    return all(not {value, "*"}.isdisjoint(rule.get(name) or ()) for name, value in wanted.items())
