"""What a caller may do with Lariat's own API: the one decision, asked for every request and every object of a list.

It needs a ``Grants`` for the caller and for each of their groups, and the roles (``Library``); a decision looks only at
what was granted in the scope that is asked about, however much else there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from chalicelib.auth.roles import kinds
from chalicelib.auth.roles.bindings import Grants
from chalicelib.auth.roles.cover import covers
from chalicelib.auth.roles.kinds import CLUSTER, IN_PROJECT, OWN, SHARED, Target
from chalicelib.auth.roles.library import LESSER, Bundle, Library, is_everything
from chalicelib.auth.roles.rule import ALL, READ, Rule, allows
from chalicelib.auth.roles.shipped import MANAGEMENT

VERBS = (*READ, "create", "update", "patch", "delete")


class Scope(NamedTuple):
    """Where an object is: in a cluster, in a project (full id), or with a user; all empty for a global one."""

    cluster: str = ""
    project: str = ""
    user: str = ""


GLOBALLY = Scope()


class Access:
    """One caller's rights. ``grants`` are the user's own and those of each group."""

    def __init__(self, user: str, grants: Iterable[Grants], library: Library) -> None:
        self.user = user
        self._grants = tuple(grants)
        self._library = library
        self._global = tuple(
            rule
            for role in sorted({role for held in self._grants for role in held.roles})
            for rule in library.role(role)
        )

    @property
    def administrator(self) -> bool:
        return is_everything(self._global)

    def allows(self, verb: str, group: str, resource: str, id: str = "", scope: Scope = GLOBALLY) -> bool:
        """May the caller do this with the object of that (full) id, or (``""``) with the collection in that scope?"""
        rules = self._rules(Target(group, resource), id, scope)
        return allows(rules, verb, group, resource, id.rpartition(":")[2])

    def summary(self, group: str, resource: str, id: str = "", scope: Scope = GLOBALLY) -> frozenset[str]:
        """All that the caller may do with an object, for a console."""
        rules = tuple(self._rules(Target(group, resource), id, scope))
        name = id.rpartition(":")[2]
        return frozenset(verb for verb in VERBS if allows(rules, verb, group, resource, name))

    def reaches(self, verb: str, group: str, resource: str) -> bool:
        """Does a global role let the caller do this with an object of the kind anywhere, be it one that it names?"""
        return any(replace(rule, names=()).allows(verb, group, resource) for rule in self._global)

    def clusters(self) -> frozenset[str]:
        """The clusters that the caller was given something in."""
        return self.whole_clusters().union(project.partition(":")[0] for project in self.projects())

    def whole_clusters(self) -> frozenset[str]:
        """Those among them in all of whose projects it counts."""
        return frozenset[str]().union(*(held.clusters for held in self._grants))

    def projects(self) -> frozenset[str]:
        """The projects (full ids) that the caller is a member of."""
        return frozenset[str]().union(*(held.projects for held in self._grants))

    def may_bind(self, template: str, scope: Scope) -> bool:
        """May the caller give this role to somebody there? Only who holds all of it, or may ``bind`` it.

        Raises ``NotFound`` or ``Invalid`` if it can't be bound by anybody.
        """
        wanted = self._library.checked(template, "project" if scope.project else "cluster")
        held = tuple(self._held(scope))
        if allows(held, "bind", MANAGEMENT, "roletemplates", template):
            return True
        external = self._external(scope)
        return covers(held, wanted.rules) and (wanted.external <= external or is_everything(held))

    def may_bind_globally(self, role: str) -> bool:
        """May the caller give somebody a global role? An unknown one has no rules to compare, so nobody may."""
        rules = self._library.role(role)
        return bool(rules) and covers(self._global, rules)

    def may_define(self, rules: Iterable[Rule], inherited: Sequence[str] = ()) -> bool:
        """May the caller write a role with these rules and parents? It may be bound anywhere already."""
        if allows(self._global, "escalate", MANAGEMENT, "roletemplates"):
            return True
        bundles = [bundle for parent in inherited for bundle in self._any_context(parent)]
        wanted = (*rules, *(rule for bundle in bundles for rule in bundle.rules))
        if any(not bundle.templates or bundle.external for bundle in bundles):
            return False
        return covers(self._global, wanted)

    def may_define_globally(self, rules: Iterable[Rule]) -> bool:
        """May the caller write a global role with these rules?"""
        return allows(self._global, "escalate", MANAGEMENT, "globalroles") or covers(self._global, rules)

    def outranks(self, other: Access) -> bool:
        """Does the caller hold all that the other one holds, so that acting in the other's name gains nothing?"""
        if not covers(self._global, other._global):
            return False
        return all(self._has(bundle, scope) for bundle, scope in other._everywhere())

    def _has(self, bundle: Bundle, scope: Scope) -> bool:
        held = tuple(self._held(scope))
        return covers(held, bundle.rules) and (bundle.external <= self._external(scope) or is_everything(held))

    def _everywhere(self) -> Iterator[tuple[Bundle, Scope]]:
        for held in self._grants:
            for cluster, names in held.clusters.items():
                yield from ((self._library.bundle(name, "cluster"), Scope(cluster)) for name in names)
            for project, names in held.projects.items():
                scope = Scope(project.partition(":")[0], project)
                yield from ((self._library.bundle(name, "project"), scope) for name in names)

    def _any_context(self, template: str) -> list[Bundle]:
        """A template in each context that it is made for; an empty bundle if there is none."""
        found = [self._library.bundle(template, context) for context in ("cluster", "project")]
        return [bundle for bundle in found if bundle.templates] or found[:1]

    def _rules(self, target: Target, id: str, scope: Scope) -> Iterator[Rule]:
        """Every rule that reaches the object."""
        level = kinds.level(target)
        if level == OWN:
            yield from self._own(target, scope)
            return
        yield from self._global
        if target == (MANAGEMENT, "users"):
            yield Rule(("get",), (MANAGEMENT,), ("users",), (self.user,))
        if target == (MANAGEMENT, "clusters"):
            yield from self._cluster_itself(id)
        if level in (CLUSTER, IN_PROJECT):
            yield from self._scoped(target, level, id, scope)

    def _own(self, target: Target, scope: Scope) -> Iterator[Rule]:
        if not self.user or scope.user != self.user:
            return
        yield from self._global
        if target.resource in ("tokens", "preferences"):
            yield Rule((ALL,), (MANAGEMENT,), (target.resource,))

    def _scoped(self, target: Target, level: str, id: str, scope: Scope) -> Iterator[Rule]:
        cluster = _cluster(scope)
        if not cluster or (level == IN_PROJECT and not scope.project):
            return
        for bundle in self._within(scope) if level == IN_PROJECT else self._of_cluster(cluster):
            yield from bundle.management
        if target == (MANAGEMENT, "projects"):
            yield from self._project_itself(cluster, id)
        if target in SHARED:
            yield from self._shared(cluster)

    def _held(self, scope: Scope) -> Iterator[Rule]:
        """Every rule that holds in a scope, for comparing with what is to be granted there."""
        yield from self._global
        for bundle in self._within(scope):
            yield from bundle.management

    def _external(self, scope: Scope) -> frozenset[str]:
        bundles = self._within(scope)
        names = {name for bundle in bundles for name in bundle.external}
        return frozenset(names.union(*(LESSER.get(name, ()) for name in names)))

    def _cluster_itself(self, cluster: str) -> Iterator[Rule]:
        for bundle in self._of_cluster(cluster):
            yield Rule((ALL,) if bundle.owns_cluster else ("get",), (MANAGEMENT,), ("clusters",), (cluster,))
        if any(bundle.templates for bundle in self._in_projects_of(cluster)):
            yield Rule(("get",), (MANAGEMENT,), ("clusters",), (cluster,))

    def _project_itself(self, cluster: str, project: str) -> Iterator[Rule]:
        if project.partition(":")[0] != cluster:
            return
        name = project.rpartition(":")[2]
        for bundle in self._of_project(project):
            yield Rule((ALL,) if bundle.owns_project else ("get",), (MANAGEMENT,), ("projects",), (name,))

    def _shared(self, cluster: str) -> Iterator[Rule]:
        for bundle in self._in_projects_of(cluster):
            for rule in bundle.rules:
                verbs = READ if ALL in rule.verbs else tuple(verb for verb in rule.verbs if verb in READ)
                if verbs and not rule.urls:
                    yield Rule(verbs, rule.groups, rule.resources, rule.names)

    def _within(self, scope: Scope) -> Iterator[Bundle]:
        cluster = _cluster(scope)
        if cluster:
            yield from self._of_cluster(cluster)
            yield from self._of_project(scope.project)

    def _of_cluster(self, cluster: str) -> Iterator[Bundle]:
        names = (name for held in self._grants for name in held.clusters.get(cluster, ()))
        return self._bundles(names, "cluster")

    def _of_project(self, project: str) -> Iterator[Bundle]:
        names = (name for held in self._grants for name in held.projects.get(project, ()))
        return self._bundles(names, "project")

    def _in_projects_of(self, cluster: str) -> Iterator[Bundle]:
        names = (
            name
            for held in self._grants
            for project, roles in held.projects.items()
            if project.startswith(f"{cluster}:")
            for name in roles
        )
        return self._bundles(names, "project")

    def _bundles(self, names: Iterable[str], context: str) -> Iterator[Bundle]:
        for name in dict.fromkeys(names):
            bundle = self._library.bundle(name, context)
            if bundle.templates:
                yield bundle


def _cluster(scope: Scope) -> str:
    """The cluster of a scope; none if the scope contradicts itself."""
    if not scope.project:
        return scope.cluster
    cluster = scope.project.partition(":")[0]
    return cluster if scope.cluster in ("", cluster) else ""
