"""Roles, bindings, projects and namespaces for tests of rights: short ways to make them, and random ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from chalicelib.auth.roles.access import Access
from chalicelib.auth.roles.bindings import Binding, Grants, Subject, index, read_all
from chalicelib.auth.roles.cluster import Place
from chalicelib.auth.roles.globals import GLOBAL_ROLES
from chalicelib.auth.roles.library import Library
from chalicelib.auth.roles.templates import ROLE_TEMPLATES
from chalicelib.types import Resource

CLUSTER = "c-1"
PROJECTS = ("c-1:p-1", "c-1:p-2")
USERS, GROUPS = ("u-1", "u-2"), ("team://red", "team://blue")
NAMESPACES = ("rights-a", "rights-b", "rights-c")


def role_template(id: str, *rules: Mapping[str, Any], context: str = "", **spec: Any) -> Resource:
    return Resource(kind="roleTemplate", id=id, spec={"context": context, "rules": list(rules), **spec})


def global_role(id: str, *rules: Mapping[str, Any]) -> Resource:
    return Resource(kind="globalRole", id=id, spec={"rules": list(rules)})


def rule(verbs: str, groups: str, resources: str, names: str = "") -> dict[str, Any]:
    """Write a rule in a line: words are separated by blanks, ``core`` is the group without a name."""
    spelled = ["" if group == "core" else group for group in groups.split()]
    made = {"verbs": verbs.split(), "apiGroups": spelled, "resources": resources.split()}
    return {**made, "resourceNames": names.split()} if names else made


def bind(role: str, scope: str = "", *, user: str = "", group: str = "", uid: str = "") -> Resource:
    """Bind a global role, or a template in a cluster or a project, whatever ``scope`` is."""
    subject = {"userId": user} if user else {"groupPrincipalId": group}
    uid = uid or f"uid-{role}-{scope.replace(':', '-')}-{user or group.replace('://', '-')}"
    if not scope:
        return Resource(kind="globalRoleBinding", id=uid, uid=uid, spec={"globalRoleId": role, **subject})
    kind, field = (
        ("projectRoleTemplateBinding", "projectId") if ":" in scope else ("clusterRoleTemplateBinding", "clusterId")
    )
    return Resource(kind=kind, id=uid, uid=uid, spec={"roleTemplateId": role, field: scope, **subject})


def library(*templates: Resource, roles: Iterable[Resource] = ()) -> Library:
    """The shipped roles and these."""
    return Library((*GLOBAL_ROLES, *roles), (*ROLE_TEMPLATES, *templates))


def access(bindings: Iterable[Resource], roles: Library, user: str = "u-1", groups: Sequence[str] = ()) -> Access:
    """A caller's rights, by the way that a request's take: one ``Grants`` a subject."""
    found = index(read_all(bindings))
    subjects = [Subject("User", user), *(Subject("Group", group) for group in groups)]
    return Access(user, [found.get(subject, Grants()) for subject in subjects], roles)


@dataclass(frozen=True)
class World:
    """All that rights in one cluster follow from."""

    templates: tuple[Resource, ...]
    bindings: tuple[Resource, ...]
    namespaces: Mapping[str, str]

    @property
    def library(self) -> Library:
        return library(*self.templates)

    @property
    def read(self) -> tuple[Binding, ...]:
        return read_all(self.bindings)

    @property
    def place(self) -> Place:
        return Place(CLUSTER, frozenset(PROJECTS), self.namespaces)


NOTHING = World((), (), {})

_VERBS = ("get", "list", "create", "delete", "*")
_GROUPS = ("core", "apps", "storage.k8s.io", "*")
_RESOURCES = (
    "pods",
    "pods/log",
    "*/log",
    "secrets",
    "deployments",
    "namespaces",
    "persistentvolumes",
    "storageclasses",
    "*",
)
_CUSTOM = ("rt-aaaaa", "rt-bbbbb", "rt-ccccc")
_SHIPPED = tuple(role.id for role in ROLE_TEMPLATES)


def _some(values: Sequence[str], most: int = 2) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=most, unique=True).map(" ".join)


_RULES = st.one_of(
    st.builds(rule, _some(_VERBS), _some(_GROUPS), _some(_RESOURCES), st.sampled_from(("", "", "one", "one two"))),
    st.sampled_from(
        [{"verbs": ["get"], "nonResourceURLs": ["/metrics", "/logs/*"]}, {"verbs": ["*"], "nonResourceURLs": ["*"]}]
    ),
)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    templates = []
    for id in _CUSTOM:
        parents = draw(st.lists(st.sampled_from((*_CUSTOM, *_SHIPPED)), max_size=2, unique=True))
        rules = draw(st.lists(_RULES, max_size=3))
        context = draw(st.sampled_from(("", "", "cluster", "project")))
        templates.append(role_template(id, *rules, context=context, roleTemplateIds=parents))
    scopes = st.sampled_from((CLUSTER, *PROJECTS, *PROJECTS, "c-2", "c-2:p-9"))
    names = st.sampled_from((*_CUSTOM, *_CUSTOM, *_SHIPPED, "rt-gone"))
    bindings = []
    for number in range(draw(st.integers(1, 6))):
        user, group = draw(st.sampled_from([*((user, "") for user in USERS), *(("", group) for group in GROUPS)]))
        uid = f"uid-{number}"
        if draw(st.integers(0, 9)):
            bindings.append(bind(draw(names), draw(scopes), user=user, group=group, uid=uid))
        else:
            bindings.append(bind(draw(st.sampled_from(("admin", "user"))), user=user, group=group, uid=uid))
    places = {name: draw(st.sampled_from(("", *PROJECTS))) for name in NAMESPACES}
    return World(tuple(templates), tuple(bindings), {name: project for name, project in places.items() if project})
