"""The stored settings of providers: one ``authConfig`` each, its secrets sealed.

``spec`` has the fields as the v3 API shows them; what is secret stands in ``sealed`` and leaves for a provider alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.auth.providers import fields
from chalicelib.auth.providers.admission import MODES, RESTRICTED
from chalicelib.auth.providers.catalogue import TYPES, settings_of
from chalicelib.auth.providers.principal import parse
from chalicelib.errors import AlreadyExists, Invalid
from chalicelib.store.resources import Resources
from chalicelib.types import Key, Resource, Seal

KIND = "authConfig"
MOST_ALLOWED = 500
_PLACE = ("servers", "port", "tls", "starttls", "certificate", "hostname", "issuer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """``settings`` are of the provider's own class and hold its secrets."""

    name: str
    enabled: bool
    mode: str
    allowed: tuple[str, ...]
    settings: Any

    @property
    def place(self) -> tuple[Any, ...]:
        """Where the provider is: another place is another set of people."""
        return tuple([getattr(self.settings, name, None) for name in _PLACE])


class Configs:
    def __init__(self, resources: Resources, seal: Seal) -> None:
        self._resources = resources
        self._seal = seal

    def find(self, name: str) -> Config | None:
        """Return what is stored of a provider, enabled or not."""
        if name not in TYPES:
            return None
        stored = self._resources.find(KIND, name)
        return self._config(stored) if stored else None

    def shown(self, name: str) -> Resource:
        """What is stored of a provider, or what it is before anybody configured it."""
        stored = self._resources.find(KIND, name)
        return stored or Resource(kind=KIND, id=name, spec=_blank(name))

    def enabled(self, name: str) -> Config | None:
        config = self.find(name)
        return config if config is not None and config.enabled else None

    def is_enabled(self, name: str) -> bool:
        """The same without opening secrets."""
        stored = self._resources.find(KIND, name) if name in TYPES else None
        return stored is not None and _is_enabled(stored)

    def all_enabled(self) -> Iterator[Config]:
        for stored in self._resources.all(KIND):
            if stored.id in TYPES and _is_enabled(stored):
                yield self._config(stored)

    def draft(self, name: str, values: Mapping[str, Any]) -> Config:
        """Check what an administrator sent; nothing is stored. Raises ``Invalid``.

        A secret that is left out is the stored one, unless the draft points elsewhere: it must not be sent there.
        """
        settings = settings_of(name)
        old = self.find(name)
        given = dict(values)
        if old is not None:
            for secret in fields.secrets(settings):
                if not given.get(secret) and _same_place(settings, given, old):
                    given[secret] = getattr(old.settings, _attribute(settings, secret))
        allowed = _allowed(values.get("allowedPrincipalIds"))
        mode = _mode(values.get("accessMode"))
        return Config(name=name, enabled=False, mode=mode, allowed=allowed, settings=fields.read(settings, given))

    def store(self, config: Config) -> Resource:
        """Store a whole configuration, and enabled or not as it says."""
        new = self._resource(config)
        try:
            return self._resources.create(new)
        except AlreadyExists:
            return self._resources.update(new.key, lambda old: _replaced(old, new))

    def admit(self, name: str, mode: str, allowed: list[str]) -> Resource:
        """Change who may come in. Raises ``Invalid``, and ``NotFound`` if the provider was never configured."""
        change = {"accessMode": _mode(mode), "allowedPrincipalIds": list(_allowed(allowed))}
        return self._change(name, change)

    def disable(self, name: str) -> Resource:
        return self._change(name, {"enabled": False})

    def _change(self, name: str, change: Mapping[str, Any]) -> Resource:
        settings_of(name)
        return self._resources.update(Key(KIND, name), lambda old: _with(old, change))

    def _config(self, stored: Resource) -> Config:
        opened = {name: self._seal.open(text, _purpose(stored.id, name)) for name, text in stored.sealed.items()}
        return Config(
            name=stored.id,
            enabled=_is_enabled(stored),
            mode=str(stored.spec.get("accessMode")),
            allowed=tuple(stored.spec.get("allowedPrincipalIds") or ()),
            settings=fields.read(settings_of(stored.id), {**stored.spec, **opened}),
        )

    def _resource(self, config: Config) -> Resource:
        settings = settings_of(config.name)
        shown, sealed = {}, {}
        for name in fields.names(settings):
            value = getattr(config.settings, _attribute(settings, name))
            if name in fields.secrets(settings):
                sealed[name] = self._seal.seal(value, _purpose(config.name, name))
            else:
                shown[name] = list(value) if isinstance(value, tuple) else value
        spec = {
            "type": TYPES[config.name][0],
            "enabled": config.enabled,
            "accessMode": config.mode,
            "allowedPrincipalIds": list(config.allowed),
        }
        return Resource(kind=KIND, id=config.name, spec={**shown, **spec}, sealed=sealed)


def _blank(name: str) -> dict[str, Any]:
    settings = settings_of(name)
    known = {
        field: value for field, value in fields.defaults(settings).items() if field not in fields.secrets(settings)
    }
    return {**known, "type": TYPES[name][0], "enabled": False, "accessMode": RESTRICTED, "allowedPrincipalIds": []}


def _is_enabled(stored: Resource) -> bool:
    return stored.spec.get("enabled") is True and not stored.removed


def _same_place(settings: type[Any], given: Mapping[str, Any], old: Config) -> bool:
    lenient = {**given, **dict.fromkeys(fields.secrets(settings), "unknown")}
    draft = Config(name=old.name, enabled=False, mode="", allowed=(), settings=fields.read(settings, lenient))
    return draft.place == old.place


def _attribute(settings: type[Any], name: str) -> str:
    return str(next(own for own in settings.__dataclass_fields__ if fields.wire(own) == name))


def _mode(mode: Any) -> str:
    known = str(RESTRICTED if mode is None else mode)
    if known not in MODES:
        raise Invalid(f"accessMode is one of {', '.join(MODES)}", code="InvalidOption", field="accessMode")
    return known


def _allowed(ids: Any) -> tuple[str, ...]:
    known = [] if ids is None else ids
    if not isinstance(known, list) or len(known) > MOST_ALLOWED or not all(isinstance(id, str) for id in known):
        raise Invalid(f"allowedPrincipalIds are at most {MOST_ALLOWED} ids", field="allowedPrincipalIds")
    try:
        for id in known:
            parse(id)
    except ValueError as error:
        raise Invalid(f"one of the ids is {error}", field="allowedPrincipalIds") from None
    return tuple(dict.fromkeys(known))


def _with(old: Resource, change: Mapping[str, Any]) -> Resource:
    return replace(old, spec={**old.spec, **change})


def _replaced(old: Resource, new: Resource) -> Resource:
    return replace(old, spec=new.spec, sealed=new.sealed)


def _purpose(name: str, field: str) -> str:
    return f"{KIND}/{name}/{field}"
