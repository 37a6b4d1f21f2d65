"""``/v3/settings``: values that administrators may change, with their defaults."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chalicelib.api.behaviour import Behaviour, Call
from chalicelib.errors import AlreadyExists, Invalid, MethodNotAllowed
from chalicelib.schema.kind import Kind
from chalicelib.store.resources import Resources, missing
from chalicelib.types import Key, Random, Resource

MOST_MINUTES = 10 * 365 * 24 * 60

# It ends up in commands that people paste into a shell.
_URL = re.compile(r"https://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*")

PUBLIC = ("cacerts", "first-login", "socket-url", "ui-pl")
"""Settings that may be read without logging in: clients need them before they can."""

FIXED = ("cacerts", "server-version", "socket-url")
"""Settings that follow from how the server was started."""

DEFAULTS: Mapping[str, str] = {
    "agent-image": "lariat/agent:0.1.0",
    "cacerts": "",
    "first-login": "true",
    "kubeconfig-token-ttl-minutes": "43200",
    "server-url": "",
    "server-version": "v0.1.0",
    "socket-url": "",
    "ui-pl": "lariat",
}


class Settings(Behaviour):
    """A setting exists by its default; only a changed one is stored."""

    def __init__(self, kind: Kind, resources: Resources, random: Random, started_with: Mapping[str, str]) -> None:
        super().__init__(kind, resources, random)
        self._defaults = {**DEFAULTS, **started_with}

    def value(self, name: str) -> str:
        """The effective value, for the rest of the server."""
        stored = None if name in FIXED else self.resources.find("setting", name)
        return str(stored.spec.get("value") or "") if stored and stored.spec.get("value") else self._defaults[name]

    def minutes(self, name: str) -> int:
        text = self.value(name)
        return int(text) if text.isdecimal() else int(self._defaults[name])

    def find(self, id: str) -> Resource:
        if id not in self._defaults:
            raise missing("setting", id)
        return self.resources.find("setting", id) or Resource(kind="setting", id=id)

    def list(self, call: Call) -> list[Resource]:
        return [self.find(name) for name in sorted(self._defaults)]

    def computed(self, call: Call, resource: Resource) -> Mapping[str, Any]:
        default = self._defaults[resource.id]
        value = self.value(resource.id)
        customized = value != default
        return {
            "value": value,
            "default": default,
            "customized": customized,
            "source": "db" if customized else "default",
        }

    def update(self, call: Call, resource: Resource, values: Mapping[str, Any]) -> Resource:
        if resource.id in FIXED:
            raise MethodNotAllowed(f"{resource.id} follows from how the server was started")
        if "value" not in values:
            return resource
        value = str(values["value"] or "").rstrip("/") if resource.id == "server-url" else str(values["value"] or "")
        self._check(resource.id, value)
        return self.set(resource.id, value)

    def links(self, resource: Resource) -> tuple[str, ...]:
        return () if resource.id in FIXED else super().links(resource)

    def set(self, name: str, value: str) -> Resource:
        try:
            if self.resources.find("setting", name) is None:
                return self.resources.create(Resource(kind="setting", id=name, spec={"value": value}))
        except AlreadyExists:
            # Somebody else stored it first; then this is an update like any other.
            pass
        return self.resources.update(
            Key("setting", name), lambda stored: replace(stored, spec={**stored.spec, "value": value})
        )

    def _check(self, name: str, value: str) -> None:
        if name == "server-url" and value and not _URL.fullmatch(value):
            raise Invalid("server-url must be like https://lariat.example", code="InvalidFormat", field="value")
        if name.endswith("-minutes") and value and not _is_minutes(value):
            raise Invalid(
                f"{name} must be a number of minutes up to {MOST_MINUTES}", code="InvalidFormat", field="value"
            )


def _is_minutes(value: str) -> bool:
    return value.isascii() and value.isdecimal() and len(value) < 10 and int(value) <= MOST_MINUTES
