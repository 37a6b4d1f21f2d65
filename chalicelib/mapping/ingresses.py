"""Ingresses. Kubernetes' older versions name a backend's service and port flat, the newer one nests them."""

from __future__ import annotations

import base64
import copy
import hashlib
from collections.abc import Mapping
from typing import Any

from chalicelib.errors import Invalid
from chalicelib.mapping.kind import Kind, described
from chalicelib.mapping.paths import Object, Values, decoded, encoded, get, mapping, objects, put, strings
from chalicelib.mapping.place import Place
from chalicelib.mapping.rules import Annotation, Each, Field, Hidden, Shown, same
from chalicelib.mapping.served import Served, Version
from chalicelib.mapping.state import State, removing
from chalicelib.mapping.volumes import reference, referred

STATE = ("metadata", "annotations", "field.cattle.io/ingressState")
"""JSON: which workloads stand behind a backend, by the host, path and port that lead to it."""

NEW = "networking.k8s.io/v1"
ANY = "ImplementationSpecific"


class Rules:
    """``rules`` and ``defaultBackend``; their backends' workloads are kept in one annotation."""

    @property
    def fields(self) -> Mapping[str, str]:
        return {"rules": "array[ingressRule]", "defaultBackend": "ingressBackend"}

    def read(self, source: Object, values: Values, place: Place) -> None:
        kept = _kept(source)
        backend = get(source, "spec", _default(source))
        if backend:
            values["defaultBackend"] = _backend_shown(backend, "", "", kept, place)
        rules = get(source, "spec", "rules")
        if rules is not None:
            values["rules"] = [_rule_shown(rule, kept, place) for rule in rules]

    def write(self, values: Values, target: Object, place: Place) -> None:
        now: Values = {}
        self.read(target, now, place)
        asked = {**now, **{name: values[name] for name in self.fields if name in values}}
        kept: dict[str, str] = {}
        nested = target.get("apiVersion") == NEW
        backend = asked.get("defaultBackend")
        made = _backend_made(mapping(backend, "defaultBackend"), "", "", kept, nested, place) if backend else None
        if backend != now.get("defaultBackend"):
            put(target, ("spec", _default(target)), made)
        stored = list(get(target, "spec", "rules") or [])
        rules = [_rule_made(rule, stored, kept, nested, place) for rule in objects(asked.get("rules"), "rules")]
        put(target, ("spec", "rules"), rules or None)
        put(target, STATE, encoded(kept) if kept else None)


def _default(source: Object) -> str:
    return "defaultBackend" if source.get("apiVersion") == NEW else "backend"


def _kept(source: Object) -> Mapping[str, Any]:
    kept = decoded(get(source, *STATE))
    return kept if isinstance(kept, dict) else {}


def _rule_shown(rule: Object, kept: Mapping[str, Any], place: Place) -> Values:
    host = rule.get("host", "")
    paths: Values = {}
    for item in get(rule, "http", "paths") or []:
        path = item.get("path", "")
        paths.setdefault(path, _backend_shown(item.get("backend") or {}, host, path, kept, place))
    return {**({"host": host} if host else {}), "paths": paths}


def _backend_shown(backend: Object, host: str, path: str, kept: Mapping[str, Any], place: Place) -> Values:
    name, port = _service(backend)
    if name is None:
        return {}
    workloads = kept.get(_key(place, host, path, port))
    if isinstance(workloads, str) and name == _service_name(place, host, path, port):
        return {"workloadIds": workloads.split(","), "targetPort": port}
    return {"serviceId": reference(name, place), "targetPort": port}


def _service(backend: Object) -> tuple[str | None, Any]:
    if "service" in backend:
        port = get(backend, "service", "port") or {}
        return get(backend, "service", "name"), port.get("number", port.get("name"))
    return backend.get("serviceName"), backend.get("servicePort")


def _rule_made(rule: Values, stored: list[Object], kept: dict[str, str], nested: bool, place: Place) -> Object:
    """Make a rule upon the stored one of its host; a path's type, which v3 doesn't know, stays."""
    host = rule.get("host") or ""
    base = next((item for item in stored if item.get("host", "") == host), None)
    if base is not None:
        stored.remove(base)
    made: Object = copy.deepcopy(base or {})
    put(made, ("host",), host or None)
    before = get(made, "http", "paths") or []
    asked = dict(_paths(rule.get("paths")))
    paths = [_path_made(path, asked[path], host, before, kept, nested, place) for path in _ordered(asked, before)]
    put(made, ("http", "paths"), [item for items in paths for item in items] or None)
    return made


def _ordered(asked: Values, before: list[Object]) -> list[str]:
    first = [path for path in dict.fromkeys(item.get("path", "") for item in before) if path in asked]
    return first + [path for path in asked if path not in first]


def _paths(value: Any) -> list[tuple[str, Values]]:
    """A map from path to backend, or the list of later versions of the API."""
    if isinstance(value, list):
        return [(str(item.get("path") or ""), item) for item in objects(value, "paths")]
    return [(path, mapping(backend, "paths")) for path, backend in mapping(value, "paths").items()]


def _path_made(
    path: str, backend: Values, host: str, before: list[Object], kept: dict[str, str], nested: bool, place: Place
) -> list[Object]:
    """One path, and whatever else is stored for the same path under another type, which v3 can't tell apart."""
    stored = [item for item in before if item.get("path", "") == path]
    first: Object = copy.deepcopy(stored[0]) if stored else {"pathType": ANY} if nested else {}
    put(first, ("path",), path or None)
    made = _backend_made(backend, host, path, kept, nested, place)
    if made is not None:
        first["backend"] = made
    return [first, *stored[1:]]


def _backend_made(
    backend: Values, host: str, path: str, kept: dict[str, str], nested: bool, place: Place
) -> Object | None:
    """``None`` for a backend that is no service (v3 shows nothing of it), so that the stored one stays."""
    if not backend.get("serviceId") and not backend.get("workloadIds"):
        return None
    port = backend.get("targetPort")
    if port is None or isinstance(port, bool) or not isinstance(port, int | str):
        raise Invalid("a backend needs targetPort, a port's number or name", code="MissingRequired", field="targetPort")
    port = int(port) if isinstance(port, str) and port.isascii() and port.isdecimal() else port
    name = referred(backend.get("serviceId") or "", place)
    if workloads := strings(backend.get("workloadIds"), "workloadIds"):
        kept[_key(place, host, path, port)] = ",".join(workloads)
        name = _service_name(place, host, path, port)
    if not nested:
        return {"serviceName": name, "servicePort": port}
    return {"service": {"name": name, "port": {"number" if isinstance(port, int) else "name": port}}}


def _key(place: Place, host: str, path: str, port: Any) -> str:
    return base64.urlsafe_b64encode(f"{place.name}/{place.namespace}/{host}/{path}/{port}".encode()).decode()


def _service_name(place: Place, host: str, path: str, port: Any) -> str:
    """The service that a controller makes for a backend's workloads."""
    key = _key(place, host, path, port).encode()
    return f"ingress-{hashlib.md5(key, usedforsecurity=False).hexdigest()}"


def ingress_state(source: Object, place: Place) -> State:
    gone = removing(source, place)
    if gone or get(source, "status", "loadBalancer", "ingress"):
        return gone or State("active")
    return State("initializing", "yes", "waiting for the load balancer's address")


INGRESS = Kind(
    id="ingress",
    plural="ingresses",
    served=Served(
        "Ingress",
        "ingresses",
        (
            Version(NEW, since=19),
            Version("networking.k8s.io/v1beta1", since=14, until=21),
            Version("extensions/v1beta1", until=21),
        ),
    ),
    rules=(
        *described(Hidden("ingressState"), Shown(Annotation("publicEndpoints", "array[publicEndpoint]"))),
        Rules(),
        Each(
            "tls",
            ("spec", "tls"),
            (
                Field(
                    "certificateId", ("secretName",), "reference[namespacedCertificate]", show=reference, make=referred
                ),
                *same("hosts", type="array[string]"),
            ),
            key="certificateId",
            type="array[ingressTLS]",
        ),
        *same("ingressClassName", under=("spec",)),
        Shown(Field("status", ("status",), "ingressStatus")),
    ),
    state=ingress_state,
)
