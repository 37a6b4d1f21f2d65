"""A workload's ports. v3 also says how each is to be offered, which Kubernetes has no place for but an annotation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.errors import Invalid
from chalicelib.mapping.paths import Object, Values, decoded, get

ANNOTATION = "field.cattle.io/ports"
"""On the pod template: a JSON list of lists, one for each container."""

KINDS = ("HostPort", "NodePort", "ClusterIP", "LoadBalancer")
"""Their order is the last digit of generated names."""

FIELDS = ("containerPort", "protocol", "kind", "sourcePort", "name", "dnsName", "hostIp", "hostPort")
NATIVE = {"containerPort": "containerPort", "protocol": "protocol", "name": "name", "hostIp": "hostIP"}


def shown(container: Object, noted: Sequence[Any]) -> list[Values]:
    """Show a container's ports; ``noted`` is its list in the annotation. What was changed behind its back counts."""
    notes = {str(note.get("name") or ""): note for note in noted if isinstance(note, dict)}
    result = []
    for port in container.get("ports") or []:
        note = notes.get(str(port.get("name") or ""))
        agrees = note is not None and all(
            _agrees(note, port, name) for name in ("containerPort", "protocol", "hostPort")
        )
        result.append(_known(note) if note is not None and agrees else _plain(port))
    return result


def _known(port: Mapping[str, Any]) -> Values:
    return {name: port[name] for name in FIELDS if isinstance(port.get(name), str | int)}


def _agrees(note: Mapping[str, Any], port: Object, name: str) -> bool:
    default = {"protocol": "TCP", "hostPort": 0}.get(name)
    return (note.get(name) or default) == (port.get(name) or default)


def _plain(port: Object) -> Values:
    values = {ours: port[theirs] for ours, theirs in NATIVE.items() if port.get(theirs) not in (None, "")}
    if port.get("hostPort"):
        return {**values, "kind": "HostPort", "sourcePort": port["hostPort"], "hostPort": port["hostPort"]}
    return {**values, "kind": "ClusterIP"}


def noted(template: Object) -> list[list[Any]]:
    """Read the annotation: a list for each container, as far as it is one."""
    lists = decoded(get(template, "metadata", "annotations", ANNOTATION))
    return [item if isinstance(item, list) else [] for item in lists] if isinstance(lists, list) else []


def completed(ports: Sequence[Values], workload: str) -> list[Values]:
    """Fill in what the caller left open: kind, name and DNS name. Raises ``Invalid`` for one named twice."""
    made = [_completed(port, workload) for port in ports]
    names = [port["name"] for port in made]
    twice = next((port for port in made if names.count(port["name"]) > 1), None)
    if twice is not None:
        what = f"kind={twice['kind']}, containerPort={twice['containerPort']}, protocol={twice['protocol']}"
        raise Invalid(f"Duplicated port {what}", code="InvalidOption", field="ports")
    return made


def _completed(port: Values, workload: str) -> Values:
    number = port.get("containerPort")
    if not isinstance(number, int) or isinstance(number, bool):
        raise Invalid("a port needs containerPort, a number", code="InvalidOption", field="containerPort")
    kind = port.get("kind") or ("HostPort" if port.get("hostPort") else "ClusterIP")
    if kind not in KINDS:
        raise Invalid(f"a port's kind is one of {', '.join(KINDS)}", code="InvalidOption", field="kind")
    values = {**_known(port), "kind": kind}
    values["protocol"] = port.get("protocol") or "TCP"
    if kind == "HostPort":
        values["sourcePort"] = values["hostPort"] = port.get("sourcePort") or port.get("hostPort") or 0
    else:
        values.pop("hostPort", None)
    values["name"] = _name(values)
    values["dnsName"] = _dns_name(values, workload)
    return values


def _name(port: Values) -> str:
    start = f"{port['containerPort']}{str(port['protocol']).lower()}"
    name = str(port.get("name") or "")
    return (
        f"{start}{port.get('sourcePort', '')}{KINDS.index(port['kind'])}"
        if not name or name.startswith(start)
        else name
    )


def _dns_name(port: Values, workload: str) -> str:
    """A generated one follows the kind when that changes."""
    name = str(port.get("dnsName") or "")
    if name and name != workload and not name.startswith(f"{workload}-"):
        return name
    return workload if port["kind"] == "ClusterIP" else f"{workload}-{port['kind'].lower()}"


def native(port: Values) -> Object:
    made = {theirs: port[ours] for ours, theirs in NATIVE.items() if port.get(ours) not in (None, "")}
    return {**made, "hostPort": port["hostPort"]} if port.get("hostPort") else made
