"""Catalogs of Helm charts, and what they hold."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.schema.field import (
    DESCRIPTION,
    IN_CLUSTER,
    IN_PROJECT,
    Field,
    enum,
    json,
    label,
    listed,
    mapped,
    number,
    read_only,
    ref,
    secret,
    text,
)
from chalicelib.schema.kind import Action, Kind, part

LONG = 256 * 1024
LATER = "Lariat does not read catalogs yet"

CATALOG_FIELDS = {
    "url": text(4096, required=True, nullable=False),
    "branch": text(253, default="master"),
    "kind": enum("helm", default="helm"),
    "description": DESCRIPTION,
    "username": text(),
    "password": secret(),
    "commit": read_only(),
    "lastRefreshTimestamp": read_only(),
}
REFRESH = {"refresh": Action(later=LATER)}


def _catalog(id: str, scope: Mapping[str, Field]) -> Kind:
    return Kind(
        id=id,
        parent=next(iter(scope), ""),
        stateful=True,
        fields={**scope, "name": label(update=False, required=True), **CATALOG_FIELDS},
        actions=REFRESH,
        collection_actions=REFRESH,
        later=LATER,
    )


CATALOG = _catalog("catalog", {})
CLUSTER_CATALOG = _catalog("clusterCatalog", IN_CLUSTER)
PROJECT_CATALOG = _catalog("projectCatalog", IN_PROJECT)

TEMPLATE = Kind(
    id="template",
    stateful=True,
    fields={
        "name": label(update=False),
        "description": DESCRIPTION,
        "catalogId": ref("catalog"),
        "clusterCatalogId": ref("clusterCatalog"),
        "projectCatalogId": ref("projectCatalog"),
        "clusterId": ref("cluster"),
        "projectId": ref("project"),
        "categories": listed(),
        "category": text(),
        "defaultVersion": text(),
        "defaultTemplateVersionId": ref("templateVersion"),
        "folderName": text(),
        "icon": text(LONG),
        "iconFilename": text(),
        "maintainer": text(),
        "path": text(4096),
        "projectURL": text(4096),
        "readme": text(LONG),
        "upgradeFrom": text(),
        "versionLinks": read_only("map[string]"),
    },
    falls_with=("catalogId", "clusterCatalogId", "projectCatalogId"),
    later=LATER,
)

QUESTION = part(
    "question",
    variable=text(),
    label=text(),
    description=DESCRIPTION,
    type=text(64),
    required=json(),
    default=text(LONG),
    group=text(),
    minLength=number(),
    maxLength=number(),
    min=number(),
    max=number(),
    options=listed(),
    validChars=text(),
    invalidChars=text(),
    showIf=text(),
    showSubquestionIf=text(),
    subquestions=listed("json"),
    satisfies=text(),
)

TEMPLATE_VERSION = Kind(
    id="templateVersion",
    stateful=True,
    fields={
        "name": label(update=False),
        "version": text(),
        "digest": text(),
        "externalId": text(),
        "files": mapped("base64"),
        "questions": listed(QUESTION),
        "kubeVersion": text(),
        "rancherVersion": text(),
        "rancherMinVersion": text(),
        "rancherMaxVersion": text(),
        "requiredNamespace": text(63),
        "readme": text(LONG),
        "appReadme": text(LONG),
        "upgradeVersionLinks": mapped(),
        "versionDir": text(4096),
        "versionName": text(),
        "versionUrls": listed(),
    },
    later=LATER,
)

TEMPLATE_CONTENT = Kind(id="templateContent", fields={"name": label(update=False), "data": text(LONG)}, later=LATER)

TARGET = part(
    "target", projectId=ref("project"), appId=text(), healthState=read_only(place="spec"), state=read_only(place="spec")
)
ANSWER = part("answer", clusterId=ref("cluster"), projectId=ref("project"), values=mapped())
MEMBER = part(
    "member",
    userId=ref("user"),
    userPrincipalId=ref("principal"),
    groupPrincipalId=ref("principal"),
    displayName=text(),
    accessType=enum("owner", "member", "read-only"),
)

MULTI_CLUSTER_APP = Kind(
    id="multiClusterApp",
    stateful=True,
    fields={
        "name": label(update=False, required=True),
        "templateVersionId": ref("templateVersion", required=True, nullable=False),
        "targets": listed(TARGET),
        "answers": listed(ANSWER),
        "members": listed(MEMBER),
        "roles": listed(),
        "wait": text(8),
        "timeout": number(300, 0),
        "revisionHistoryLimit": number(10, 0),
        "revisionId": read_only(),
    },
    later="Lariat does not install applications yet",
)

KINDS = (
    CATALOG,
    CLUSTER_CATALOG,
    PROJECT_CATALOG,
    TEMPLATE,
    TEMPLATE_VERSION,
    TEMPLATE_CONTENT,
    MULTI_CLUSTER_APP,
)
