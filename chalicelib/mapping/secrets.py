"""Secrets of all types. What a secret type keeps write-only is never shown; a stored value that isn't sent stays.

Each type is a kind twice: ``namespacedCertificate`` lives in one namespace, ``certificate`` in a whole project. The
latter is kept outside of the cluster (``api/secrets.py``) and copied into each of the project's namespaces.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.mapping.certificates import Certificate, check_certificate
from chalicelib.mapping.kind import Kind, described, no_check
from chalicelib.mapping.paths import Object, Values, decoded, encoded, get, mapping, put
from chalicelib.mapping.place import NOWHERE, Place
from chalicelib.mapping.rules import Field, Rules, Shown, move, same
from chalicelib.mapping.served import Served

COPY = "secret.user.cattle.io/secret"
"""An annotation that says ``true`` on a project secret's copies, which namespaced lists leave out."""

TYPES: Mapping[str, str] = {
    "kubernetes.io/service-account-token": "serviceAccountToken",
    "kubernetes.io/dockerconfigjson": "dockerCredential",
    "kubernetes.io/dockercfg": "dockerCredential",
    "kubernetes.io/basic-auth": "basicAuth",
    "kubernetes.io/ssh-auth": "sshAuth",
    "kubernetes.io/tls": "certificate",
}
TYPE_OF = {kind: type for type, kind in reversed(list(TYPES.items()))}
DOCKER = "kubernetes.io/dockerconfigjson"
"""There is an older type too, so a field selector can't find all docker credentials."""

CONFIG, OLD_CONFIG = ".dockerconfigjson", ".dockercfg"


def decode(value: Any, _place: Place | None = None) -> str | None:
    """Read base64 as text; ``None`` for what is no text."""
    try:
        return base64.b64decode(str(value), validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def encode(value: Any, _place: Place | None = None) -> str:
    return base64.b64encode(str(value).encode()).decode()


def text(name: str, key: str) -> Field:
    """A text that is kept under a key of the secret's data."""
    return Field(name, ("data", key), show=decode, make=encode)


@dataclass(frozen=True, slots=True)
class WriteOnly:
    """Written, never shown. ``null`` and the empty text, which clients send back for what they don't know, change nothing."""

    rule: Field

    @property
    def fields(self) -> Mapping[str, str]:
        return {self.rule.name: "password"}

    def read(self, source: Object, values: Values, place: Place) -> None:
        return

    def write(self, values: Values, target: Object, place: Place) -> None:
        if values[self.rule.name]:
            self.rule.write(values, target, place)


PASSWORDS = ("password", "auth")


class Registries:
    """Credentials by registry: ``{host: {username, password, auth, description}}``.

    ``auth`` has the password in it, so neither is ever shown.
    """

    @property
    def fields(self) -> Mapping[str, str]:
        return {"registries": "map[registryCredential]"}

    def read(self, source: Object, values: Values, place: Place) -> None:
        stored = _registries(source)
        values["registries"] = {
            host: {name: value for name, value in entry.items() if name not in PASSWORDS}
            for host, entry in stored.items()
            if isinstance(entry, dict)
        }

    def write(self, values: Values, target: Object, place: Place) -> None:
        stored = _registries(target)
        asked = mapping(values["registries"], "registries")
        made = {host: _credential(mapping(entry, host), stored.get(host)) for host, entry in asked.items()}
        if made == stored:
            return
        if target.get("type") == "kubernetes.io/dockercfg":
            put(target, ("data", OLD_CONFIG), encode(encoded(made)))
            return
        config = decoded(decode(get(target, "data", CONFIG)))
        config = config if isinstance(config, dict) else {}
        put(target, ("data", CONFIG), encode(encoded({**config, "auths": made})))


def _registries(source: Object) -> Mapping[str, Any]:
    data = source.get("data") or {}
    config = decoded(decode(data.get(CONFIG)))
    found = get(config, "auths") if CONFIG in data else decoded(decode(data.get(OLD_CONFIG)))
    return found if isinstance(found, dict) else {}


def _credential(entry: Values, stored: Any) -> Values:
    """A password that isn't sent stays with its user, and ``auth`` follows the two."""
    before = stored if isinstance(stored, dict) else {}
    made = {name: value for name, value in entry.items() if value is not None and (value or name not in PASSWORDS)}
    same = made.get("username") == before.get("username")
    if same:
        made = {**{name: before[name] for name in PASSWORDS if name in before}, **made}
    if made.get("username") and made.get("password"):
        made["auth"] = encode(f"{made['username']}:{made['password']}")
    elif not same:
        made.pop("auth", None)
    return made


def _annotation(name: str, key: str) -> Field:
    return Field(name, ("metadata", "annotations", f"kubernetes.io/service-account.{key}"))


@dataclass(frozen=True, slots=True)
class Type:
    """``kind`` is the type's name in v3. A stored secret of another type of the same name keeps it."""

    @property
    def fields(self) -> Mapping[str, str]:
        return {"kind": "string"}

    def read(self, source: Object, values: Values, place: Place) -> None:
        type = source.get("type") or "Opaque"
        values["kind"] = TYPES.get(type, type)

    def write(self, values: Values, target: Object, place: Place) -> None:
        now: Values = {}
        self.read(target, now, place)
        kind = values["kind"] or "Opaque"
        if kind != now["kind"]:
            target["type"] = TYPE_OF.get(str(kind), kind)


OPAQUE: Rules = (
    *same("data", type="map[base64]"),
    WriteOnly(Field("stringData", ("stringData",), "map[string]")),
    Type(),
    *same("immutable", type="boolean"),
)
ACCOUNT: Rules = (
    _annotation("accountName", "name"),
    Shown(_annotation("accountUid", "uid")),
    Shown(text("caCrt", "ca.crt")),
    WriteOnly(text("token", "token")),
)
CERTIFICATE: Rules = (text("certs", "tls.crt"), WriteOnly(text("key", "tls.key")), Certificate())
BASIC: Rules = (text("username", "username"), WriteOnly(text("password", "password")))
SSH: Rules = (
    WriteOnly(text("privateKey", "ssh-privatekey")),
    Shown(move("certFingerprint", "metadata", "annotations", "field.cattle.io/fingerprint")),
)


class AnySecret(Kind):
    """A secret of any type; each is handled as what it is, so that none shows what its own kind keeps hidden."""

    def to_v3(self, source: Object, place: Place = NOWHERE) -> Values:
        kind = self._concrete(TYPES.get(str(source.get("type"))))
        return super().to_v3(source, place) if kind is None else kind.to_v3(source, place)

    def to_kubernetes(
        self, values: Values, stored: Object | None = None, place: Place = NOWHERE, *, version: str = ""
    ) -> Object:
        type = str(values.get("kind") if stored is None else stored.get("type"))
        kind = self._concrete(type if type in NAMESPACED else TYPES.get(type))
        if kind is None:
            return super().to_kubernetes(values, stored, place, version=version)
        return kind.to_kubernetes(values, stored, place, version=version)

    def _concrete(self, id: str | None) -> Kind | None:
        found = NAMESPACED.get(id or "")
        return None if found is self else found


def _kind(id: str, type: str, rules: Rules, check: Callable[[Values], None] = no_check) -> Kind:
    return _named(id, Kind, (Type(), *rules), check, "" if type == DOCKER else f"type={type}", {"kind": id})


def _named(
    id: str, make: type[Kind], rules: Rules, check: Callable[[Values], None], selector: str, defaults: Values
) -> Kind:
    name = id[0].upper() + id[1:]
    return make(
        id=f"namespaced{name}",
        plural=f"namespaced{name}s",
        base="namespacedSecret",
        served=Served("Secret", "secrets"),
        selector=selector,
        rules=(*described(), *rules),
        state=None,
        defaults=lambda values, _place: {**values, **defaults},
        check=check,
    )


NAMESPACED: Mapping[str, Kind] = {
    "secret": _named("secret", AnySecret, OPAQUE, no_check, "", {}),
    "serviceAccountToken": _kind("serviceAccountToken", "kubernetes.io/service-account-token", ACCOUNT),
    "dockerCredential": _kind("dockerCredential", DOCKER, (Registries(),)),
    "certificate": _kind("certificate", "kubernetes.io/tls", CERTIFICATE, check_certificate),
    "basicAuth": _kind("basicAuth", "kubernetes.io/basic-auth", BASIC),
    "sshAuth": _kind("sshAuth", "kubernetes.io/ssh-auth", SSH),
}
PROJECT_WIDE: Mapping[str, Kind] = {
    id: replace(kind, id=id, plural=f"{id}s", base="secret")
    for id, kind in {**NAMESPACED, "secret": _named("secret", Kind, OPAQUE, no_check, "", {})}.items()
}
KINDS = (*NAMESPACED.values(), *PROJECT_WIDE.values())


def is_copy(source: Object) -> bool:
    return bool(get(source, "metadata", "annotations", COPY) == "true")


def of(source: Object) -> Kind:
    """Which namespaced kind a stored secret is."""
    return NAMESPACED[TYPES.get(str(source.get("type")), "secret")]


def is_left_out(kind: Kind, source: Object) -> bool:
    """Is a stored secret none of this kind's: another type, or a copy?"""
    return is_copy(source) or kind not in (of(source), NAMESPACED["secret"])
