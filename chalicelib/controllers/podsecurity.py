"""What pods may do to their nodes: a template of the cluster, or of a project, for the namespaces of projects.

Where a cluster serves PodSecurityPolicies, the template becomes one, and the service accounts of a namespace may ``use``
it. Where it no longer does (Kubernetes 1.25), namespaces are labelled with the Pod Security level that the template
amounts to. A template that is named and is not there means the strictest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from chalicelib.auth.roles.cluster import Place
from chalicelib.controllers.objects import Document, Patch, Plan, Ref, compare, merged, metadata
from chalicelib.types import Resource

OWNER = "podsecurity"
KINDS = ("PodSecurityPolicy", "ClusterRole", "RoleBinding")
ENFORCE = "pod-security.kubernetes.io/enforce"
BY_US = "lariat.io/pod-security"
"""An annotation that says which level Lariat put on a namespace, so that it takes back none that others put there."""

PRIVILEGED, BASELINE, RESTRICTED = "privileged", "baseline", "restricted"
POLICY_API = "policy/v1beta1"
RBAC_API, RBAC = "rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io"

_HOST = ("privileged", "hostNetwork", "hostPID", "hostIPC")
_LISTS = ("allowedCapabilities", "hostPorts", "allowedUnsafeSysctls", "allowedHostPaths")
_SAFE_VOLUMES = (
    "configMap",
    "emptyDir",
    "projected",
    "secret",
    "downwardAPI",
    "persistentVolumeClaim",
    "csi",
    "ephemeral",
)
_ANY = {"rule": "RunAsAny"}
_SPEC = frozenset(
    (
        *_HOST,
        *_LISTS,
        "volumes",
        "requiredDropCapabilities",
        "defaultAddCapabilities",
        "seLinux",
        "runAsUser",
        "runAsGroup",
        "supplementalGroups",
        "fsGroup",
        "readOnlyRootFilesystem",
        "defaultAllowPrivilegeEscalation",
        "allowPrivilegeEscalation",
        "allowedFlexVolumes",
        "allowedCSIDrivers",
        "forbiddenSysctls",
        "allowedProcMountTypes",
        "runtimeClass",
    )
)

STRICT = Resource(
    kind="podSecurityPolicyTemplate",
    id="restricted",
    spec={
        "name": "restricted",
        "allowPrivilegeEscalation": False,
        "requiredDropCapabilities": ["ALL"],
        "volumes": ["configMap", "emptyDir", "projected", "secret", "downwardAPI", "persistentVolumeClaim"],
        "runAsUser": {"rule": "MustRunAsNonRoot"},
        "seLinux": _ANY,
        "supplementalGroups": {"rule": "MustRunAs", "ranges": [{"min": 1, "max": 65535}]},
        "fsGroup": {"rule": "MustRunAs", "ranges": [{"min": 1, "max": 65535}]},
    },
)
OPEN = Resource(
    kind="podSecurityPolicyTemplate",
    id="unrestricted",
    spec={
        "name": "unrestricted",
        "privileged": True,
        "allowPrivilegeEscalation": True,
        "allowedCapabilities": ["*"],
        "hostNetwork": True,
        "hostPID": True,
        "hostIPC": True,
        "hostPorts": [{"min": 0, "max": 65535}],
        "volumes": ["*"],
        **dict.fromkeys(("runAsUser", "seLinux", "supplementalGroups", "fsGroup"), _ANY),
    },
)
SHIPPED = (STRICT, OPEN)


def plan(
    chosen: Mapping[str, Resource],
    place: Place,
    policies: bool,
    observed: Iterable[Document],
    namespaces: Sequence[Document],
) -> Plan:
    """``chosen`` is project → template, where one applies; ``policies`` says that the cluster serves them."""
    by_namespace = {
        namespace: chosen[project]
        for namespace, project in sorted((place.namespaces or {}).items())
        if project in chosen
    }
    wanted = _objects(by_namespace) if policies else []
    levels = {} if policies else {name: level(template) for name, template in by_namespace.items()}
    return merged([compare(OWNER, wanted, observed), Plan(patch=tuple(_labels(levels, namespaces)))])


def choose(cluster: Resource, projects: Iterable[Resource], templates: Mapping[str, Resource]) -> dict[str, Resource]:
    """A project's own template goes before the cluster's; without either, nothing is prescribed."""
    default = cluster.spec.get("defaultPodSecurityPolicyTemplateId")
    names = {project.id: project.spec.get("podSecurityPolicyTemplateId") or default for project in projects}
    return {project: templates.get(str(name), STRICT) for project, name in names.items() if name}


def level(template: Resource) -> str:
    """The Pod Security level whose pods a template lets pass, the stricter one in doubt."""
    spec = template.spec
    volumes = spec.get("volumes") or []
    if any(spec.get(field) for field in (*_HOST, *_LISTS)) or not set(volumes) <= set(_SAFE_VOLUMES):
        return PRIVILEGED
    root = (spec.get("runAsUser") or {}).get("rule") == "RunAsAny"
    return BASELINE if root or spec.get("allowPrivilegeEscalation") is True else RESTRICTED


def _objects(by_namespace: Mapping[str, Resource]) -> list[Document]:
    templates = {template.id: template for template in by_namespace.values()}
    made = [document for _, template in sorted(templates.items()) for document in (_policy(template), _role(template))]
    return [*made, *(_binding(namespace, template) for namespace, template in by_namespace.items())]


def _policy(template: Resource) -> Document:
    """A missing field takes the stricter meaning; the four that Kubernetes requires are always there."""
    given = {name: value for name, value in template.spec.items() if name in _SPEC and value is not None}
    required = {"seLinux": _ANY, "supplementalGroups": _ANY, "fsGroup": _ANY, "runAsUser": {"rule": "MustRunAsNonRoot"}}
    escalation = {"allowPrivilegeEscalation": given.get("privileged") is True}
    return {
        "apiVersion": POLICY_API,
        "kind": "PodSecurityPolicy",
        "metadata": metadata(OWNER, f"{template.id}-psp"),
        "spec": {**required, **escalation, **given},
    }


def _role(template: Resource) -> Document:
    use = {
        "apiGroups": ["policy"],
        "resources": ["podsecuritypolicies"],
        "resourceNames": [f"{template.id}-psp"],
        "verbs": ["use"],
    }
    return {
        "apiVersion": RBAC_API,
        "kind": "ClusterRole",
        "metadata": metadata(OWNER, f"{template.id}-clusterrole"),
        "rules": [use],
    }


def _binding(namespace: str, template: Resource) -> Document:
    return {
        "apiVersion": RBAC_API,
        "kind": "RoleBinding",
        "metadata": metadata(OWNER, f"{template.id}-psp", namespace),
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": f"{template.id}-clusterrole"},
        "subjects": [{"apiGroup": RBAC, "kind": "Group", "name": f"system:serviceaccounts:{namespace}"}],
    }


def _labels(levels: Mapping[str, str], namespaces: Sequence[Document]) -> Iterator[Patch]:
    for namespace in namespaces:
        metadata = namespace["metadata"]
        wanted = levels.get(metadata["name"])
        ours = (metadata.get("annotations") or {}).get(BY_US)
        label = (metadata.get("labels") or {}).get(ENFORCE)
        if (wanted or ours) and (ours, label) != (wanted, wanted) and not metadata.get("deletionTimestamp"):
            said = {"labels": {ENFORCE: wanted}, "annotations": {BY_US: wanted}}
            yield Patch(Ref("v1", "Namespace", "", metadata["name"]), {"metadata": said})
