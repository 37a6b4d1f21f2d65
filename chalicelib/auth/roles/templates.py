"""The role templates that Lariat ships, Rancher 2.1's: what members of a cluster or a project may do.

One rule is Lariat's own: a project's owner may ``bind`` the project roles below. Several of them name resources of any
group (``*``), which nobody holds who has less than everything, so the check against escalation would refuse them.
"""

from __future__ import annotations

from chalicelib.auth.roles.rule import ALL, Rule
from chalicelib.auth.roles.shipped import CORE, EVERYTHING, MANAGEMENT, PROJECT, create, manage, template, view
from chalicelib.types import Resource

_VOLUMES = ("persistentvolumes", "storageclasses")
_CLAIMS = "persistentvolumeclaims"
_WORKLOADS = (
    "pods",
    "pods/attach",
    "pods/exec",
    "pods/portforward",
    "pods/proxy",
    "replicationcontrollers",
    "replicationcontrollers/scale",
    "daemonsets",
    "deployments",
    "deployments/rollback",
    "deployments/scale",
    "replicasets",
    "replicasets/scale",
    "statefulsets",
    "cronjobs",
    "jobs",
    "horizontalpodautoscalers",
)
_BESIDES_WORKLOADS = (
    "limitranges",
    "pods/log",
    "pods/status",
    "replicationcontrollers/status",
    "resourcequotas",
    "resourcequotas/status",
    "bindings",
)


def _manage_and_view(kind: str, title: str, group: str, *resources: str, context: str = "project") -> list[Resource]:
    return [
        template(f"{kind}-manage", f"Manage {title}", context, [manage(group, *resources)]),
        template(f"{kind}-view", f"View {title}", context, [view(group, *resources)]),
    ]


_CLUSTER = (
    template("cluster-admin", "Kubernetes cluster-admin", "cluster", external=True),
    template("cluster-owner", "Cluster Owner", "cluster", EVERYTHING, creator=True),
    template(
        "cluster-member",
        "Cluster Member",
        "cluster",
        [
            view(
                MANAGEMENT,
                "clusterroletemplatebindings",
                "nodes",
                "nodepools",
                "clusterevents",
                "clusterloggings",
                "clusteralerts",
                "notifiers",
            ),
            create(MANAGEMENT, "projects"),
            view(ALL, "nodes", *_VOLUMES),
        ],
    ),
    template("projects-create", "Create Projects", "cluster", [create(MANAGEMENT, "projects")]),
    template(
        "projects-view",
        "View All Projects",
        "cluster",
        [
            view(MANAGEMENT, "projects", "projectroletemplatebindings", "clusterevents"),
            view(PROJECT, "apps"),
            view(CORE, "namespaces"),
            view(ALL, *_VOLUMES, _CLAIMS),
        ],
        inherits=["view"],
    ),
    template(
        "nodes-manage", "Manage Nodes", "cluster", [manage(MANAGEMENT, "nodes", "nodepools"), manage(ALL, "nodes")]
    ),
    template("nodes-view", "View Nodes", "cluster", [view(MANAGEMENT, "nodes", "nodepools"), view(ALL, "nodes")]),
    template("storage-manage", "Manage Storage", "cluster", [manage(ALL, *_VOLUMES, _CLAIMS)]),
    *_manage_and_view(
        "clusterroletemplatebindings",
        "Cluster Members",
        MANAGEMENT,
        "clusterroletemplatebindings",
        context="cluster",
    ),
)

_LESSER = (
    template("admin", "Kubernetes admin", "project", external=True),
    template("edit", "Kubernetes edit", "project", external=True),
    template("view", "Kubernetes view", "project", external=True),
    template(
        "project-member",
        "Project Member",
        "project",
        [
            view(MANAGEMENT, "projectroletemplatebindings", "clusterevents", "notifiers", "projectloggings"),
            manage(PROJECT, "apps", "pipelines", "pipelineexecutions"),
            create(CORE, "namespaces"),
            view(ALL, *_VOLUMES),
            manage(ALL, _CLAIMS),
            manage(MANAGEMENT, "projectalerts"),
        ],
        inherits=["edit"],
    ),
    template(
        "read-only",
        "Read-only",
        "project",
        [
            view(
                MANAGEMENT,
                "projectroletemplatebindings",
                "clusterevents",
                "notifiers",
                "projectalerts",
                "projectloggings",
            ),
            view(PROJECT, "apps", "pipelines", "pipelineexecutions"),
            view(ALL, *_VOLUMES, _CLAIMS),
        ],
        inherits=["view"],
    ),
    template("create-ns", "Create Namespaces", "project", [create(CORE, "namespaces")]),
    template(
        "workloads-manage",
        "Manage Workloads",
        "project",
        [manage(ALL, *_WORKLOADS), view(ALL, *_BESIDES_WORKLOADS), manage(PROJECT, "apps")],
    ),
    template(
        "workloads-view",
        "View Workloads",
        "project",
        [view(ALL, *_WORKLOADS, *_BESIDES_WORKLOADS), view(PROJECT, "apps")],
    ),
    *_manage_and_view("ingress", "Ingress", ALL, "ingresses"),
    *_manage_and_view("services", "Services", ALL, "services", "endpoints"),
    *_manage_and_view("secrets", "Secrets", ALL, "secrets"),
    *_manage_and_view("configmaps", "Config Maps", ALL, "configmaps"),
    template(
        "persistentvolumeclaims-manage", "Manage Volumes", "project", [view(ALL, *_VOLUMES), manage(ALL, _CLAIMS)]
    ),
    template("persistentvolumeclaims-view", "View Volumes", "project", [view(ALL, *_VOLUMES, _CLAIMS)]),
    *_manage_and_view("serviceaccounts", "Service Accounts", ALL, "serviceaccounts"),
    *_manage_and_view("projectroletemplatebindings", "Project Members", MANAGEMENT, "projectroletemplatebindings"),
)

_OWNER = template(
    "project-owner",
    "Project Owner",
    "project",
    [
        manage(MANAGEMENT, "projectroletemplatebindings", "projectalerts", "projectloggings"),
        manage(PROJECT, "apps", "pipelines", "pipelineexecutions", "pipelinesettings", "sourcecodeproviderconfigs"),
        create(CORE, "namespaces"),
        view(ALL, *_VOLUMES),
        manage(ALL, _CLAIMS),
        view(MANAGEMENT, "clusterevents", "notifiers"),
        Rule(("bind",), (MANAGEMENT,), ("roletemplates",), tuple(lesser.id for lesser in _LESSER)),
    ],
    inherits=["admin"],
    creator=True,
)

ROLE_TEMPLATES: tuple[Resource, ...] = (*_CLUSTER, _OWNER, *_LESSER)
