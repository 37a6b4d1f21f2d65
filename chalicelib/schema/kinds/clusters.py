"""Clusters, and how their agents get in."""

from __future__ import annotations

from chalicelib.schema.field import (
    DESCRIPTION,
    IN_CLUSTER,
    Field,
    flag,
    label,
    listed,
    nested,
    read_only,
    ref,
    text,
)
from chalicelib.schema.kind import Action, Kind, part
from chalicelib.schema.kinds import engine

LONG = 256 * 1024

KUBECONFIG = part("generateKubeConfigOutput", config=read_only())
EXPORT = part("exportOutput", yamlOutput=read_only())
IMPORT_INPUT = part(
    "importClusterYamlInput",
    yaml=text(LONG, required=True),
    namespace=text(63),
    defaultNamespace=text(63),
    projectId=ref("project"),
)
IMPORT_OUTPUT = part("importYamlOutput", message=read_only())
ROTATE_INPUT = part("rotateCertificateInput", caCertificates=flag(False), services=listed())
ROTATE_OUTPUT = part("rotateCertificateOutput", message=read_only())
COMPONENT = part("clusterComponentStatus", name=text(), conditions=listed("json"))
NO_ENGINE = "Lariat does not install or provision clusters yet"
ENGINES = {
    "rancherKubernetesEngineConfig": nested(engine.RKE),
    "googleKubernetesEngineConfig": nested(engine.GKE),
    "azureKubernetesServiceConfig": nested(engine.AKS),
    "amazonElasticContainerServiceConfig": nested(engine.EKS),
}

CLUSTER = Kind(
    id="cluster",
    named=True,
    stateful=True,
    fields={
        "name": label(),
        "description": DESCRIPTION,
        **ENGINES,
        "dockerRootDir": text(default="/var/lib/docker"),
        "enableNetworkPolicy": flag(False),
        "defaultPodSecurityPolicyTemplateId": ref("podSecurityPolicyTemplate"),
        "defaultClusterRoleForProjectMembers": ref("roleTemplate"),
        "desiredAgentImage": text(),
        "driver": read_only(),
        "internal": flag(False, create=False, update=False),
        "apiEndpoint": read_only(),
        "caCert": read_only(),
        "agentImage": read_only(),
        "version": read_only("json"),
        "capacity": read_only("map[string]"),
        "allocatable": read_only("map[string]"),
        "requested": read_only("map[string]"),
        "limits": read_only("map[string]"),
        "componentStatuses": read_only("array[clusterComponentStatus]", part=COMPONENT),
        "appliedEnableNetworkPolicy": read_only("boolean"),
        "appliedPodSecurityPolicyTemplateId": read_only(),
    },
    actions={
        "generateKubeconfig": Action(output=KUBECONFIG, reading=True),
        "importYaml": Action(IMPORT_INPUT, IMPORT_OUTPUT, later="importing YAML is not there yet: use kubectl apply"),
        "exportYaml": Action(output=EXPORT, later="exporting a cluster is not there yet"),
        "rotateCertificates": Action(ROTATE_INPUT, ROTATE_OUTPUT, later=NO_ENGINE),
    },
    lacking=lambda cluster: NO_ENGINE if any(cluster.spec.get(name) for name in ENGINES) else "",
)

REGISTRATION_TOKEN = Kind(
    id="clusterRegistrationToken",
    parent="clusterId",
    stateful=True,
    fields={
        **IN_CLUSTER,
        "name": label(update=False),
        "description": DESCRIPTION,
        "token": read_only(place="sealed"),
        "command": read_only(),
        "verifiedCommand": read_only(),
        "insecureCommand": read_only(),
        "manifestUrl": read_only(),
        "agentCommand": read_only(),
        "nodeCommand": read_only(),
        "windowsNodeCommand": read_only(),
    },
)

CLUSTER_EVENT = Kind(
    id="clusterEvent",
    parent="clusterId",
    fields={
        **IN_CLUSTER,
        "name": label(update=False),
        "eventType": text(64),
        "reason": text(),
        "message": text(16 * 1024),
        "involvedObject": Field("json"),
        "source": Field("json"),
        "firstTimestamp": Field("date", longest=64),
        "lastTimestamp": Field("date", longest=64),
        "count": Field("int", least=0),
    },
    later="Lariat does not copy events out of clusters yet",
)

COMPOSE_CONFIG = Kind(
    id="composeConfig",
    stateful=True,
    fields={"name": label(update=False), "rancherCompose": text(LONG)},
    later="Lariat does not create what a compose file names yet",
)

LISTEN_CONFIG = Kind(
    id="listenConfig",
    fields={
        "name": label(update=False),
        "description": DESCRIPTION,
        "displayName": text(253),
        "mode": Field("enum", options=("https", "http", "acme"), default="https"),
        "caCerts": text(LONG),
        "cert": text(LONG),
        "key": Field("password", longest=LONG, secret=True),
        "domains": listed(),
        "tos": listed(),
        "enabled": flag(True),
        "algorithm": read_only(),
        "cn": read_only(),
        "certFingerprint": read_only(),
        "expiresAt": read_only("date"),
        "issuedAt": read_only("date"),
        "issuer": read_only(),
        "keySize": read_only("int"),
        "serialNumber": read_only(),
        "subjectAlternativeNames": read_only("array[string]"),
        "version": read_only("int"),
        "generatedCerts": read_only("map[string]"),
    },
    later="The server's certificate follows from how it was started; this one is not served",
)

KINDS = (CLUSTER, REGISTRATION_TOKEN, CLUSTER_EVENT, COMPOSE_CONFIG, LISTEN_CONFIG)
