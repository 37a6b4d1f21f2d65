"""Every kind with its behaviour: the plain one, or the one that is listed here. ``main.py`` calls this once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.api.alerts import Alerts
from chalicelib.api.behaviour import Behaviour, Services
from chalicelib.api.bindings import GlobalRoleBindings, RoleBindings
from chalicelib.api.clusters import Clusters
from chalicelib.api.drivers import Drivers
from chalicelib.api.groups import GroupMembers, Groups
from chalicelib.api.inside import inside
from chalicelib.api.keys import Keys
from chalicelib.api.personal import Preferences
from chalicelib.api.policies import PolicyTemplates
from chalicelib.api.principals import Principals
from chalicelib.api.projects import Projects
from chalicelib.api.providers import Providers, provider
from chalicelib.api.registrations import Registrations
from chalicelib.api.registry import Registry
from chalicelib.api.roles import GlobalRoles, RoleTemplates
from chalicelib.api.secrets import project_wide
from chalicelib.api.settings import Settings
from chalicelib.api.subjects import Subjects
from chalicelib.api.templates import NodeTemplates
from chalicelib.api.tokens import Tokens
from chalicelib.api.users import Users
from chalicelib.auth.login import Login
from chalicelib.auth.passwords import Passwords
from chalicelib.clusters.client import ClusterClient
from chalicelib.schema.kinds import STORED
from chalicelib.schema.kinds.providers import CONFIGS
from chalicelib.types import Seal

if TYPE_CHECKING:
    from chalicelib.auth.providers.identities import Identities

OWN = {
    "clusterAlert": Alerts,
    "projectAlert": Alerts,
    "clusterAlertRule": Alerts,
    "projectAlertRule": Alerts,
    "nodeDriver": Drivers,
    "kontainerDriver": Drivers,
    "nodeTemplate": NodeTemplates,
    "group": Groups,
    "globalRole": GlobalRoles,
    "globalRoleBinding": GlobalRoleBindings,
    "podSecurityPolicyTemplate": PolicyTemplates,
    "roleTemplate": RoleTemplates,
    "preference": Preferences,
}
"""Behaviours that need nothing but what every one has."""


class Assembled(NamedTuple):
    registry: Registry
    settings: Settings
    registrations: Registrations
    keys: Keys


def assemble(
    services: Services,
    login: Login,
    passwords: Passwords,
    seal: Seal,
    identities: Callable[[], Identities],
    started_with: Mapping[str, str],
    environment: Mapping[str, str],
    client: Callable[[], ClusterClient],
) -> Assembled:
    kinds = {kind.id: kind for kind in STORED}
    settings = Settings(kinds["setting"], services, started_with, environment)
    registrations = Registrations(kinds["clusterRegistrationToken"], services, seal, settings)
    keys = Keys(services.resources, login, settings, services.clock)
    providers = {name: provider(kind, services, name, identities) for name, kind in CONFIGS.items()}
    behaviours: dict[str, Behaviour] = {id: OWN.get(id, Behaviour)(kind, services) for id, kind in kinds.items()}
    behaviours |= {each.kind.id: each for each in providers.values()}
    subjects = Subjects(services.resources, identities)
    own: list[Behaviour] = [
        Clusters(kinds["cluster"], services, keys, settings),
        GroupMembers(kinds["groupMember"], services, subjects),
        RoleBindings(kinds["clusterRoleTemplateBinding"], services, subjects),
        RoleBindings(kinds["projectRoleTemplateBinding"], services, subjects),
        Projects(kinds["project"], services, client),
        Providers(kinds["authConfig"], services, providers),
        Tokens(kinds["token"], services, keys),
        Principals(kinds["principal"], services, identities),
        Users(kinds["user"], services, passwords, login, settings, identities),
        registrations,
        settings,
    ]
    behaviours |= {behaviour.kind.id: behaviour for behaviour in own}
    behaviours |= project_wide(services, seal)
    behaviours |= inside(services, client)
    return Assembled(Registry(behaviours), settings, registrations, keys)
