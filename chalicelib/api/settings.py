"""``/v3/settings``: values that administrators may change, with their defaults."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chalicelib.api.behaviour import Behaviour, Call, Services
from chalicelib.errors import AlreadyExists, Invalid, MethodNotAllowed
from chalicelib.schema.kind import Kind
from chalicelib.store.resources import missing
from chalicelib.types import Key, Resource

MOST_MINUTES = 10 * 365 * 24 * 60

# It ends up in commands that people paste into a shell.
_URL = re.compile(r"https://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*")

PUBLIC = ("cacerts", "first-login", "socket-url", "ui-pl")
"""Settings that may be read without logging in: clients need them before they can."""

FIXED = ("cacerts", "server-version", "socket-url")
"""Settings that follow from how the server was started."""

DEFAULTS: Mapping[str, str] = {
    "agent-image": "lariat/agent:0.1.0",
    "auth-token-max-ttl-minutes": "0",
    "auth-user-session-ttl-minutes": "960",
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

    def __init__(
        self, kind: Kind, services: Services, started_with: Mapping[str, str], environment: Mapping[str, str]
    ) -> None:
        super().__init__(kind, services)
        self._defaults = {**DEFAULTS, **started_with}
        self._given = {
            name: value for name in self._defaults if name not in FIXED and (value := environment.get(variable(name)))
        }

    def value(self, name: str) -> str:
        """The effective value, for the rest of the server."""
        if name in self._given:
            return self._given[name]
        stored = None if name in FIXED else self.resources.find("setting", name)
        return str(stored.spec.get("value") or "") if stored and stored.spec.get("value") else self._default(name)

    def _default(self, name: str) -> str:
        return self._defaults.get(name, "")

    def minutes(self, name: str) -> int:
        text = self.value(name)
        return int(text) if text.isdecimal() else int(self._defaults[name])

    def find(self, id: str) -> Resource:
        stored = self.resources.find("setting", id)
        if stored is None and id not in self._defaults:
            raise missing("setting", id)
        return stored or Resource(kind="setting", id=id)

    def list(self, call: Call, parent: str | None = None) -> list[Resource]:
        stored = {resource.id: resource for resource in self.resources.all("setting")}
        names = sorted(self._defaults.keys() | stored.keys())
        return [stored.get(name) or Resource(kind="setting", id=name) for name in names]

    def create(self, call: Call, values: Mapping[str, Any]) -> Resource:
        if values["name"] in self._defaults:
            raise AlreadyExists(f"the setting {values['name']} exists already")
        return super().create(call, values)

    def computed(self, call: Call, resource: Resource) -> Mapping[str, Any]:
        default = self._default(resource.id)
        stored = "" if resource.id in FIXED else str(resource.spec.get("value") or "")
        value = self._given.get(resource.id) or stored or default
        customized = value != default
        source = "env" if resource.id in self._given else "db" if customized else "default"
        return {"value": value, "default": default, "customized": customized, "source": source}

    def update(self, call: Call, resource: Resource, values: Mapping[str, Any]) -> Resource:
        if self._is_fixed(resource.id):
            raise MethodNotAllowed(f"{resource.id} follows from how the server was started")
        if "value" not in values:
            return resource
        value = str(values["value"] or "").rstrip("/") if resource.id == "server-url" else str(values["value"] or "")
        self._check(resource.id, value)

        def change(stored: Resource) -> Resource:
            return self.merge(call, stored, {} if _is(stored, value) else {"value": value})

        return self.resources.record(Resource(kind="setting", id=resource.id), change)

    def links(self, resource: Resource) -> tuple[str, ...]:
        if self._is_fixed(resource.id):
            return ()
        return ("update",) if resource.id in self._defaults else super().links(resource)

    def remove(self, call: Call, resource: Resource) -> Resource:
        if resource.id in self._defaults:
            raise MethodNotAllowed(f"{resource.id} is the server's own: set it to an empty value to reset it")
        return super().remove(call, resource)

    def _is_fixed(self, name: str) -> bool:
        return name in FIXED or name in self._given

    def set(self, name: str, value: str) -> Resource:
        try:
            if self.resources.find("setting", name) is None:
                return self.resources.create(Resource(kind="setting", id=name, spec={"value": value}))
        except AlreadyExists:
            # Somebody else stored it first; then this is an update like any other.
            pass

        def change(stored: Resource) -> Resource:
            return stored if _is(stored, value) else replace(stored, spec={**stored.spec, "value": value})

        return self.resources.update(Key("setting", name), change)

    def _check(self, name: str, value: str) -> None:
        if name == "server-url" and value and not _URL.fullmatch(value):
            raise Invalid("server-url must be like https://lariat.example", code="InvalidFormat", field="value")
        if name.endswith("-minutes") and value and not _is_minutes(value):
            raise Invalid(
                f"{name} must be a number of minutes up to {MOST_MINUTES}", code="InvalidFormat", field="value"
            )


def _is(stored: Resource, value: str) -> bool:
    return str(stored.spec.get("value") or "") == value


def variable(name: str) -> str:
    """The environment variable that gives a setting: ``CATTLE_SERVER_URL`` is ``server-url``."""
    return f"CATTLE_{name.upper().replace('-', '_')}"


def _is_minutes(value: str) -> bool:
    return value.isascii() and value.isdecimal() and len(value) < 10 and int(value) <= MOST_MINUTES
