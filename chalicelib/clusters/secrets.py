"""A project's secrets where they are kept: each as the Kubernetes object that it will be, sealed whole.

``api/secrets.py`` writes and shows them; ``desired.py`` opens them for the copies in a cluster.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from chalicelib.controllers.secrets import Secret
from chalicelib.store.resources import Resources
from chalicelib.types import Resource, Seal

KIND = "secret"
OBJECT = "object"
"""The name under which a resource has it sealed."""


def load(resources: Resources, seal: Seal, projects: Iterable[Resource]) -> Iterator[Secret]:
    """Raises what the seal raises: without a secret's content its copies would be taken for surplus."""
    for project in projects:
        for resource in resources.all(KIND, project.id):
            if not resource.removed:
                yield _secret(resource, opened(seal, resource))


def opened(seal: Seal, resource: Resource) -> dict[str, Any]:
    text = seal.open(resource.sealed[OBJECT], purpose(resource.id))
    found: dict[str, Any] = json.loads(text)
    return found


def sealed(seal: Seal, id: str, object: dict[str, Any]) -> dict[str, str]:
    text = json.dumps(object, separators=(",", ":"), sort_keys=True)
    return {OBJECT: seal.seal(text, purpose(id))}


def purpose(id: str) -> str:
    return f"{id}/{OBJECT}"


def _secret(resource: Resource, object: dict[str, Any]) -> Secret:
    name = resource.id.rpartition(":")[2]
    return Secret(resource.parent, name, object.get("type") or "Opaque", object.get("data") or {})
