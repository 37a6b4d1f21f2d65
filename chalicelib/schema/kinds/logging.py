"""Where the logs of a cluster or a project go."""

from __future__ import annotations

from chalicelib.schema.field import (
    IN_CLUSTER,
    IN_PROJECT,
    Field,
    enum,
    flag,
    label,
    listed,
    mapped,
    nested,
    number,
    secret,
    text,
)
from chalicelib.schema.kind import Kind, part

LONG = 256 * 1024
LATER = "Lariat does not ship logs yet"

CERTIFICATE = {
    "certificate": text(LONG),
    "clientCert": text(LONG),
    "clientKey": secret(LONG),
    "sslVerify": flag(False),
}
ELASTICSEARCH = part(
    "elasticsearchConfig",
    endpoint=text(4096, required=True),
    authUsername=text(),
    authPassword=secret(),
    clientKeyPass=secret(),
    dateFormat=enum("YYYY-MM-DD", "YYYY-MM", "YYYY", default="YYYY-MM-DD"),
    indexPrefix=text(required=True),
    **CERTIFICATE,
)
SPLUNK = part(
    "splunkConfig",
    endpoint=text(4096, required=True),
    token=secret(required=True),
    index=text(),
    source=text(),
    clientKeyPass=secret(),
    **CERTIFICATE,
)
KAFKA = part(
    "kafkaConfig",
    brokerEndpoints=listed(),
    topic=text(required=True),
    zookeeperEndpoint=text(4096),
    saslUsername=text(),
    saslPassword=secret(),
    saslScramMechanism=enum("sha256", "sha512"),
    saslType=enum("plain", "scram"),
    **CERTIFICATE,
)
SYSLOG = part(
    "syslogConfig",
    endpoint=text(4096, required=True),
    program=text(),
    protocol=enum("tcp", "udp", default="udp"),
    severity=enum("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug", default="notice"),
    token=secret(),
    enableTls=flag(False),
    **CERTIFICATE,
)
FLUENT_SERVER = part(
    "fluentServer",
    endpoint=text(4096, required=True),
    hostname=text(253),
    username=text(),
    password=secret(),
    sharedKey=secret(),
    standby=flag(False),
    weight=number(100, 0),
)
FLUENT = part(
    "fluentForwarderConfig",
    fluentServers=listed(FLUENT_SERVER, required=True),
    compress=flag(True),
    enableTls=flag(False),
    **CERTIFICATE,
)
CUSTOM = part("customTargetConfig", content=secret(LONG, required=True), **CERTIFICATE)

FIELDS: dict[str, Field] = {
    "name": label(update=False),
    "outputFlushInterval": number(3, 1, 86400),
    "outputTags": mapped(),
    "enableJSONParsing": flag(False),
    "elasticsearchConfig": nested(ELASTICSEARCH),
    "splunkConfig": nested(SPLUNK),
    "kafkaConfig": nested(KAFKA),
    "syslogConfig": nested(SYSLOG),
    "fluentForwarderConfig": nested(FLUENT),
    "customTargetConfig": nested(CUSTOM),
}

CLUSTER_LOGGING = Kind(
    id="clusterLogging",
    parent="clusterId",
    stateful=True,
    fields={
        **IN_CLUSTER,
        "includeSystemComponent": flag(True),
        **FIELDS,
    },
    later=LATER,
)
PROJECT_LOGGING = Kind(
    id="projectLogging",
    parent="projectId",
    stateful=True,
    fields={**IN_PROJECT, **FIELDS},
    later=LATER,
)

KINDS = (CLUSTER_LOGGING, PROJECT_LOGGING)
