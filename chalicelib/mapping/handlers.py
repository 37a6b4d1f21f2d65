"""Probes and lifecycle hooks: Kubernetes nests what to do, v3 shows it flat."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.mapping.paths import Object, Path, Values, get, mapping, put
from chalicelib.mapping.place import Place

TIMINGS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
HTTP = ("host", "path", "port", "scheme", "httpHeaders")
TCP = ("host", "port")
WAYS = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")
"""Kubernetes takes exactly one of them; the last two are later than v3, and kept unless another is asked for."""


@dataclass(frozen=True, slots=True)
class Handler:
    """``timings`` are a probe's numbers; a hook has none."""

    name: str
    path: Path
    timings: tuple[str, ...] = ()

    @property
    def fields(self) -> Mapping[str, str]:
        return {self.name: "probe" if self.timings else "handler"}

    def read(self, source: Object, values: Values, place: Place) -> None:
        stored = get(source, *self.path)
        if stored:
            values[self.name] = {**_shown(stored), **_present(stored, self.timings)}

    def write(self, values: Values, target: Object, place: Place) -> None:
        if values[self.name] is None:
            put(target, self.path, None)
            return
        value = mapping(values[self.name], self.name)
        stored = copy.deepcopy(get(target, *self.path) or {})
        made = {
            **{key: part for key, part in stored.items() if key not in self.timings},
            **_present(value, self.timings),
        }
        action = _made(value)
        if action:
            made = {**{key: part for key, part in made.items() if key not in WAYS}, **action}
        put(target, self.path, made)


def probe(name: str) -> Handler:
    return Handler(name, (name,), TIMINGS)


def hook(name: str) -> Handler:
    return Handler(name, ("lifecycle", name))


def _shown(stored: Object) -> Values:
    if stored.get("exec") is not None:
        return {"command": stored["exec"].get("command", [])}
    if stored.get("tcpSocket") is not None:
        return {"tcp": True, **_present(stored["tcpSocket"], TCP)}
    return _present(stored.get("httpGet") or {}, HTTP)


def _made(value: Values) -> Object:
    if value.get("command"):
        return {"exec": {"command": value["command"]}}
    if value.get("tcp"):
        return {"tcpSocket": _present(value, TCP)}
    http = _present(value, HTTP)
    return {"httpGet": http} if http else {}


def _present(source: Mapping[str, object], names: tuple[str, ...]) -> Values:
    return {name: source[name] for name in names if source.get(name) is not None}
