"""Where pods may run: v3's ``scheduling.node`` for a node's name, node selector and node affinity.

Everything that v3 has no word for stays: affinity to pods, terms on a node's fields, the weights of preferences that
nobody changes.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

from chalicelib.mapping import expressions
from chalicelib.mapping.paths import Object, Values, get, mapping, put, strings
from chalicelib.mapping.place import Place
from chalicelib.mapping.rules import Inside, move, same

REQUIRED = ("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")
PREFERRED = ("affinity", "nodeAffinity", "preferredDuringSchedulingIgnoredDuringExecution")
FIRST_WEIGHT = 100
JOIN = " && "
LISTS = ("requireAll", "requireAny", "preferred")


def node_id(name: str, place: Place) -> str:
    return f"{place.cluster}:{name}" if place.cluster else name


def node_name(id: object) -> str | None:
    """A node's id is its cluster's and its name."""
    return str(id).rpartition(":")[2] or None if id else None


class NodeRules:
    @property
    def fields(self) -> Mapping[str, str]:
        return {"node": "nodeScheduling"}

    def read(self, source: Object, values: Values, place: Place) -> None:
        name = source.get("nodeName")
        node: Values = {"nodeId": node_id(name, place) if name else None}
        terms = [term for term in map(_text, get(source, *REQUIRED) or []) if term]
        every, some = (terms, []) if len(terms) == 1 else ([], terms)
        node["requireAll"] = [*_selected(source), *(part for term in every for part in term)]
        node["requireAny"] = [JOIN.join(term) for term in some]
        node["preferred"] = [JOIN.join(_text(_preference(term))) for term in _by_weight(source)]
        if any(node.values()):
            values["node"] = node

    def write(self, values: Values, target: Object, place: Place) -> None:
        shown: Values = {}
        self.read(target, shown, place)
        now = shown.get("node", {})
        asked = {**now, **(mapping(values["node"], "node") or dict.fromkeys(("nodeId", *LISTS)))}
        if asked.get("nodeId") != now.get("nodeId"):
            put(target, ("nodeName",), node_name(asked.get("nodeId")))
        if any((asked.get(name) or []) != now.get(name, []) for name in ("requireAll", "requireAny")):
            _require(
                target, strings(asked.get("requireAll"), "requireAll"), strings(asked.get("requireAny"), "requireAny")
            )
        if (asked.get("preferred") or []) != now.get("preferred", []):
            _prefer(target, strings(asked.get("preferred"), "preferred"))


def _text(term: Object) -> list[str]:
    return expressions.text(term.get("matchExpressions") or [])


def _preference(term: Object) -> Object:
    return term.get("preference") or {}


def _selected(source: Object) -> list[str]:
    return [f"{key} = {value}" for key, value in sorted((source.get("nodeSelector") or {}).items())]


def _by_weight(source: Object) -> list[Object]:
    return sorted(get(source, *PREFERRED) or [], key=lambda term: -int(term.get("weight", 0)))


def _require(target: Object, every: Sequence[str], some: Sequence[str]) -> None:
    """What a plain node selector asks for already stays there; the rest becomes terms."""
    selector = target.get("nodeSelector") or {}
    kept = {key: value for key, value in selector.items() if f"{key} = {value}" in every}
    put(target, ("nodeSelector",), kept or None)
    rest = JOIN.join(text for text in every if text not in _selected({"nodeSelector": kept}))
    stored = get(target, *REQUIRED) or []
    terms = [_term(text, stored) for text in some or ([rest] if rest else [])]
    put(target, REQUIRED, _with_unseen(terms, stored) or None)


def _term(text: str, stored: Sequence[Object]) -> Object:
    """A stored term that reads the same is taken as it is."""
    found = next((term for term in stored if JOIN.join(_text(term)) == text), None)
    return copy.deepcopy(found) if found else {"matchExpressions": expressions.parsed(text)}


def _with_unseen(terms: list[Object], stored: Sequence[Object]) -> list[Object]:
    """Keep what terms say of a node's fields. Terms are alternatives, so one term stays one."""
    if len(terms) <= 1 and len(stored) == 1 and stored[0].get("matchFields"):
        return [{**(terms[0] if terms else {}), "matchFields": stored[0]["matchFields"]}]
    return terms + [term for term in stored if not _text(term)]


def _prefer(target: Object, preferred: Sequence[str]) -> None:
    stored = get(target, *PREFERRED) or []
    preferences = [_preference(term) for term in stored]
    terms = [
        {"weight": max(FIRST_WEIGHT - at, 1), "preference": _term(text, preferences)}
        for at, text in enumerate(preferred)
    ]
    put(target, PREFERRED, terms or None)


SCHEDULING = Inside(
    "scheduling",
    (
        NodeRules(),
        *same("priority", type="int"),
        *same("priorityClassName"),
        move("scheduler", "schedulerName"),
        move("tolerate", "tolerations", type="array[toleration]"),
    ),
    type="scheduling",
)
