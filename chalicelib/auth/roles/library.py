"""All roles that there are, read once and asked often: rules, inheritance, defaults.

A process builds one from the stored global roles and role templates, keeps it, and builds another when one of them
changes. Building is lazy, so that it costs what is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from chalicelib.auth.roles.rule import Rule, allows, parse_all
from chalicelib.auth.roles.shipped import CORE, EVERYTHING, MANAGEMENT
from chalicelib.errors import Invalid, NotFound
from chalicelib.types import Resource

MOST_INHERITED = 100
"""Templates that one binding may gather; more grant nothing at all."""

_SECRETS = Rule(
    ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"), (CORE,), ("secrets",)
)
KNOWN = {"cluster-admin": EVERYTHING, "admin": (_SECRETS,), "edit": (_SECRETS,), "view": ()}
"""What Kubernetes' own roles mean for resources that Lariat keeps itself: of theirs, a project's secrets alone."""

LESSER = {"cluster-admin": ("admin", "edit", "view"), "admin": ("edit", "view"), "edit": ("view",)}
"""Kubernetes' own roles contain one another."""


@dataclass(frozen=True)
class Template:
    """One role template. ``external`` ones have no rules here: a ClusterRole of that name is in each cluster."""

    id: str
    context: str = ""
    rules: tuple[Rule, ...] = ()
    external: bool = False
    parents: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bundle:
    """A template with all that it inherits; an empty one grants nothing."""

    templates: tuple[Template, ...] = ()

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        return tuple(rule for template in self.templates for rule in template.rules)

    @cached_property
    def external(self) -> frozenset[str]:
        return frozenset(template.id for template in self.templates if template.external)

    @cached_property
    def management(self) -> tuple[Rule, ...]:
        """The rules, and what the clusters' own roles mean for Lariat's resources."""
        return (*self.rules, *(rule for name in sorted(self.external) for rule in KNOWN.get(name, ())))

    @cached_property
    def owns_cluster(self) -> bool:
        return allows(self.management, "own", MANAGEMENT, "clusters")

    @cached_property
    def owns_project(self) -> bool:
        owner = any(template.id == "project-owner" for template in self.templates)
        return owner or allows(self.management, "own", MANAGEMENT, "projects")

    @cached_property
    def is_everything(self) -> bool:
        return is_everything(self.rules)


NOTHING = Bundle()


class Library:
    def __init__(self, global_roles: Iterable[Resource], role_templates: Iterable[Resource]) -> None:
        self._roles = {role.id: role for role in global_roles if not role.removed}
        self._templates = {template.id: template for template in role_templates if not template.removed}
        self._rules: dict[str, tuple[Rule, ...]] = {}
        self._bundles: dict[str, Bundle] = {}

    def role(self, id: str) -> tuple[Rule, ...]:
        """The rules of a global role; none if it is unknown or can't be read."""
        if id not in self._rules:
            self._rules[id] = _rules(self._roles[id]) if id in self._roles else ()
        return self._rules[id]

    def bundle(self, id: str, context: str) -> Bundle:
        """Gather a template for a binding in a ``cluster`` or a ``project``; nothing if it is not made for that."""
        if id not in self._bundles:
            self._bundles[id] = self._gather(id)
        bundle = self._bundles[id]
        return bundle if bundle.templates and bundle.templates[0].context in ("", context) else NOTHING

    def checked(self, id: str, context: str) -> Bundle:
        """Gather a template that somebody wants to bind. Raises ``NotFound`` or ``Invalid`` if anything is wrong."""
        if id not in self._templates:
            raise NotFound(f'roletemplates.management.cattle.io "{id}" not found')
        template = self._templates[id]
        if template.spec.get("locked"):
            raise Invalid("Role is locked and cannot be assigned", code="InvalidState", field="roleTemplateId")
        bundle = self.bundle(id, context)
        if not bundle.templates:
            raise Invalid(f"the role can't be used for a {context}", code="InvalidBodyContent", field="roleTemplateId")
        for parent in bundle.templates:
            self._check(parent)
        return bundle

    def heirs(self, id: str) -> tuple[str, ...]:
        """The templates that inherit from one directly, so that it can't be deleted from under them."""
        return tuple(sorted(name for name in self._templates if id in self._template(name).parents))

    def inherits(self, parents: Iterable[str], id: str) -> bool:
        """Is one of these templates that one, or does it inherit from it?"""
        return any(id == each.id for parent in parents for each in self._gather(parent).templates) or id in parents

    def defaults(self, context: str) -> tuple[str, ...]:
        """The templates that whoever creates a ``cluster`` or a ``project`` is bound to."""
        flag = f"{context}CreatorDefault"
        return tuple(
            sorted(
                template.id
                for template in self._templates.values()
                if template.spec.get(flag) is True and not template.spec.get("locked")
            )
        )

    def new_user_roles(self) -> tuple[str, ...]:
        return tuple(sorted(role.id for role in self._roles.values() if role.spec.get("newUserDefault") is True))

    def _gather(self, id: str) -> Bundle:
        """Follow the inheritance; each template counts once, so a circle ends."""
        found: dict[str, Template] = {}
        waiting = [id]
        while waiting:
            name = waiting.pop()
            if name in found or name not in self._templates:
                continue
            if len(found) == MOST_INHERITED:
                return NOTHING
            found[name] = self._template(name)
            waiting.extend(reversed(found[name].parents))
        return Bundle(tuple(found.values()))

    def _template(self, id: str) -> Template:
        spec = self._templates[id].spec
        external = spec.get("external", False)
        context, parents = spec.get("context") or "", spec.get("roleTemplateIds") or ()
        if external not in (True, False) or context not in ("", "cluster", "project") or not _is_texts(parents):
            return Template(id, context="nothing")
        return Template(id, context, () if external else _rules(self._templates[id]), external, tuple(parents))

    def _check(self, template: Template) -> None:
        """Refuse what ``bundle`` would leave out in silence."""
        stored = self._templates[template.id]
        parse_all(stored.spec.get("rules"))
        for parent in template.parents:
            if parent not in self._templates:
                raise Invalid(f"the role inherits from {parent}, which is not there", field="roleTemplateIds")


def is_everything(rules: Iterable[Rule]) -> bool:
    """Every verb on every resource and every URL: an administrator, in Rancher's terms."""
    rules = tuple(rules)
    return any(rule.is_everything for rule in rules) and any("*" in rule.urls and "*" in rule.verbs for rule in rules)


def _rules(resource: Resource) -> tuple[Rule, ...]:
    try:
        return parse_all(resource.spec.get("rules"))
    except Invalid:
        return ()


def _is_texts(values: object) -> bool:
    return isinstance(values, list | tuple) and all(isinstance(value, str) for value in values)
