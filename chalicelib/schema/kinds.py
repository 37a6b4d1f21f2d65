"""The kinds that this server knows. More of Rancher's join by a declaration here; what is absent answers 404."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.schema.kind import Action, Field, Kind, read_only

NAME = Field(longest=253)
LONGEST_TTL = 10 * 365 * 24 * 3600 * 1000
"""Milliseconds that a token may live for at most; 0 lives for ever."""

DESCRIPTION = Field(longest=4096)

CLUSTER = Kind(
    id="cluster",
    plural="clusters",
    prefix="c",
    named=True,
    stateful=True,
    fields={
        "name": Field(type="dnsLabel", longest=63),
        "description": DESCRIPTION,
        "driver": read_only(),
        "internal": Field(type="boolean", create=False, update=False, default=False),
        "apiEndpoint": read_only(),
        "caCert": read_only(),
        "version": read_only("json"),
    },
    actions={"generateKubeconfig": Action(output="generateKubeConfigOutput")},
)

REGISTRATION_TOKEN = Kind(
    id="clusterRegistrationToken",
    plural="clusterRegistrationTokens",
    prefix="crt",
    scope="clusterId",
    stateful=True,
    fields={
        "clusterId": Field(type="reference[cluster]", update=False, required=True),
        "name": Field(type="dnsLabel", update=False, longest=63),
        "description": DESCRIPTION,
        "token": read_only(place="sealed"),
        "command": read_only(),
        "verifiedCommand": read_only(),
        "insecureCommand": read_only(),
        "manifestUrl": read_only(),
        "agentCommand": read_only(),
    },
)

USER = Kind(
    id="user",
    plural="users",
    prefix="u",
    named=True,
    fields={
        "username": Field(update=False, longest=256),
        "password": Field(type="password", update=False, secret=True, longest=1024),
        "name": NAME,
        "description": DESCRIPTION,
        "enabled": Field(type="boolean", default=True),
        "mustChangePassword": Field(type="boolean", default=False),
        "me": read_only("boolean"),
        "principalIds": read_only("array[string]", place="spec"),
    },
    actions={"setpassword": Action("setPasswordInput", "user")},
    collection_actions={"changepassword": Action("changePasswordInput")},
)

TOKEN = Kind(
    id="token",
    plural="tokens",
    prefix="token",
    scope="userId",
    fields={
        "name": read_only(),
        "description": Field(update=False, longest=4096),
        "ttl": Field(type="int", update=False, default=0, least=0, most=LONGEST_TTL),
        "clusterId": Field(type="reference[cluster]", update=False),
        "enabled": Field(type="boolean", create=False, update=False, default=True),
        "userId": Field(type="reference[user]", create=False, update=False),
        "authProvider": read_only(place="spec"),
        "isDerived": read_only("boolean", place="spec"),
        "current": read_only("boolean"),
        "expired": read_only("boolean"),
        "expiresAt": read_only(),
        "token": read_only(),
    },
    resource_methods=("GET", "DELETE"),
    collection_actions={"logout": Action()},
)

GLOBAL_ROLE_BINDING = Kind(
    id="globalRoleBinding",
    plural="globalRoleBindings",
    prefix="grb",
    scope="userId",
    fields={
        "name": Field(type="dnsLabel", update=False, longest=63),
        "userId": Field(type="reference[user]", update=False, required=True),
        "globalRoleId": Field(update=False, required=True, options=("admin", "user", "user-base")),
    },
)

SETTING = Kind(
    id="setting",
    plural="settings",
    fields={
        "name": Field(type="dnsLabel", update=False, required=True, longest=63),
        "value": Field(longest=256 * 1024),
        "default": read_only(),
        "customized": read_only("boolean"),
        "source": read_only(),
    },
    collection_methods=("GET",),
    resource_methods=("GET", "PUT"),
)

SET_PASSWORD = Kind(
    id="setPasswordInput",
    plural="setPasswordInputs",
    fields={"newPassword": Field(type="password", required=True, secret=True)},
    collection_methods=(),
    resource_methods=(),
)

CHANGE_PASSWORD = Kind(
    id="changePasswordInput",
    plural="changePasswordInputs",
    fields={
        "currentPassword": Field(type="password", required=True, secret=True),
        "newPassword": Field(type="password", required=True, secret=True),
    },
    collection_methods=(),
    resource_methods=(),
)

KUBECONFIG = Kind(
    id="generateKubeConfigOutput",
    plural="generateKubeConfigOutputs",
    fields={"config": read_only()},
    collection_methods=(),
    resource_methods=(),
)

KINDS: tuple[Kind, ...] = (
    CLUSTER,
    REGISTRATION_TOKEN,
    USER,
    TOKEN,
    GLOBAL_ROLE_BINDING,
    SETTING,
    SET_PASSWORD,
    CHANGE_PASSWORD,
    KUBECONFIG,
)

LOGIN = Kind(
    id="basicLogin",
    plural="basicLogins",
    fields={
        "username": Field(required=True, longest=256),
        "password": Field(type="password", required=True, secret=True, longest=1024),
        "description": DESCRIPTION,
        "responseType": Field(options=("json",), default="json"),
        "ttl": Field(type="int", default=0, least=0, most=LONGEST_TTL),
    },
    collection_methods=(),
    resource_methods=(),
)


def _index() -> Mapping[str, Kind]:
    index = {}
    for kind in KINDS:
        for name in (kind.id, kind.plural):
            index[name.lower()] = kind
    return index


_INDEX = _index()


def find(name: str) -> Kind | None:
    """Look a kind up by its id or plural, whatever the case, as the v3 API does."""
    return _INDEX.get(name.lower())
