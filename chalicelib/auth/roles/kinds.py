"""Where each resource of Lariat's own API lives, and so whose rules reach it: one line a kind.

The API asks ``target`` with a schema's id. A resource that is not listed is global: only a global role reaches it.
"""

from __future__ import annotations

from typing import NamedTuple

from chalicelib.auth.roles.shipped import CORE, MANAGEMENT, PROJECT

GLOBAL, CLUSTER, IN_PROJECT, OWN = "global", "cluster", "project", "own"
"""``own`` ones are their user's alone, whatever roles say."""


class Target(NamedTuple):
    """What rules call a kind."""

    group: str
    resource: str


_PLACES: dict[tuple[str, str], tuple[str, ...]] = {
    (MANAGEMENT, CLUSTER): (
        "clusterregistrationtokens",
        "clusterroletemplatebindings",
        "projects",
        "nodes",
        "nodepools",
        "notifiers",
        "clusterloggings",
        "clusteralerts",
        "clusterevents",
        "podsecuritypolicytemplateprojectbindings",
        "clusteralertrules",
        "clusteralertgroups",
        "clustercatalogs",
        "clustermonitorgraphs",
        "clusterscans",
        "etcdbackups",
    ),
    (MANAGEMENT, IN_PROJECT): (
        "projectroletemplatebindings",
        "projectloggings",
        "projectalerts",
        "projectnetworkpolicies",
        "projectalertrules",
        "projectalertgroups",
        "projectcatalogs",
        "projectmonitorgraphs",
    ),
    (PROJECT, IN_PROJECT): (
        "apps",
        "apprevisions",
        "pipelines",
        "pipelineexecutions",
        "pipelinesettings",
        "sourcecodeproviders",
        "sourcecodeproviderconfigs",
    ),
    (CORE, IN_PROJECT): ("namespaces", "secrets"),
    (MANAGEMENT, OWN): ("preferences", "tokens", "nodetemplates", "sourcecodecredentials", "sourcecoderepositories"),
}

_LEVELS = {Target(group, resource): level for (group, level), resources in _PLACES.items() for resource in resources}

SHARED = frozenset(Target(MANAGEMENT, resource) for resource in ("clusterevents", "clustercatalogs", "notifiers"))
"""Of a cluster's resources, what a project's roles may let its members read."""

_SECRETS = ("secret", "certificate", "dockercredential", "basicauth", "sshauth", "serviceaccounttoken")
_PROVIDERS = (
    "localconfig",
    "githubconfig",
    "oidcconfig",
    "azureadconfig",
    "activedirectoryconfig",
    "openldapconfig",
    "freeipaconfig",
    "pingconfig",
    "adfsconfig",
    "keycloakconfig",
)
"""Sorts of authConfigs: roles know no more than those."""

_GROUPS = {resource: group for (group, _), resources in _PLACES.items() for resource in resources}


def level(target: Target) -> str:
    return _LEVELS.get(target, GLOBAL)


def target(kind: str) -> Target:
    """What rules call a kind of the v3 API (``projectRoleTemplateBinding``)."""
    name = kind.lower()
    if name in _SECRETS:
        return Target(CORE, "secrets")
    if name in _PROVIDERS:
        return Target(MANAGEMENT, "authconfigs")
    plural = _plural(name)
    return Target(_GROUPS.get(plural, MANAGEMENT), plural)


def _plural(name: str) -> str:
    if name.endswith(("s", "x", "ch", "sh")):
        return name + "es"
    if name.endswith("y") and name[-2:-1] not in "aeiou":
        return name[:-1] + "ies"
    return name + "s"
