"""Nodes, what they are made from, and the drivers that make them."""

from __future__ import annotations

from chalicelib.schema.field import (
    DESCRIPTION,
    NAME,
    enum,
    flag,
    hostname,
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

LONG = 256 * 1024
NO_MACHINES = "Lariat does not make machines yet"
NO_CORDON = "nodes are cordoned and drained with kubectl until Lariat does it"

TAINT = part("taint", key=text(required=True), value=text(), effect=enum("NoSchedule", "PreferNoSchedule", "NoExecute"))
CUSTOM = part(
    "customConfig",
    address=text(253),
    internalAddress=text(253),
    user=text(64),
    dockerSocket=text(),
    sshKey=secret(LONG),
    label=mapped(),
)
CPU = part("cpuInfo", count=read_only("int"))
MEMORY = part("memoryInfo", memTotalKiB=read_only("int"))
SYSTEM = part("osInfo", dockerVersion=read_only(), kernelVersion=read_only(), operatingSystem=read_only())
KUBERNETES = part("kubernetesInfo", kubeletVersion=read_only(), kubeProxyVersion=read_only())
INFO = part(
    "nodeInfo",
    cpu=read_only("cpuInfo", part=CPU),
    memory=read_only("memoryInfo", part=MEMORY),
    os=read_only("osInfo", part=SYSTEM),
    kubernetes=read_only("kubernetesInfo", part=KUBERNETES),
)
DRAIN = part(
    "nodeDrainInput",
    deleteLocalData=flag(False),
    force=flag(False),
    ignoreDaemonSets=flag(True),
    gracePeriod=number(-1, -1),
    timeout=number(60, 1, 10800),
)

NODE = Kind(
    id="node",
    prefix="m",
    parent="clusterId",
    named=True,
    stateful=True,
    fields={
        "clusterId": ref("cluster", update=False, required=True),
        "requestedHostname": hostname(update=False, required=True),
        "name": NAME,
        "description": DESCRIPTION,
        "controlPlane": flag(False, update=False),
        "etcd": flag(False, update=False),
        "worker": flag(False, update=False),
        "nodeTemplateId": ref("nodeTemplate", update=False),
        "nodePoolId": read_only("reference[nodePool]"),
        "customConfig": nested(CUSTOM),
        "imported": flag(False),
        "taints": listed(TAINT, create=False),
        "nodeTaints": read_only("array[taint]", part=TAINT),
        "nodeName": read_only(),
        "hostname": read_only(),
        "ipAddress": read_only(),
        "externalIpAddress": read_only(),
        "info": read_only("nodeInfo", part=INFO),
        "capacity": read_only("map[string]"),
        "allocatable": read_only("map[string]"),
        "requested": read_only("map[string]"),
        "limits": read_only("map[string]"),
        "unschedulable": read_only("boolean", default=False),
        "dockerInfo": read_only("json"),
        "podCidr": read_only(),
        "providerId": read_only(),
        "publicEndpoints": read_only("json"),
        "sshUser": read_only(),
        "volumesAttached": read_only("json"),
        "volumesInUse": read_only("array[string]"),
    },
    actions={
        "cordon": Action(later=NO_CORDON),
        "uncordon": Action(later=NO_CORDON),
        "drain": Action(DRAIN, later=NO_CORDON),
        "stopDrain": Action(later=NO_CORDON),
    },
    later="Lariat does not install nodes yet",
)

NODE_POOL = Kind(
    id="nodePool",
    parent="clusterId",
    stateful=True,
    fields={
        "clusterId": ref("cluster", update=False, required=True),
        "name": label(update=False),
        "displayName": NAME,
        "hostnamePrefix": text(253, required=True, valid="-a-z0-9.", nullable=False),
        "nodeTemplateId": ref("nodeTemplate", required=True, nullable=False),
        "quantity": number(1, 0, 1000),
        "etcd": flag(False),
        "controlPlane": flag(False),
        "worker": flag(False),
        "nodeLabels": mapped(),
        "nodeAnnotations": mapped(),
    },
    later=NO_MACHINES,
)

AMAZON = part(
    "amazonec2Config",
    accessKey=text(),
    secretKey=secret(),
    sessionToken=secret(),
    region=text(64, default="us-east-1"),
    zone=text(8, default="a"),
    ami=text(64),
    instanceType=text(64, default="t2.micro"),
    iamInstanceProfile=text(),
    keypairName=text(),
    vpcId=text(64),
    subnetId=text(64),
    securityGroup=listed(default=["docker-machine"]),
    securityGroupReadonly=flag(False),
    openPort=listed(),
    rootSize=text(16, default="16"),
    volumeType=text(16, default="gp2"),
    deviceName=text(64, default="/dev/sda1"),
    sshUser=text(64, default="ubuntu"),
    sshKeypath=text(),
    userdata=text(LONG),
    tags=text(4096),
    endpoint=text(),
    insecureTransport=flag(False),
    monitoring=flag(False),
    privateAddressOnly=flag(False),
    usePrivateAddress=flag(False),
    useEbsOptimizedInstance=flag(False),
    requestSpotInstance=flag(False),
    spotPrice=text(16, default="0.50"),
    blockDurationMinutes=text(16, default="0"),
    retries=text(8, default="5"),
)
AZURE = part(
    "azureConfig",
    subscriptionId=text(),
    clientId=text(),
    clientSecret=secret(),
    environment=text(64, default="AzurePublicCloud"),
    location=text(64, default="westus"),
    resourceGroup=text(default="docker-machine"),
    availabilitySet=text(default="docker-machine"),
    size=text(64, default="Standard_A2"),
    image=text(default="canonical:UbuntuServer:16.04.0-LTS:latest"),
    sshUser=text(64, default="docker-user"),
    vnet=text(default="docker-machine-vnet"),
    subnet=text(default="docker-machine"),
    subnetPrefix=text(64, default="192.168.0.0/16"),
    storageType=text(64, default="Standard_LRS"),
    openPort=listed(),
    customData=text(LONG),
    dns=text(),
    dockerPort=text(8, default="2376"),
    noPublicIp=flag(False),
    staticPublicIp=flag(False),
    usePrivateIp=flag(False),
    privateIpAddress=text(64),
)
DIGITALOCEAN = part(
    "digitaloceanConfig",
    accessToken=secret(),
    region=text(64, default="nyc3"),
    image=text(default="ubuntu-16-04-x64"),
    size=text(64, default="s-1vcpu-1gb"),
    sshUser=text(64, default="root"),
    sshPort=text(8, default="22"),
    sshKeyFingerprint=text(),
    sshKeyPath=text(),
    backups=flag(False),
    ipv6=flag(False),
    privateNetworking=flag(False),
    userdata=text(LONG),
    tags=text(4096),
)
VSPHERE = part(
    "vmwarevsphereConfig",
    username=text(),
    password=secret(),
    vcenter=text(253),
    vcenterPort=text(8, default="443"),
    datacenter=text(),
    datastore=text(),
    network=listed(),
    pool=text(),
    folder=text(),
    hostsystem=text(),
    boot2dockerUrl=text(4096),
    cloudinit=text(LONG),
    cpuCount=text(8, default="2"),
    memorySize=text(16, default="2048"),
    diskSize=text(16, default="20480"),
    cfgparam=listed(),
    vappIpallocationpolicy=text(),
    vappIpprotocol=text(),
    vappProperty=listed(),
    vappTransport=text(),
)

NODE_TEMPLATE = Kind(
    id="nodeTemplate",
    stateful=True,
    named=True,
    fields={
        "name": NAME,
        "description": DESCRIPTION,
        "amazonec2Config": nested(AMAZON),
        "azureConfig": nested(AZURE),
        "digitaloceanConfig": nested(DIGITALOCEAN),
        "vmwarevsphereConfig": nested(VSPHERE),
        "driver": read_only(),
        "engineInstallURL": text(4096),
        "engineOpt": mapped(),
        "engineLabel": mapped(),
        "engineEnv": mapped(),
        "engineInsecureRegistry": listed(),
        "engineRegistryMirror": listed(),
        "engineStorageDriver": text(64),
        "dockerVersion": text(64),
        "useInternalIpAddress": flag(True, update=False),
        "authCertificateAuthority": text(LONG),
        "authKey": secret(LONG),
    },
    later=NO_MACHINES,
)

DRIVER_FIELDS = {
    "url": text(4096, required=True, nullable=False),
    "active": flag(False),
    "builtin": flag(False, update=False, create=False),
    "checksum": text(128),
    "uiUrl": text(4096),
}

NODE_DRIVER = Kind(
    id="nodeDriver",
    named=True,
    stateful=True,
    fields={
        **DRIVER_FIELDS,
        "name": NAME,
        "description": DESCRIPTION,
        "externalId": text(),
        "whitelistDomains": listed(hostname()._replace(longest=253)),
    },
    actions={
        "activate": Action(output="nodeDriver", when=lambda driver: not driver.spec.get("active")),
        "deactivate": Action(output="nodeDriver", when=lambda driver: bool(driver.spec.get("active"))),
    },
    later=NO_MACHINES,
)

KONTAINER_DRIVER = Kind(
    id="kontainerDriver",
    prefix="kd",
    stateful=True,
    named=True,
    fields={
        **DRIVER_FIELDS,
        "name": NAME,
        "actualUrl": read_only(),
        "executablePath": read_only(),
        "whitelistDomains": listed(hostname()._replace(longest=253)),
    },
    actions={
        "activate": Action(output="kontainerDriver", when=lambda driver: not driver.spec.get("active")),
        "deactivate": Action(output="kontainerDriver", when=lambda driver: bool(driver.spec.get("active"))),
    },
    later="Lariat does not provision hosted clusters yet",
)

DYNAMIC_FIELD = part(
    "dynamicSchemaField",
    type=text(),
    default=json(),
    nullable=flag(False),
    create=flag(False),
    required=flag(False),
    update=flag(False),
    unique=flag(False),
    minLength=number(),
    maxLength=number(),
    min=number(),
    max=number(),
    options=listed(),
    validChars=text(),
    invalidChars=text(),
    description=text(4096),
    dynamicField=flag(False),
)

DYNAMIC_SCHEMA = Kind(
    id="dynamicSchema",
    fields={
        "name": label(update=False),
        "schemaName": text(),
        "pluralName": text(),
        "embed": flag(False),
        "embedType": text(),
        "collectionMethods": listed(),
        "resourceMethods": listed(),
        "includeableLinks": listed(),
        "resourceFields": mapped(DYNAMIC_FIELD),
        "resourceActions": mapped("json"),
        "collectionActions": mapped("json"),
        "collectionFields": mapped(DYNAMIC_FIELD),
        "collectionFilters": mapped("json"),
        "dynamicSchemaVersion": text(),
    },
    later="Lariat does not extend its schemas by stored ones yet",
)

KINDS = (NODE, NODE_POOL, NODE_TEMPLATE, NODE_DRIVER, KONTAINER_DRIVER, DYNAMIC_SCHEMA)
