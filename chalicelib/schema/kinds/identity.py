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
    actions={"setpassword": Action(SET_PASSWORD, "user")},
    collection_actions={"changepassword": Action(CHANGE_PASSWORD)},
)

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
        "token": read_only(),
        "userPrincipal": read_only(place="spec"),
        "groupPrincipals": read_only("array[string]", place="spec"),
    },
    resource_methods=("GET", "DELETE"),
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
    falls_with=("groupId",),
    fields={"name": label(update=False), "groupId": ref("group"), "principalId": ref("principal")},
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

LOGIN = part(
    "basicLogin",
    username=text(256, required=True),
    password=secret(1024, required=True),
    description=DESCRIPTION,
    responseType=enum("json", "cookie", default="json"),
    ttl=number(0, 0, LONGEST_TTL),
)

LOCAL_PROVIDER = Kind(
    id="localProvider",
    base="authProvider",
    collection_methods=(),
    resource_methods=("GET",),
    fields={"name": read_only()},
    actions={"login": Action(LOGIN, "token")},
)

AUTH_PROVIDER = Kind(
    id="authProvider",
    collection_methods=("GET",),
    resource_methods=("GET",),
    fields={"name": read_only(), "redirectUrl": Field(create=False, update=False)},
)

KINDS = (USER, TOKEN, PREFERENCE, GROUP, GROUP_MEMBER, PRINCIPAL)
PUBLIC_KINDS = (AUTH_PROVIDER, LOCAL_PROVIDER)
