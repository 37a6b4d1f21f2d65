"""A container's environment: literal values as a map, everything else as ``environmentFrom``.

Kubernetes has lists whose order counts (a value may refer to an earlier one), so an entry that stays keeps its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chalicelib.errors import Invalid
from chalicelib.mapping.paths import Object, Values, get, mapping, objects, put
from chalicelib.mapping.place import Place

KEYED = {"configMap": "configMapKeyRef", "secret": "secretKeyRef"}
WHOLE = {"configMap": "configMapRef", "secret": "secretRef"}


class Environment:
    @property
    def fields(self) -> Mapping[str, str]:
        return {"environment": "map[string]", "environmentFrom": "array[environmentFrom]"}

    def read(self, source: Object, values: Values, place: Place) -> None:
        env = source.get("env") or []
        literal = {entry["name"]: entry.get("value", "") for entry in env if _is_literal(entry)}
        sources = [shown for entry in env if (shown := _keyed_shown(entry))]
        sources += [shown for entry in source.get("envFrom") or [] if (shown := _whole_shown(entry))]
        if literal:
            values["environment"] = literal
        if sources:
            values["environmentFrom"] = sources

    def write(self, values: Values, target: Object, place: Place) -> None:
        now: Values = {}
        self.read(target, now, place)
        literal = mapping(values.get("environment", now.get("environment")), "environment")
        sources = objects(values.get("environmentFrom", now.get("environmentFrom")), "environmentFrom")
        keyed = [source for source in sources if source.get("targetKey") or source.get("sourceKey")]
        env = [_literal_made(name, text) for name, text in sorted(literal.items())]
        env += [_keyed_made(source) for source in keyed]
        put(target, ("env",), _merged(target.get("env") or [], env, _literal_or_keyed) or None)
        env_from = [_whole_made(source) for source in sources if source not in keyed]
        put(target, ("envFrom",), _merged(target.get("envFrom") or [], env_from, _whole_shown) or None)


def _is_literal(entry: Object) -> bool:
    return not entry.get("valueFrom")


def _literal_or_keyed(entry: Object) -> Values | None:
    return {entry["name"]: entry.get("value", "")} if _is_literal(entry) else _keyed_shown(entry)


def _keyed_shown(entry: Object) -> Values | None:
    """Show one variable that is taken from elsewhere; ``None`` for a source that v3 has no word for."""
    value, name = entry.get("valueFrom") or {}, entry.get("name")
    if field := value.get("fieldRef"):
        return {"source": "field", "sourceName": field.get("fieldPath"), "targetKey": name}
    if resource := value.get("resourceFieldRef"):
        shown = {"source": "resource", "sourceName": resource.get("containerName", ""), "targetKey": name}
        return shown | {"sourceKey": resource.get("resource"), "divisor": resource.get("divisor", "0")}
    for source, key in KEYED.items():
        if ref := value.get(key):
            shown = {"source": source, "sourceName": ref.get("name"), "sourceKey": ref.get("key"), "targetKey": name}
            return shown | {"optional": ref.get("optional", False)}
    return None


def _whole_shown(entry: Object) -> Values | None:
    for source, key in WHOLE.items():
        if ref := entry.get(key):
            shown = {"source": source, "sourceName": ref.get("name"), "prefix": entry.get("prefix", "")}
            return shown | {"optional": ref.get("optional", False)}
    return None


def _literal_made(name: str, value: Any) -> Object:
    if isinstance(value, dict | list):
        raise Invalid(f"environment {name} must be text", code="InvalidType", field="environment")
    text = str(value).lower() if isinstance(value, bool) else str("" if value is None else value)
    return {"name": name, "value": text}


def _keyed_made(value: Values) -> Object:
    source, name = value.get("source"), value.get("targetKey") or value.get("sourceKey")
    if source == "field":
        ref = {"fieldRef": {"fieldPath": value.get("sourceName")}}
    elif source == "resource":
        ref = {"resourceFieldRef": _filled(value, containerName="sourceName", resource="sourceKey", divisor="divisor")}
    elif source in KEYED:
        ref = {KEYED[source]: _filled(value, name="sourceName", key="sourceKey", optional="optional")}
    else:
        raise _unknown(source)
    return {"name": name, "valueFrom": ref}


def _whole_made(value: Values) -> Object:
    source = value.get("source")
    if source not in WHOLE:
        raise (
            _unknown(source)
            if source not in ("field", "resource")
            else Invalid("environmentFrom needs targetKey", code="MissingRequired", field="targetKey")
        )
    return {WHOLE[source]: _filled(value, name="sourceName", optional="optional"), **_filled(value, prefix="prefix")}


def _filled(value: Values, **names: str) -> Object:
    """Take over what is not the zero value, which Kubernetes leaves out too."""
    return {ours: value[theirs] for ours, theirs in names.items() if value.get(theirs)}


def _unknown(source: Any) -> Invalid:
    message = f"environmentFrom has no source {str(source)[:40]!r}: use configMap, secret, field or resource"
    return Invalid(message, code="InvalidOption", field="source")


def _merged(stored: Sequence[Object], made: Sequence[Object], show: Callable[[Object], Values | None]) -> list[Object]:
    """Keep stored entries that are still asked for, and those that v3 has no word for, where they stand."""
    wanted = [(show(entry), entry) for entry in made]
    result = []
    for entry in stored:
        shown = show(entry)
        found = next((at for at, (other, new) in enumerate(wanted) if _same_variable(entry, new, shown, other)), None)
        if shown is None:
            result.append(entry)
        elif found is not None:
            other, new = wanted.pop(found)
            result.append(entry if other == shown else new)
    return result + [entry for _shown, entry in wanted]


def _same_variable(entry: Object, new: Object, shown: Values | None, other: Values | None) -> bool:
    name = get(entry, "name")
    return shown is not None and (shown == other if name is None else name == new.get("name"))
