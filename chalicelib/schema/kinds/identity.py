"""Users, their tokens and preferences, groups and principals, and what logs in."""

from __future__ import annotations

from chalicelib.schema.field import (
    DESCRIPTION,
    NAME,
    Field,
    enum,
    flag,
    label,
    number,
    read_only,
    ref,
    secret,
    text,
)
from chalicelib.schema.kind import Action, Kind, part
from chalicelib.types import Resource

LONGEST_TTL = 10 * 365 * 24 * 3600 * 1000
"""Milliseconds that a token may live for at most; 0 lives for ever."""

SET_PASSWORD = part("setPasswordInput", newPassword=secret(required=True))
CHANGE_PASSWORD = part("changePasswordInput", currentPassword=secret(required=True), newPassword=secret(required=True))
SEARCH = part("searchPrincipalsInput", name=text(required=True), principalType=enum("user", "group"))

USER = Kind(
    id="user",
    named=True,
    stateful=True,
    fields={
        "username": text(256, update=False),
        "password": secret(1024, update=False),
        "name": NAME,
        "description": DESCRIPTION,
        "enabled": flag(True),
        "mustChangePassword": flag(False),
        "me": read_only("boolean"),
        "principalIds": read_only("array[string]", place="spec"),
    },
    actions={"setpassword": Action(SET_PASSWORD, "user"), "refreshauthprovideraccess": Action()},
    collection_actions={"changepassword": Action(CHANGE_PASSWORD), "refreshauthprovideraccess": Action()},
)


def _is_derived(token: Resource) -> bool:
    """A session ends with its time: who wants another logs in."""
    return token.spec.get("isDerived") is True


TOKEN = Kind(
    id="token",
    prefix="token",
    parent="userId",
    falls_with=("clusterId",),
    fields={
        "name": read_only(),
        "description": text(4096, update=False),
        "ttl": number(0, 0, LONGEST_TTL, update=False),
        "clusterId": ref("cluster", update=False),
        "enabled": flag(True, create=False, update=False),
        "userId": ref("user", create=False, update=False),
        "authProvider": read_only(place="spec"),
        "isDerived": read_only("boolean", place="spec"),
        "current": read_only("boolean"),
        "expired": read_only("boolean"),
        "expiresAt": read_only(),
        "lastUpdateTime": read_only(),
        "lastUsedAt": read_only("date"),
        "token": read_only(),
        "userPrincipal": read_only(place="spec"),
        "groupPrincipals": read_only("array[string]", place="spec"),
    },
    resource_methods=("GET", "DELETE"),
    actions={"rotate": Action(output="token", when=_is_derived)},
    collection_actions={"logout": Action()},
)

PREFERENCE = Kind(
    id="preference",
    parent="userId",
    fields={
        "userId": ref("user", create=False, update=False),
        "name": text(253, update=False, required=True, valid="A-Za-z0-9._-"),
        "value": text(64 * 1024, required=True, nullable=False),
    },
)

GROUP = Kind(id="group", named=True, fields={"name": NAME, "description": DESCRIPTION})

GROUP_MEMBER = Kind(
    id="groupMember",
    falls_with=("groupId", "userId"),
    fields={
        "name": label(update=False),
        "groupId": ref("group", update=False, required=True),
        "principalId": ref("principal", update=False, required=True),
        # The user that the principal is, if it is one's; a provider's group can be a member, too.
        "userId": ref("user", create=False, update=False),
    },
)

PRINCIPAL = Kind(
    id="principal",
    collection_methods=("GET",),
    resource_methods=("GET",),
    fields={
        "name": read_only(),
        "loginName": read_only(),
        "principalType": read_only("enum", options=("user", "group")),
        "provider": read_only(),
        "me": read_only("boolean"),
        "memberOf": read_only("boolean"),
        "profilePicture": read_only(),
        "profileURL": read_only(),
    },
    collection_actions={"search": Action(SEARCH, "collection")},
)

_SESSION = {
    "description": DESCRIPTION,
    # ``json``, ``cookie``, ``kubeconfig`` or ``kubeconfig_<cluster>``
    "responseType": text(64, default="json"),
    "ttl": number(0, 0, LONGEST_TTL),
}
LOGIN = part("basicLogin", username=text(256, required=True), password=secret(1024, required=True), **_SESSION)
REDIRECTED = part("redirectedLogin", code=text(4096, required=True), state=text(4096, required=True), **_SESSION)
"""What a browser brought back from a provider; its cookie says that it is the browser that was sent there."""


def _provider(id: str, login: Kind) -> Kind:
    redirects = {"redirectUrl": Field(create=False, update=False)} if login is REDIRECTED else {}
    return Kind(
        id=id,
        base="authProvider",
        collection_methods=(),
        resource_methods=("GET",),
        fields={"name": read_only(), **redirects},
        actions={"login": Action(login, "token")},
    )


PROVIDERS = {
    "local": _provider("localProvider", LOGIN),
    "activedirectory": _provider("activeDirectoryProvider", LOGIN),
    "github": _provider("githubProvider", REDIRECTED),
    "oidc": _provider("oidcProvider", REDIRECTED),
    "openldap": _provider("openLdapProvider", LOGIN),
}
"""What somebody logs in through, by the providers' names."""

AUTH_PROVIDER = Kind(
    id="authProvider",
    collection_methods=("GET",),
    resource_methods=("GET",),
    fields={"name": read_only(), "redirectUrl": Field(create=False, update=False)},
)

KINDS = (USER, TOKEN, PREFERENCE, GROUP, GROUP_MEMBER, PRINCIPAL)
PUBLIC_KINDS = (AUTH_PROVIDER, *PROVIDERS.values())
