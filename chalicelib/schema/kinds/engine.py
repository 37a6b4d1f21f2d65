"""``rancherKubernetesEngineConfig`` and the hosted engines' configurations: parts of a cluster."""

from __future__ import annotations

from chalicelib.schema.field import enum, flag, hostname, json, listed, mapped, nested, number, read_only, secret, text
from chalicelib.schema.kind import part

LONG = 256 * 1024


SERVICE = {"image": text(), "extraArgs": mapped(), "extraBinds": listed(), "extraEnv": listed()}

ETCD = part(
    "etcdService",
    **SERVICE,
    externalUrls=listed(),
    caCert=text(LONG),
    cert=text(LONG),
    key=secret(LONG),
    path=text(),
    snapshot=flag(False),
    retention=text(64),
    creation=text(64),
)
KUBE_API = part(
    "kubeAPIService",
    **SERVICE,
    serviceClusterIpRange=text(64),
    serviceNodePortRange=text(64),
    podSecurityPolicy=flag(False),
)
KUBE_CONTROLLER = part("kubeControllerService", **SERVICE, clusterCidr=text(64), serviceClusterIpRange=text(64))
KUBELET = part(
    "kubeletService",
    **SERVICE,
    clusterDomain=hostname(),
    infraContainerImage=text(),
    clusterDnsServer=text(64),
    failSwapOn=flag(False),
)
SERVICES = part(
    "rkeConfigServices",
    etcd=nested(ETCD),
    kubeApi=nested(KUBE_API),
    kubeController=nested(KUBE_CONTROLLER),
    kubelet=nested(KUBELET),
    kubeproxy=nested(part("kubeproxyService", **SERVICE)),
    scheduler=nested(part("schedulerService", **SERVICE)),
)
RKE_NODE = part(
    "rkeConfigNode",
    nodeId=text(),
    address=text(253, required=True),
    internalAddress=text(253),
    hostnameOverride=text(253),
    port=text(8, default="22"),
    user=text(64),
    role=listed(enum("controlplane", "etcd", "worker")),
    dockerSocket=text(),
    sshAgentAuth=flag(False),
    sshKey=secret(LONG),
    sshKeyPath=text(),
    labels=mapped(),
)
NETWORK = part("networkConfig", plugin=enum("canal", "flannel", "calico", "weave", "none"), options=mapped())
AUTHENTICATION = part("authnConfig", strategy=text(64, default="x509"), sans=listed(), options=mapped())
AUTHORIZATION = part("authzConfig", mode=enum("rbac", "none"), options=mapped())
REGISTRY = part("privateRegistry", url=text(), user=text(), password=secret(), isDefault=flag(False))
INGRESS = part(
    "ingressConfig",
    provider=enum("nginx", "none", default="nginx"),
    options=mapped(),
    nodeSelector=mapped(),
    extraArgs=mapped(),
)
CLOUD = part(
    "cloudProvider",
    name=text(64),
    customCloudProvider=secret(LONG),
    awsCloudProvider=json(secret=True),
    azureCloudProvider=json(secret=True),
    openstackCloudProvider=json(secret=True),
    vsphereCloudProvider=json(secret=True),
)
BASTION = part(
    "bastionHost",
    address=text(253),
    port=text(8, default="22"),
    user=text(64),
    sshAgentAuth=flag(False),
    sshKey=secret(LONG),
    sshKeyPath=text(),
)
RKE = part(
    "rancherKubernetesEngineConfig",
    clusterName=text(253),
    kubernetesVersion=text(64),
    nodes=listed(RKE_NODE),
    services=nested(SERVICES),
    network=nested(NETWORK),
    authentication=nested(AUTHENTICATION),
    authorization=nested(AUTHORIZATION),
    addons=text(LONG),
    addonsInclude=listed(),
    addonJobTimeout=number(30, 0),
    ignoreDockerVersion=flag(True),
    sshAgentAuth=flag(False),
    sshKeyPath=text(),
    privateRegistries=listed(REGISTRY),
    ingress=nested(INGRESS),
    cloudProvider=nested(CLOUD),
    prefixPath=text(),
    bastionHost=nested(BASTION),
    monitoring=nested(part("monitoringConfig", provider=text(64, default="metrics-server"), options=mapped())),
    rotateCertificates=nested(part("rotateCertificates", caCertificates=flag(False), services=listed())),
)

GKE = part(
    "googleKubernetesEngineConfig",
    projectId=text(),
    zone=text(64),
    credential=secret(LONG, required=True),
    masterVersion=text(64),
    nodeVersion=text(64),
    nodeCount=number(3, 0),
    machineType=text(64),
    diskSizeGb=number(100, 0),
    imageType=text(64),
    clusterIpv4Cidr=text(64),
    network=text(),
    subNetwork=text(),
    locations=listed(),
    labels=mapped(),
    description=text(4096),
    enableAlphaFeature=flag(False),
    disableHttpLoadBalancing=flag(False),
    disableHorizontalPodAutoscaling=flag(False),
    disableNetworkPolicyConfig=flag(False),
    enableKubernetesDashboard=flag(False),
    enableLegacyAbac=flag(False),
    enableStackdriverLogging=flag(True),
    enableStackdriverMonitoring=flag(True),
    legacyAuthorization=flag(False),
    maintenanceWindow=text(64),
)
AKS = part(
    "azureKubernetesServiceConfig",
    subscriptionId=text(),
    tenantId=text(),
    clientId=text(),
    clientSecret=secret(required=True),
    resourceGroup=text(),
    location=text(64),
    kubernetesVersion=text(64),
    count=number(3, 0),
    agentVmSize=text(64),
    agentPoolName=text(64),
    agentDnsPrefix=text(64),
    masterDnsPrefix=text(64),
    osDiskSizeGb=number(0, 0),
    adminUsername=text(64),
    sshPublicKeyContents=text(LONG),
    dnsServiceIp=text(64),
    dockerBridgeCidr=text(64),
    serviceCidr=text(64),
    subnet=text(),
    virtualNetwork=text(),
    virtualNetworkResourceGroup=text(),
    maxPods=number(110, 0),
    networkPlugin=text(64),
    tag=mapped(),
)
EKS = part(
    "amazonElasticContainerServiceConfig",
    accessKey=text(),
    secretKey=secret(required=True),
    sessionToken=secret(),
    region=text(64),
    kubernetesVersion=text(64),
    instanceType=text(64),
    minimumNodes=number(1, 0),
    maximumNodes=number(3, 0),
    nodeVolumeSize=number(20, 0),
    ami=text(64),
    associateWorkerNodePublicIp=flag(True),
    keyPairName=text(),
    securityGroups=listed(),
    serviceRole=text(),
    subnets=listed(),
    userData=text(LONG),
    virtualNetwork=text(),
)
IMPORTED = part("importedConfig", kubeConfig=read_only("password", secret=True))
