"""Who may do what in a cluster, as its own RBAC objects: ClusterRoles, ClusterRoleBindings and RoleBindings.

From bindings, roles, projects and namespaces to the objects, compared with those that are there; one pass whatever
changed. Names, labels and annotations are Rancher's as far as its clients look for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from chalicelib.auth.roles.bindings import USER, Binding
from chalicelib.auth.roles.cluster import Holding, Place, Rights, rights
from chalicelib.auth.roles.library import Library
from chalicelib.auth.roles.rule import Rule
from chalicelib.controllers.objects import OWNER as OWNER_LABEL
from chalicelib.controllers.objects import Document, Plan, compare, is_ours, metadata, short

OWNER = "rights"
API = "rbac.authorization.k8s.io/v1"
RBAC = "rbac.authorization.k8s.io"

BINDING_OWNER = "authz.cluster.cattle.io/rtb-owner"
ROLE_OWNER = "authz.cluster.cattle.io/clusterrole-owner"
PROJECT_ROLE = "authz.cluster.auth.io/project-namespaces"

_PLAIN = re.compile(r"[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?")

KINDS = ("ClusterRole", "ClusterRoleBinding", "RoleBinding")
"""What has to be observed. ClusterRoles all of them: a name that is taken is no role of ours."""


def plan(bindings: Iterable[Binding], library: Library, place: Place, observed: Sequence[Document]) -> Plan:
    """``place`` with no projects and no bindings is a cluster that leaves: everything goes."""
    wanted = rights(bindings, library, place)
    foreign = [name for name in own_roles(observed) if name in wanted.roles]
    made = compare(OWNER, documents(wanted.without(foreign)), observed)
    return replace(made, refused=tuple(f"ClusterRole {name} is there already and not Lariat's" for name in foreign))


def adopted(observed: Sequence[Document], users: Sequence[str]) -> list[Document]:
    """Take what an older Lariat made without a label, for these users, as ours; nobody else's namesake."""
    old = {f"globaladmin-{user}": user for user in users}
    return [_labelled(each) if _is_old(each, old) else each for each in observed]


def _is_old(document: Document, users: Mapping[str, str]) -> bool:
    user = users.get(document["metadata"]["name"])
    subjects = [(each.get("kind"), each.get("name")) for each in document.get("subjects") or ()]
    return document["kind"] == "ClusterRoleBinding" and user is not None and subjects == [(USER, user)]


def _labelled(document: Document) -> Document:
    """As it would be if it were labelled; the labels that it has are left out, so that it is written anew."""
    return {**document, "metadata": {**document["metadata"], "labels": {OWNER_LABEL: OWNER}}}


def own_roles(observed: Iterable[Document]) -> dict[str, Document]:
    """The cluster's own ClusterRoles by name: those that Lariat did not make."""
    return {
        document["metadata"]["name"]: document
        for document in observed
        if document["kind"] == "ClusterRole" and not is_ours(OWNER, document)
    }


def documents(rights: Rights) -> list[Document]:
    """The objects, roles first."""
    roles = [_role(name, rules) for name, rules in rights.roles.items()]
    return [*roles, *map(_binding, rights.holdings)]


def _role(name: str, rules: Sequence[Rule]) -> Document:
    about = PROJECT_ROLE if name.endswith(("-namespaces-edit", "-namespaces-readonly")) else ROLE_OWNER
    return {
        "apiVersion": API,
        "kind": "ClusterRole",
        "metadata": metadata(OWNER, name, annotations={about: name}),
        "rules": [rule.document() for rule in rules],
    }


def _binding(holding: Holding) -> Document:
    labels = {BINDING_OWNER: holding.owner} if holding.owner else {}
    if holding.owner and not holding.namespace:
        labels[holding.owner] = "owner-user"
    return {
        "apiVersion": API,
        "kind": "RoleBinding" if holding.namespace else "ClusterRoleBinding",
        "metadata": metadata(OWNER, _name(holding), holding.namespace, labels),
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": holding.role},
        "subjects": [{"apiGroup": RBAC, "kind": holding.subject.kind, "name": holding.subject.name}],
    }


def _name(holding: Holding) -> str:
    if not holding.owner and holding.subject.kind == USER and _PLAIN.fullmatch(holding.subject.name):
        return f"globaladmin-{holding.subject.name}"
    kind = "clusterrolebinding" if holding.owner else "globaladmin"
    return f"{kind}-{short(holding.owner, holding.namespace, holding.role, *holding.subject)}"
