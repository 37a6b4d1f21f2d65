"""Removal with everything that lives inside: a cluster takes its projects, bindings, tokens and nodes along.

The API begins it and does a bounded part at once; ``reconcile.py`` does the rest, pass by pass. Nothing of it needs the
cluster: one that is unreachable goes like any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from chalicelib.errors import NotFound
from chalicelib.store.resources import Resources, without_finalizer
from chalicelib.types import Key, Resource

FINALIZER = "lariat/dependents"
"""Keeps what is being removed until nothing lives inside of it any more."""

AT_ONCE = 100
"""Resources that one pass removes at most."""


class Dependent(NamedTuple):
    """Resources of ``kind`` go with the one that their ``field`` names, or (empty) with their parent."""

    kind: str
    field: str = ""


class Removal:
    def __init__(self, resources: Resources, dependents: Mapping[str, Sequence[Dependent]]) -> None:
        self._resources = resources
        self._dependents = dependents

    def remove(self, key: Key) -> Resource:
        """Mark as removed and take along what one pass can; what is returned has no finalizers if it is gone."""
        return self._remove(key, _Budget(AT_ONCE))

    def resume(self, resource: Resource) -> bool:
        """Do another pass for one that is being removed; say whether there is more to do."""
        if not resource.removed or FINALIZER not in resource.finalizers:
            return False
        return FINALIZER in self._finish(resource, _Budget(AT_ONCE)).finalizers

    def _remove(self, key: Key, budget: _Budget) -> Resource:
        if not self._dependents.get(key.kind):
            return self._resources.remove(key)
        self._resources.update(key, _held)
        return self._finish(self._resources.remove(key), budget)

    def _finish(self, resource: Resource, budget: _Budget) -> Resource:
        try:
            return self._pass(resource.key, budget)
        except NotFound:
            # The API and the reconciler are at it both, and the other one was faster.
            return without_finalizer(resource, FINALIZER)

    def _pass(self, key: Key, budget: _Budget) -> Resource:
        for dependent in self._inside(key):
            if not budget.spend():
                return self._resources.get(*key)
            try:
                self._remove(dependent, budget)
            except NotFound:
                # Somebody else removes it too.
                continue
        if any(True for _ in self._inside(key)):
            return self._resources.get(*key)
        return self._resources.update(key, lambda stored: without_finalizer(stored, FINALIZER))

    def _inside(self, key: Key) -> Iterator[Key]:
        for kind, field in self._dependents.get(key.kind, ()):
            for resource in self._resources.all(kind, None if field else key.id):
                if not field or resource.spec.get(field) == key.id:
                    yield resource.key


class _Budget:
    def __init__(self, left: int) -> None:
        self._left = left

    def spend(self) -> bool:
        self._left -= 1
        return self._left >= 0


def _held(resource: Resource) -> Resource:
    if FINALIZER in resource.finalizers or resource.removed:
        return resource
    return replace(resource, finalizers=(*resource.finalizers, FINALIZER))
