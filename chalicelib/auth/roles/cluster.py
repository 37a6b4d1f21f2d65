"""What bindings mean inside of one cluster: which roles it needs and who holds which of them where.

``controllers/rights.py`` makes Kubernetes objects of this; ``held`` answers what they allow, as the cluster's own API
server will. Names are Rancher's where its clients may look for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from chalicelib.auth.roles.bindings import Binding, Subject
from chalicelib.auth.roles.library import Bundle, Library, Template, is_everything
from chalicelib.auth.roles.rule import ALL, READ, Rule, allows
from chalicelib.auth.roles.shipped import CORE

CREATE_NAMESPACES = "create-ns"
ADMINISTRATOR = "cluster-admin"

PROMOTED = {"persistentvolumes": CORE, "storageclasses": "storage.k8s.io", "apiservices": "apiregistration.k8s.io"}
"""What a project's roles may reach outside of its namespaces, with the one group that each is in."""

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,200}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Place:
    """One cluster: its id, its projects (full ids), and which project each namespace is in.

    In ``guarded`` projects a policy hangs on the labels of namespaces, so that members must not change those.
    """

    id: str
    projects: frozenset[str] = frozenset()
    namespaces: Mapping[str, str] | None = None
    guarded: frozenset[str] = frozenset()

    def of_project(self, project: str) -> list[str]:
        return sorted(name for name, holder in (self.namespaces or {}).items() if holder == project)


class Holding(NamedTuple):
    """A subject holds a ClusterRole in one namespace or (``""``) everywhere.

    ``owner`` is the binding's uid; administrators hold ``cluster-admin`` once, however many bindings make them that.
    """

    subject: Subject
    role: str
    namespace: str
    owner: str


@dataclass(frozen=True, slots=True)
class Rights:
    """``roles`` are the ClusterRoles to make; a holding may name one besides, which is the cluster's own."""

    roles: Mapping[str, tuple[Rule, ...]]
    holdings: tuple[Holding, ...]

    def without(self, foreign: Iterable[str]) -> Rights:
        """Give nobody a role of the cluster's own that only happens to have the name of one of ours."""
        taken = set(foreign).intersection(self.roles)
        roles = {name: rules for name, rules in self.roles.items() if name not in taken}
        return Rights(roles, tuple(holding for holding in self.holdings if holding.role not in taken))


@dataclass(frozen=True, slots=True)
class Held:
    """The rules that hold for one caller."""

    everywhere: tuple[Rule, ...]
    namespaces: Mapping[str, tuple[Rule, ...]]

    def rules(self, namespace: str = "") -> tuple[Rule, ...]:
        return (*self.everywhere, *self.namespaces.get(namespace, ())) if namespace else self.everywhere

    def allows(self, verb: str, group: str, resource: str, name: str = "", namespace: str = "") -> bool:
        return any(rule.allows(verb, group, resource, name) for rule in self.rules(namespace))

    def allows_url(self, verb: str, path: str) -> bool:
        return any(rule.allows_url(verb, path) for rule in self.everywhere)


def rights(bindings: Iterable[Binding], library: Library, place: Place) -> Rights:
    """All that the bindings ask for in this cluster; those of other clusters and unknown projects ask for nothing."""
    roles: dict[str, tuple[Rule, ...]] = {}
    holdings: dict[Holding, None] = {}
    for binding in bindings:
        for holding, rules in _asked(binding, library, place):
            if rules is not None:
                roles.setdefault(holding.role, rules)
            holdings[holding] = None
    return Rights(dict(sorted(roles.items())), tuple(sorted(holdings)))


def held(subjects: Sequence[Subject], rights: Rights, own: Mapping[str, tuple[Rule, ...]]) -> Held:
    """What a caller with these subjects may do; ``own`` are the cluster's own ClusterRoles, as observed."""
    everywhere: list[Rule] = []
    namespaces: dict[str, list[Rule]] = {}
    for holding in rights.holdings:
        if holding.subject in subjects:
            rules = rights.roles.get(holding.role) or own.get(holding.role, ())
            (namespaces.setdefault(holding.namespace, []) if holding.namespace else everywhere).extend(rules)
    return Held(tuple(everywhere), {name: tuple(rules) for name, rules in namespaces.items()})


_Asked = Iterator[tuple[Holding, tuple[Rule, ...] | None]]


def _asked(binding: Binding, library: Library, place: Place) -> _Asked:
    match binding.kind:
        case "globalRoleBinding":
            return _of_administrator(binding, library)
        case "clusterRoleTemplateBinding" if binding.scope == place.id:
            return _of_templates(binding, library.bundle(binding.role, "cluster"), [""])
        case "projectRoleTemplateBinding" if binding.scope in place.projects:
            return _of_project(binding, library.bundle(binding.role, "project"), place)
    return iter(())


def _of_administrator(binding: Binding, library: Library) -> _Asked:
    if is_everything(library.role(binding.role)):
        yield Holding(binding.subject, ADMINISTRATOR, "", ""), None


def _of_templates(binding: Binding, bundle: Bundle, namespaces: Sequence[str]) -> _Asked:
    for template in bundle.templates:
        if not _NAME.fullmatch(template.id) or not (template.rules or template.external):
            continue
        for namespace in namespaces:
            rules = None if template.external else template.rules
            yield Holding(binding.subject, template.id, namespace, binding.uid), rules


def _of_project(binding: Binding, bundle: Bundle, place: Place) -> _Asked:
    if not bundle.templates:
        return
    namespaces = place.of_project(binding.scope)
    yield from _of_templates(binding, bundle, namespaces)
    creates = allows(bundle.rules, "create", CORE, "namespaces")
    if namespaces:
        role = f"{binding.scope.rpartition(':')[2]}-namespaces-{'edit' if creates else 'readonly'}"
        verbs = _verbs(edit=creates, guarded=binding.scope in place.guarded)
        # It names the namespaces: without names it would be about all there are.
        rule = Rule(verbs, (CORE,), ("namespaces",), tuple(namespaces))
        yield Holding(binding.subject, role, "", binding.uid), (rule,)
    if creates:
        rule = Rule(("create",), (CORE,), ("namespaces",))
        yield Holding(binding.subject, CREATE_NAMESPACES, "", binding.uid), (rule,)
    for template in bundle.templates:
        rules = promoted(template)
        if rules and _NAME.fullmatch(template.id):
            yield Holding(binding.subject, f"{template.id}-promoted", "", binding.uid), rules


def _verbs(*, edit: bool, guarded: bool) -> tuple[str, ...]:
    """What a member may do with the project's namespaces themselves."""
    if not edit:
        return ("get",)
    return ("get", "delete") if guarded else (ALL,)


def promoted(template: Template) -> tuple[Rule, ...]:
    """The part of a project role that is about resources outside of namespaces; ``*`` promotes no more than reading."""
    found = []
    for rule in template.rules:
        for resource, group in PROMOTED.items():
            verbs = _promoted_verbs(rule, resource)
            if verbs and (ALL in rule.groups or group in rule.groups):
                found.append(Rule(verbs, (group,), (resource,), rule.names))
    return tuple(dict.fromkeys(found))


def _promoted_verbs(rule: Rule, resource: str) -> tuple[str, ...]:
    if resource in rule.resources:
        return rule.verbs
    if ALL not in rule.resources:
        return ()
    return READ if ALL in rule.verbs else tuple(verb for verb in rule.verbs if verb in READ)
