"""Pipelines: where source code comes from, and what is built of it."""

from __future__ import annotations

from chalicelib.schema.field import (
    IN_PROJECT,
    enum,
    flag,
    json,
    label,
    listed,
    mapped,
    nested,
    number,
    read_only,
    ref,
    secret,
    text,
)
from chalicelib.schema.kind import Action, Kind, part

LATER = "Lariat does not run pipelines yet"
USER_ID = ref("user", create=False, update=False)
SOURCES = enum("github", "gitlab", "bitbucketcloud", "bitbucketserver")


def later(input: Kind | None = None, output: Kind | str | None = None) -> Action:
    return Action(input, output, later=LATER)


PROVIDER = Kind(
    id="sourceCodeProvider",
    parent="projectId",
    collection_methods=("GET",),
    resource_methods=("GET",),
    fields={
        "projectId": ref("project", create=False, update=False),
        "name": label(create=False, update=False),
        "sourceCodeType": read_only(),
    },
    later=LATER,
)
PROVIDER_CONFIG = Kind(
    id="sourceCodeProviderConfig",
    parent="projectId",
    collection_methods=("GET",),
    resource_methods=("GET", "PUT"),
    fields={
        "projectId": ref("project", create=False, update=False),
        "name": label(create=False, update=False),
        "enabled": flag(False),
        "credentials": read_only("json", secret=True),
        "hostname": text(253),
        "tls": flag(True),
        "clientId": text(),
        "clientSecret": secret(),
    },
    actions={"disable": later(), "testAndApply": later()},
    later=LATER,
)
CREDENTIAL = Kind(
    id="sourceCodeCredential",
    parent="userId",
    stateful=True,
    fields={
        "userId": USER_ID,
        **IN_PROJECT,
        "name": label(update=False),
        "sourceCodeType": SOURCES,
        "displayName": text(),
        "loginName": text(),
        "gitLoginName": text(),
        "avatarUrl": text(4096),
        "htmlUrl": text(4096),
        "gitCloneToken": secret(),
        "accessToken": secret(),
        "refreshToken": secret(),
        "expiry": text(64),
        "logout": flag(False, create=False, update=False),
    },
    falls_with=("projectId",),
    actions={"refreshrepos": later(), "logout": later()},
    later=LATER,
)
REPOSITORY = Kind(
    id="sourceCodeRepository",
    parent="userId",
    stateful=True,
    fields={
        "userId": USER_ID,
        **IN_PROJECT,
        "sourceCodeCredentialId": ref("sourceCodeCredential"),
        "name": label(update=False),
        "sourceCodeType": SOURCES,
        "url": text(4096),
        "language": text(64),
        "defaultBranch": text(253),
        "permissions": json(),
    },
    falls_with=("projectId", "sourceCodeCredentialId"),
    later=LATER,
)

CONSTRAINT = part("constraint", include=listed(), exclude=listed())
CONSTRAINTS = part("constraints", branch=nested(CONSTRAINT), event=nested(CONSTRAINT))
RUN_SCRIPT = part("runScriptConfig", image=text(), shellScript=text(64 * 1024))
PUBLISH_IMAGE = part(
    "publishImageConfig",
    buildContext=text(),
    dockerfilePath=text(),
    tag=text(),
    pushRemote=flag(False),
    registry=text(),
)
APPLY_YAML = part("applyYamlConfig", path=text(), content=text(64 * 1024), namespace=text(63))
STEP = part(
    "step",
    sourceCodeConfig=json(),
    runScriptConfig=nested(RUN_SCRIPT),
    publishImageConfig=nested(PUBLISH_IMAGE),
    applyYamlConfig=nested(APPLY_YAML),
    env=mapped(),
    envFrom=listed(part("envFrom", sourceName=text(), sourceKey=text(), targetKey=text())),
    privileged=flag(False),
    when=nested(CONSTRAINTS),
)
STAGE = part("stage", name=text(required=True), steps=listed(STEP), when=nested(CONSTRAINTS))
CONFIG = part("pipelineConfig", stages=listed(STAGE), branch=nested(CONSTRAINT), timeout=number(60, 1))
RUN = part("runPipelineInput", branch=text(253))
PUSH = part("pushPipelineConfigInput", configs=mapped(CONFIG))

PIPELINE = Kind(
    id="pipeline",
    parent="projectId",
    stateful=True,
    fields={
        **IN_PROJECT,
        "name": label(update=False),
        "displayName": text(),
        "repositoryUrl": text(4096),
        "sourceCodeCredentialId": ref("sourceCodeCredential"),
        "triggerWebhookPush": flag(False),
        "triggerWebhookPr": flag(False),
        "triggerWebhookTag": flag(False),
        "pipelineState": read_only(),
        "nextRun": read_only("int"),
        "lastExecutionId": read_only("reference[pipelineExecution]"),
        "lastRunState": read_only(),
        "lastStarted": read_only("date"),
        "nextStart": read_only("date"),
        "webhookId": read_only(),
        "token": read_only("password", secret=True),
    },
    actions={"activate": later(), "deactivate": later(), "run": later(RUN), "pushconfig": later(PUSH)},
    later=LATER,
)
EXECUTION = Kind(
    id="pipelineExecution",
    parent="projectId",
    stateful=True,
    fields={
        **IN_PROJECT,
        "pipelineId": ref("pipeline"),
        "pipelineConfig": nested(CONFIG),
        "name": label(update=False),
        "run": number(None, 0),
        "triggeredBy": text(64),
        "triggerUserId": ref("user"),
        "branch": text(253),
        "commit": text(64),
        "event": text(64),
        "ref": text(253),
        "repositoryUrl": text(4096),
        "title": text(4096),
        "message": text(16 * 1024),
        "author": text(),
        "email": text(),
        "avatarUrl": text(4096),
        "htmlLink": text(4096),
        "executionState": read_only(),
        "started": read_only("date"),
        "ended": read_only("date"),
        "stages": read_only("json"),
    },
    falls_with=("pipelineId",),
    actions={"rerun": later(), "stop": later()},
    later=LATER,
)
SETTING = Kind(
    id="pipelineSetting",
    parent="projectId",
    collection_methods=("GET",),
    resource_methods=("GET", "PUT"),
    fields={
        "projectId": ref("project", create=False, update=False),
        "name": label(create=False, update=False),
        "value": text(4096),
        "default": read_only(),
        "customized": read_only("boolean"),
    },
    later=LATER,
)

KINDS = (PROVIDER, PROVIDER_CONFIG, CREDENTIAL, REPOSITORY, PIPELINE, EXECUTION, SETTING)
