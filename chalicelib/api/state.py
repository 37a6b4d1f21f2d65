"""``state``, ``transitioning`` and ``transitioningMessage`` from a resource's conditions; ``api/present.py`` shows them.

The rules are Rancher's, for the conditions that this server sets: a transitional one is in progress while ``Unknown``
and failed when ``False``; one that says done is in progress while ``False`` and failed when ``Unknown``.
"""

from __future__ import annotations

from typing import NamedTuple

from chalicelib.types import Resource

TRANSITIONAL = {"Pending": "pending", "Provisioned": "provisioning"}
DONE = {"Ready": "unavailable"}


class State(NamedTuple):
    name: str
    transitioning: str = "no"
    message: str = ""


def state(resource: Resource) -> State:
    if resource.removed:
        waiting = ", ".join(resource.finalizers)
        return State("removing", "yes", f"waiting for {waiting}" if waiting else "")
    for condition in resource.conditions:
        working, failed = ("Unknown", "False") if condition.type in TRANSITIONAL else ("False", "Unknown")
        name = TRANSITIONAL.get(condition.type) or DONE.get(condition.type)
        if name is None or condition.status not in (working, failed):
            continue
        troubled = condition.status == failed or condition.reason == "Error"
        return State(name, "error" if troubled else "yes", condition.message)
    return State("active")
