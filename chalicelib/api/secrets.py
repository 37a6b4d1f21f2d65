"""``/v3/project/<id>/secrets``, ``certificates`` and the other sorts: the secrets of a whole project.

They are stored here, each as the Kubernetes object that is copied into the project's namespaces, and the same rules map
it as for a secret that lives in one namespace. What whoever has a right to them may see is kept beside it, unsealed, so
that few lists need a key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from chalicelib.api import conditional
from chalicelib.api.behaviour import Behaviour, Call, Services
from chalicelib.api.merge import owned, replaced
from chalicelib.api.shown import shown
from chalicelib.clusters import secrets as kept
from chalicelib.mapping import payload
from chalicelib.mapping.kind import Kind as Mapped
from chalicelib.mapping.secrets import PROJECT_WIDE, TYPES, encode
from chalicelib.schema.kind import Kind
from chalicelib.schema.kinds.secrets import KINDS, SHOWN_OPENED
from chalicelib.store.resources import missing
from chalicelib.types import Resource, Seal

Object = dict[str, Any]


class Secrets(Behaviour):
    """All of a project's secrets; each is shown and changed as the sort that it is. ``sorts`` are all of these."""

    def __init__(
        self, kind: Kind, services: Services, mapped: Mapped, seal: Seal, sorts: Mapping[str, Secrets]
    ) -> None:
        super().__init__(kind, services)
        self._mapped = mapped
        self._seal = seal
        self._sorts = sorts

    def of(self, resource: Resource) -> Secrets:
        return self._sorts.get(str(resource.spec.get("kind")), self._sorts[kept.KIND])

    def find(self, id: str) -> Resource:
        return self.resources.get(kept.KIND, id)

    def new(self, call: Call, values: Mapping[str, Any]) -> Resource:
        parent = self.parent_of(call, values)
        id = self.identify(parent, values)
        resource = Resource(
            kind=kept.KIND,
            id=id,
            parent=parent,
            labels=owned(call.labels, {}),
            annotations=owned(call.annotations, {}),
            creator=call.identity.user,
        )
        return self._holding(resource, self._mapped.to_kubernetes({**values, "name": id.rpartition(":")[2]}))

    def merge(self, call: Call, stored: Resource, values: Mapping[str, Any]) -> Resource:
        conditional.demand(call.request, self.tag(stored))
        before = kept.opened(self._seal, stored)
        if call.replacing:
            values = replaced(self.kind, self._mapped.to_v3(before), values)
        after = self._mapped.to_kubernetes(dict(values), before)
        changed = self._holding(stored, after) if after != before else stored
        labels, annotations = owned(call.labels, stored.labels), owned(call.annotations, stored.annotations)
        return replace(changed, labels=labels, annotations=annotations)

    def show(self, call: Call, resource: Resource) -> dict[str, Any]:
        return {**super().show(call, resource), **self._opened(call, resource)}

    def tell(self, call: Call, resource: Resource) -> dict[str, Any]:
        """Without what is sealed: whoever hears of a change may ask."""
        return super().show(call, resource)

    def _opened(self, call: Call, resource: Resource) -> Mapping[str, Any]:
        names = [name for name in SHOWN_OPENED if name in self.kind.fields]
        if not names:
            return {}
        values = self._mapped.to_v3(kept.opened(self._seal, resource))
        found = shown(self.kind, {name: values.get(name) for name in names}, f"{call.version.path}/schemas")
        return {name: found.get(name) for name in names}

    def _holding(self, resource: Resource, object: Object) -> Resource:
        """The resource with the object in it, and with what is shown of it. Raises ``Invalid``."""
        object = _folded(object)
        payload.check(object)
        values = self._sorts[TYPES.get(str(object.get("type")), kept.KIND)].public(object)
        return replace(
            resource,
            spec=values.get("spec", {}),
            status=values.get("status", {}),
            sealed=kept.sealed(self._seal, resource.id, object),
        )

    def public(self, object: Object) -> Mapping[str, Mapping[str, Any]]:
        """What may be stored unsealed, by its place in the resource."""
        values = self._mapped.to_v3(object)
        found: dict[str, dict[str, Any]] = {}
        for name, field in self.kind.fields.items():
            if name in values and name not in ("name", self.kind.parent) and not field.secret:
                found.setdefault(field.place, {})[name] = values[name]
        return found


class Sort(Secrets):
    """One sort of them alone."""

    def find(self, id: str) -> Resource:
        found = super().find(id)
        if self.of(found) is not self:
            raise missing(self.kind.id, id)
        return found

    def list(self, call: Call, parent: str | None = None) -> Iterable[Resource]:
        return (each for each in self.resources.all(kept.KIND, parent) if self.of(each) is self)


def project_wide(services: Services, seal: Seal) -> dict[str, Behaviour]:
    """The behaviours of all kinds of project-wide secrets."""
    sorts: dict[str, Secrets] = {}
    for kind in KINDS:
        make = Secrets if kind.id == kept.KIND else Sort
        sorts[kind.id] = make(kind, services, PROJECT_WIDE[kind.id], seal, sorts)
    return dict(sorts)


def _folded(object: Object) -> Object:
    """As an API server does: what was given as text joins the data."""
    rest = {name: value for name, value in object.items() if name != "stringData"}
    texts = {key: encode(text) for key, text in (object.get("stringData") or {}).items()}
    return {**rest, "data": {**(rest.get("data") or {}), **texts}}
