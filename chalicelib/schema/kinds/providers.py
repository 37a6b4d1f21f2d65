"""How each identity provider is configured. One resource each, named after the provider; nobody makes or removes one."""

from __future__ import annotations

from chalicelib.schema.field import Field, enum, flag, label, listed, number, read_only, secret, text
from chalicelib.schema.kind import Action, Kind, part

LONG = 256 * 1024
LATER = "Lariat does not log in through this provider yet"

TEST_AND_APPLY = part(
    "authConfigTestAndApplyInput", code=text(4096), enabled=flag(False), username=text(256), password=secret(1024)
)
CONFIGURE_OUTPUT = part("authConfigConfigureTestOutput", redirectUrl=read_only())
ENABLE_OUTPUT = part("samlConfigTestOutput", idpRedirectUrl=read_only())
ENABLE_INPUT = part("samlConfigTestInput", finalRedirectUrl=text(4096))

COMMON = {
    "name": label(create=False, update=False),
    "enabled": flag(False),
    "accessMode": enum("required", "restricted", "unrestricted", default="unrestricted"),
    "allowedPrincipalIds": listed(),
}

AUTH_CONFIG = Kind(
    id="authConfig",
    fields={**COMMON, "type": read_only(place="spec")},
    collection_methods=("GET",),
    resource_methods=("GET", "PUT"),
)


def _config(id: str, actions: dict[str, Action], **fields: Field) -> Kind:
    return Kind(
        id=id,
        base="authConfig",
        fields={**COMMON, **fields},
        actions={"disable": Action(later=LATER), **actions},
        collection_methods=(),
        resource_methods=("GET", "PUT"),
        later=LATER,
    )


def _tested(*, redirects: bool = False) -> dict[str, Action]:
    actions = {"testAndApply": Action(TEST_AND_APPLY, later=LATER)}
    return {**actions, "configureTest": Action(output=CONFIGURE_OUTPUT, later=LATER)} if redirects else actions


def _saml(id: str) -> Kind:
    return _config(
        id,
        {"testAndEnable": Action(ENABLE_INPUT, ENABLE_OUTPUT, later=LATER)},
        idpMetadataContent=text(LONG),
        spCert=text(LONG),
        spKey=secret(LONG),
        groupsField=text(),
        displayNameField=text(),
        userNameField=text(),
        uidField=text(),
        rancherApiHost=text(4096),
    )


DIRECTORY = {
    "servers": listed(),
    "port": number(389, 1, 65535),
    "tls": flag(False),
    "certificate": text(LONG),
    "connectionTimeout": number(5000, 1, 600_000),
    "userSearchBase": text(4096),
    "userObjectClass": text(),
    "userLoginAttribute": text(),
    "userNameAttribute": text(),
    "userSearchAttribute": text(),
    "userEnabledAttribute": text(),
    "userDisabledBitMask": number(0, 0),
    "groupSearchBase": text(4096),
    "groupObjectClass": text(),
    "groupNameAttribute": text(),
    "groupSearchAttribute": text(),
    "groupDNAttribute": text(),
    "groupMemberMappingAttribute": text(),
    "groupMemberUserAttribute": text(),
}
LDAP = {
    **DIRECTORY,
    "serviceAccountDistinguishedName": text(4096),
    "serviceAccountPassword": secret(),
    "userMemberAttribute": text(),
    "nestedGroupMembershipEnabled": flag(False),
}

LOCAL = Kind(id="localConfig", base="authConfig", fields=COMMON, collection_methods=(), resource_methods=("GET",))
GITHUB = _config(
    "githubConfig",
    _tested(redirects=True),
    hostname=text(253, default="github.com"),
    tls=flag(True),
    clientId=text(),
    clientSecret=secret(),
)
AZURE = _config(
    "azureADConfig",
    _tested(redirects=True),
    endpoint=text(4096, default="https://login.microsoftonline.com/"),
    graphEndpoint=text(4096),
    tokenEndpoint=text(4096),
    authEndpoint=text(4096),
    rancherUrl=text(4096),
    tenantId=text(),
    applicationId=text(),
    applicationSecret=secret(),
)
ACTIVE_DIRECTORY = _config(
    "activeDirectoryConfig",
    _tested(),
    **DIRECTORY,
    serviceAccountUsername=text(),
    serviceAccountPassword=secret(),
    defaultLoginDomain=text(),
    nestedGroupMembershipEnabled=flag(False),
)
OPEN_LDAP = _config("openLdapConfig", _tested(), **LDAP)
FREE_IPA = _config("freeIpaConfig", _tested(), **LDAP)
PING = _saml("pingConfig")
ADFS = _saml("adfsConfig")
KEYCLOAK = _saml("keyCloakConfig")

CONFIGS = {
    "local": LOCAL,
    "github": GITHUB,
    "azuread": AZURE,
    "activedirectory": ACTIVE_DIRECTORY,
    "openldap": OPEN_LDAP,
    "freeipa": FREE_IPA,
    "ping": PING,
    "adfs": ADFS,
    "keycloak": KEYCLOAK,
}
"""The configurations by their ids, which are the providers' names."""

KINDS = (AUTH_CONFIG, *CONFIGS.values())
