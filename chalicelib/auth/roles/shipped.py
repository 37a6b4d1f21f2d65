"""How the roles that Lariat ships are written down, and how a start brings the stored ones in line with them.

``globals.py``, ``templates.py`` hold the roles; the bootstrap calls ``restored`` for each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from chalicelib.auth.roles.rule import ALL, READ, Rule
from chalicelib.types import Resource

MANAGEMENT = "management.cattle.io"
PROJECT = "project.cattle.io"
CORE = ""

KEPT = ("newUserDefault", "clusterCreatorDefault", "projectCreatorDefault", "locked")
"""What an administrator may change of a built-in role, and a start therefore leaves alone."""


def manage(group: str, *resources: str) -> Rule:
    return Rule((ALL,), (group,), resources)


def view(group: str, *resources: str) -> Rule:
    return Rule(READ, (group,), resources)


def create(group: str, *resources: str) -> Rule:
    return Rule(("create",), (group,), resources)


EVERYTHING = (Rule((ALL,), (ALL,), (ALL,)), Rule((ALL,), urls=(ALL,)))


def global_role(id: str, name: str, *rules: Rule, new_user: bool = False) -> Resource:
    spec = {"name": name, "rules": _documents(rules), "builtin": True, "newUserDefault": new_user}
    return Resource(kind="globalRole", id=id, spec=spec)


def template(
    id: str,
    name: str,
    context: str,
    rules: Sequence[Rule] = (),
    *,
    inherits: Sequence[str] = (),
    external: bool = False,
    creator: bool = False,
) -> Resource:
    """``creator`` roles go to whoever creates what the context names; ``external`` ones are the clusters' own."""
    spec: dict[str, Any] = {
        "name": name,
        "context": context,
        "rules": _documents(rules),
        "roleTemplateIds": list(inherits),
        "builtin": True,
        "external": external,
        "hidden": external,
        "locked": False,
        "administrative": id in ("cluster-admin", "cluster-owner"),
        "clusterCreatorDefault": creator and context == "cluster",
        "projectCreatorDefault": creator and context == "project",
    }
    return Resource(kind="roleTemplate", id=id, spec=spec)


def restored(stored: Resource | None, shipped: Resource) -> Resource:
    """Return what has to be stored: the shipped role, with the choices that an administrator has made."""
    if stored is None:
        return shipped
    chosen = {name: stored.spec[name] for name in KEPT if name in shipped.spec and name in stored.spec}
    return replace(stored, spec={**stored.spec, **shipped.spec, **chosen})


def _documents(rules: Sequence[Rule]) -> list[dict[str, list[str]]]:
    return [rule.document() for rule in rules]
