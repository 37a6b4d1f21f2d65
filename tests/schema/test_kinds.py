"""The declarations fit together."""

from __future__ import annotations

import re

import pytest

from chalicelib.schema.field import PLAIN, Field, read_only
from chalicelib.schema.kind import Kind
from chalicelib.schema.kinds import CONTEXTS, KINDS, MANAGEMENT, PUBLIC, STORED, dependents, find
from chalicelib.schema.kinds.clusters import CLUSTER
from chalicelib.schema.kinds.identity import TOKEN, USER
from chalicelib.schema.names import plural
from chalicelib.schema.version import Version

ALL = (*MANAGEMENT.schemas, *PUBLIC.schemas, *(kind for each in CONTEXTS.values() for kind in each.schemas))
IDS = {kind.id for kind in ALL}
each = pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.id)

WANTED = """
cluster clusterRegistrationToken node nodePool nodeTemplate nodeDriver kontainerDriver user group groupMember principal
token authConfig localConfig githubConfig oidcConfig azureADConfig activeDirectoryConfig openLdapConfig freeIpaConfig
pingConfig adfsConfig keyCloakConfig globalRole globalRoleBinding roleTemplate clusterRoleTemplateBinding
projectRoleTemplateBinding project podSecurityPolicyTemplate podSecurityPolicyTemplateProjectBinding
projectNetworkPolicy catalog clusterCatalog projectCatalog template templateVersion templateContent multiClusterApp
setting preference notifier clusterAlert projectAlert clusterAlertGroup clusterAlertRule projectAlertGroup
projectAlertRule clusterLogging projectLogging clusterEvent dynamicSchema listenConfig composeConfig
sourceCodeProvider sourceCodeProviderConfig sourceCodeCredential sourceCodeRepository pipeline pipelineExecution
pipelineSetting secret serviceAccountToken dockerCredential certificate basicAuth sshAuth
"""


def test_every_management_kind_is_declared() -> None:
    assert set(WANTED.split()) == {kind.id for kind in STORED}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.id)
def test_a_kind_is_found_by_id_and_plural_in_any_case(kind: Kind) -> None:
    for name in (kind.id, kind.plural):
        assert find(name) is find(name.upper()) is find(name.lower()) is kind


@pytest.mark.parametrize("name", ["", "nosuch", "clusterss", " cluster", "basicLogin"])
def test_what_is_no_kind_is_not_found(name: str) -> None:
    assert find(name) is None


@pytest.mark.parametrize("version", [MANAGEMENT, PUBLIC, *CONTEXTS.values()], ids=lambda version: version.path)
def test_names_are_unique(version: Version) -> None:
    names = [name.lower() for kind in version.kinds for name in {kind.id, kind.plural}]
    assert len(names) == len(set(names))


def test_one_id_is_one_kind() -> None:
    """A part that is declared twice would be shown as whichever is found first."""
    for kind in ALL:
        for part in kind.parts():
            assert next(other for other in ALL if other.id == part.id) is part, part.id


def elements(field: Field) -> Field:
    """The field that an array, or a map, holds at its bottom."""
    return elements(field.element) if field.element else field


@each
def test_types_are_known(kind: Kind) -> None:
    for name, field in kind.fields.items():
        bottom = elements(field)
        known = bottom.type in PLAIN | {"password", "base64", "json"} or bottom.reference in IDS
        assert known or (bottom.part is not None and bottom.part.id == bottom.type), name


@each
def test_defaults_and_options_fit(kind: Kind) -> None:
    for name, field in kind.fields.items():
        assert not field.options or field.default in (None, *field.options), name
        assert not field.required or (field.create and field.default is None), name


@each
def test_passwords_are_secret(kind: Kind) -> None:
    for name, field in kind.fields.items():
        assert field.secret or elements(field).type != "password", name


@each
def test_text_has_an_end(kind: Kind) -> None:
    for name, field in kind.fields.items():
        bottom = elements(field)
        if (field.create or field.update) and bottom.type in ("string", "password", "date", "hostname", "dnsLabel"):
            assert bottom.longest or bottom.options, name


@each
def test_a_parent_is_a_reference(kind: Kind) -> None:
    assert not kind.parent or kind.scope in ("cluster", "project", "user")


@each
def test_what_a_kind_names_is_declared(kind: Kind) -> None:
    assert set(kind.unique) <= kind.fields.keys()
    assert all(kind.fields[name].reference for name in kind.falls_with)
    for action in (*kind.actions.values(), *kind.collection_actions.values()):
        assert not isinstance(action.output, str) or action.output in {*IDS, "collection"}


@pytest.mark.parametrize(
    ("id", "prefix"),
    [
        *(("cluster", "c"), ("clusterRegistrationToken", "crt"), ("project", "p"), ("user", "u"), ("token", "token")),
        *(("clusterRoleTemplateBinding", "crtb"), ("projectRoleTemplateBinding", "prtb"), ("globalRole", "gr")),
        *(("globalRoleBinding", "grb"), ("roleTemplate", "rt"), ("nodeTemplate", "nt"), ("nodePool", "np")),
        ("node", "m"),
    ],
)
def test_prefixes(id: str, prefix: str) -> None:
    kind = find(id)
    assert kind is not None
    assert kind.prefix == prefix


@pytest.mark.parametrize(
    ("id", "many"),
    [
        *(("cluster", "clusters"), ("ingress", "ingresses"), ("storageClass", "storageClasses")),
        *(("projectNetworkPolicy", "projectNetworkPolicies"), ("sourceCodeRepository", "sourceCodeRepositories")),
        *(("gateway", "gateways"), ("alertmanagerEndpoints", "alertmanagerEndpointses")),
    ],
)
def test_plurals(id: str, many: str) -> None:
    assert plural(id) == many


def test_filters_are_plain_fields_and_the_id_of_named_kinds() -> None:
    assert {"id", "name", "description", "driver", "internal", "apiEndpoint", "state"} <= set(CLUSTER.filters)
    assert not {"password", "principalIds"} & set(USER.filters)
    assert "id" not in TOKEN.filters
    assert "clusterId" in TOKEN.filters


def test_read_only_is_neither_created_nor_updated() -> None:
    field = read_only("boolean", place="spec")
    assert (field.create, field.update, field.type, field.place) == (False, False, "boolean", "spec")


def test_a_reference_names_its_kind() -> None:
    assert TOKEN.fields["clusterId"].reference == "cluster"
    assert TOKEN.fields["ttl"].reference == ""
    assert all(re.fullmatch(r"[a-zA-Z]*", field.reference) for kind in ALL for field in kind.fields.values())


def test_what_goes_with_a_cluster() -> None:
    gone = {kind for kind, _ in dependents()["cluster"]}
    assert {"project", "node", "nodePool", "clusterRegistrationToken", "clusterRoleTemplateBinding", "token"} <= gone
    assert ("projectRoleTemplateBinding", "") in dependents()["project"]
    assert {("token", ""), ("preference", ""), ("clusterRoleTemplateBinding", "userId")} <= set(dependents()["user"])
