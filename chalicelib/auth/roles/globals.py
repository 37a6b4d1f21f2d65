"""The global roles that Lariat ships, Rancher 2.1's: what they allow in Lariat's own API, in every cluster and project."""

from __future__ import annotations

from chalicelib.auth.roles.rule import READ, Rule
from chalicelib.auth.roles.shipped import EVERYTHING, MANAGEMENT, create, global_role, manage, view
from chalicelib.types import Resource

GLOBAL_ROLES: tuple[Resource, ...] = (
    global_role("admin", "Admin", *EVERYTHING),
    global_role(
        "user",
        "User",
        view(
            MANAGEMENT,
            "principals",
            "roletemplates",
            "settings",
            "templates",
            "templateversions",
            "nodedrivers",
            "podsecuritypolicytemplates",
        ),
        manage(MANAGEMENT, "preferences", "nodetemplates", "sourcecodecredentials", "sourcecoderepositories"),
        create(MANAGEMENT, "clusters"),
        new_user=True,
    ),
    global_role("user-base", "User Base", manage(MANAGEMENT, "preferences"), view(MANAGEMENT, "settings")),
    global_role(
        "clusters-create",
        "Create Clusters",
        create(MANAGEMENT, "clusters"),
        view(MANAGEMENT, "templates", "templateversions", "nodedrivers", "podsecuritypolicytemplates"),
        manage(MANAGEMENT, "nodetemplates"),
    ),
    global_role("nodedrivers-manage", "Manage Node Drivers", manage(MANAGEMENT, "nodedrivers")),
    global_role("catalogs-manage", "Manage Catalogs", manage(MANAGEMENT, "catalogs", "templates", "templateversions")),
    global_role("catalogs-use", "Use Catalog Templates", view(MANAGEMENT, "templates", "templateversions")),
    global_role(
        "users-manage",
        "Manage Users",
        manage(MANAGEMENT, "users", "globalrolebindings"),
        view(MANAGEMENT, "globalroles"),
    ),
    global_role("roles-manage", "Manage Roles", manage(MANAGEMENT, "roletemplates")),
    global_role("authn-manage", "Manage Authentication", Rule((*READ, "update"), (MANAGEMENT,), ("authconfigs",))),
    global_role("settings-manage", "Manage Settings", manage(MANAGEMENT, "settings")),
    global_role(
        "podsecuritypolicytemplates-manage",
        "Manage PodSecurityPolicy Templates",
        manage(MANAGEMENT, "podsecuritypolicytemplates"),
    ),
)
