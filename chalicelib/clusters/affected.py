"""Which clusters a change concerns: those, each once, and no others. ``reconcile.py`` asks with the key that it was given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from chalicelib.auth.rights import library, rebuild
from chalicelib.auth.roles.library import Library
from chalicelib.clusters.administrators import Administrators
from chalicelib.clusters.desired import POLICY
from chalicelib.store.notices import place
from chalicelib.store.resources import Resources
from chalicelib.types import Key

CLUSTERS_POLICY = "defaultPodSecurityPolicyTemplateId"

CONTENTS = "contents"
"""The kind of the keys by which clusters' contents are brought in line; no resource has it."""

WATCHED = frozenset(
    (
        "cluster",
        "clusterRegistrationToken",
        "globalRole",
        "globalRoleBinding",
        "group",
        "notice",
        "podSecurityPolicyTemplate",
        "project",
        "roleTemplate",
        "user",
    )
)
"""Kinds whose changes are worked on: clusters follow from them, or they take along what lives inside, or whoever came in
by them, when they go."""


def woken(changed: Iterable[Key]) -> list[Key]:
    """The keys to work on when these resources have changed; both edges ask."""
    keys = [key for key in changed if key.kind in WATCHED]
    return [*keys, *(Key(CONTENTS, key.id) for key in keys if key.kind == "cluster")]


class Affected:
    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._administrators = Administrators(resources)
        self._by_kind: Mapping[str, Callable[[str], Iterable[str]]] = {
            "globalRole": self._by_global_role,
            "globalRoleBinding": self._by_global_binding,
            "notice": self._by_notice,
            "podSecurityPolicyTemplate": self._by_policy,
            "project": lambda id: [_cluster(id)],
            "roleTemplate": self._by_template,
        }

    def by(self, key: Key) -> list[str]:
        """The ids of the clusters whose contents may have to change."""
        find = self._by_kind.get(key.kind)
        return sorted({cluster for cluster in find(key.id) if cluster}) if find else []

    def repaired(self) -> None:
        """Make up for changes that were missed, at a start or once in a while."""
        rebuild(self._resources)
        self._administrators.rebuild(library(self._resources))

    def _by_global_role(self, _: str) -> Iterable[str]:
        return self._all() if self._administrators.rebuild(library(self._resources)) else ()

    def _by_global_binding(self, id: str) -> Iterable[str]:
        return self._all() if self._administrators.renew(id, library(self._resources)) else ()

    def _by_notice(self, id: str) -> Iterable[str]:
        notice = self._resources.find("notice", id)
        return [place(notice)] if notice else ()

    def _by_template(self, id: str) -> Iterable[str]:
        """Those where it, or one that inherits from it, is bound."""
        names = _family(id, library(self._resources))
        for kind in ("clusterRoleTemplateBinding", "projectRoleTemplateBinding"):
            for binding in self._resources.all(kind):
                if binding.spec.get("roleTemplateId") in names:
                    yield _cluster(binding.parent)

    def _by_policy(self, id: str) -> Iterable[str]:
        yield from (each.id for each in self._resources.all("cluster") if each.spec.get(CLUSTERS_POLICY) == id)
        chosen = [*self._resources.all("podSecurityPolicyTemplateProjectBinding")]
        yield from (_cluster(each.parent) for each in chosen if each.spec.get(POLICY) == id)

    def _all(self) -> Iterable[str]:
        return self._resources.ids("cluster")


def _family(id: str, known: Library) -> set[str]:
    found: set[str] = set()
    waiting = [id]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(known.heirs(name))
    return found


def _cluster(id: str) -> str:
    """A project's id begins with its cluster's."""
    return id.partition(":")[0]
