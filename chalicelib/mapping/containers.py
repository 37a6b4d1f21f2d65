"""The containers of a pod template, both kinds in one list; their ports' annotation stands on the template."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

from chalicelib.mapping import ports
from chalicelib.mapping.environment import Environment
from chalicelib.mapping.handlers import hook, probe
from chalicelib.mapping.paths import Object, Values, encoded, get, objects, put
from chalicelib.mapping.place import Place
from chalicelib.mapping.rules import Nested, Rules, move, read, same, whole, write
from chalicelib.mapping.volumes import MOUNTS

SECURITY = "securityContext"

CONTAINER: Rules = (
    *same("name", "image", "workingDir", "terminationMessagePath", "terminationMessagePolicy"),
    move("imagePullPolicy", "imagePullPolicy", options=("Always", "IfNotPresent", "Never")),
    move("entrypoint", "command", type="array[string]"),
    move("command", "args", type="array[string]"),
    *same("stdin", "stdinOnce", "tty", type="boolean"),
    Environment(),
    *same("privileged", "allowPrivilegeEscalation", "runAsNonRoot", type="boolean", under=(SECURITY,)),
    *same("runAsGroup", type="int", under=(SECURITY,)),
    *same("procMount", under=(SECURITY,)),
    move("readOnly", SECURITY, "readOnlyRootFilesystem", type="boolean"),
    move("uid", SECURITY, "runAsUser", type="int"),
    move("capAdd", SECURITY, "capabilities", "add", type="array[string]"),
    move("capDrop", SECURITY, "capabilities", "drop", type="array[string]"),
    probe("livenessProbe"),
    probe("readinessProbe"),
    hook("postStart"),
    hook("preStop"),
    Nested("resources", ("resources",), same("limits", "requests", type="map[string]"), "resourceRequirements"),
    MOUNTS,
    *same("volumeDevices", type="array[volumeDevice]"),
)

LISTS = {False: ("spec", "containers"), True: ("spec", "initContainers")}


class Containers:
    """A rule for the template: ``{metadata, spec}``."""

    @property
    def fields(self) -> Mapping[str, str]:
        return {"containers": "array[container]"}

    def read(self, source: Object, values: Values, place: Place) -> None:
        lists = ports.noted(source)
        shown = []
        for initial, path in LISTS.items():
            for at, container in enumerate(get(source, *path) or []):
                notes = lists[at] if at < len(lists) and not initial else []
                shown.append(_shown(container, notes, place) | {"initContainer": initial})
        if shown:
            values["containers"] = shown

    def write(self, values: Values, target: Object, place: Place) -> None:
        given = objects(values["containers"], "containers")
        before = self._ports(target, place)
        asked = [{**item, "ports": _ports(item, before.get(str(item.get("name")), []), place)} for item in given]
        for initial, path in LISTS.items():
            chosen = [item for item in asked if bool(item.get("initContainer")) == initial]
            put(target, path, _made(chosen, get(target, *path) or [], place) or None)
        lists = [item["ports"] for item in asked if not item.get("initContainer")]
        kept = all(item["ports"] == before.get(str(item.get("name")), []) for item in asked)
        _note(target, lists, kept)

    def _ports(self, target: Object, place: Place) -> dict[str, list[Values]]:
        now: Values = {}
        self.read(target, now, place)
        return {str(item.get("name")): item.get("ports", []) for item in now.get("containers", [])}


def _shown(container: Object, notes: Sequence[object], place: Place) -> Values:
    values = read(CONTAINER, container, place)
    found = ports.shown(container, notes)
    return {**values, "ports": found} if found else values


def _ports(item: Values, before: list[Values], place: Place) -> list[Values]:
    """Complete a container's ports, unless they are what is there already."""
    given = objects(item.get("ports"), "ports")
    return before if given == before else ports.completed(given, place.name)


def _made(items: list[Values], stored: list[Object], place: Place) -> list[Object]:
    known = {str(container.get("name")): container for container in stored}
    made = []
    for item in items:
        target = copy.deepcopy(known.pop(str(item.get("name")), {}))
        write(CONTAINER, whole(CONTAINER, item), target, place)
        put(target, ("ports",), [ports.native(port) for port in item["ports"]] or None)
        made.append(target)
    return made


def _note(target: Object, lists: list[list[Values]], kept: bool) -> None:
    """Keep the ports in the annotation; ports that Kubernetes alone knew of need none as long as nobody changes them."""
    noted = ports.noted(target)
    if lists != noted and (noted or not kept):
        put(target, ("metadata", "annotations", ports.ANNOTATION), encoded(lists) if any(lists) else None)
