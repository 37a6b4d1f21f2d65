"""How each identity provider is configured. One resource each, named after the provider; nobody makes or removes one."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.schema.field import Field, enum, flag, label, listed, nested, number, read_only, secret, text
from chalicelib.schema.kind import Action, Kind, part
from chalicelib.types import Resource

LONG = 256 * 1024
LATER = "Lariat does not log in through this provider yet"

CONFIGURE_OUTPUT = part("authConfigConfigureTestOutput", redirectUrl=read_only())
ENABLE_OUTPUT = part("samlConfigTestOutput", idpRedirectUrl=read_only())
ENABLE_INPUT = part("samlConfigTestInput", finalRedirectUrl=text(4096))

COMMON = {
    "name": label(create=False, update=False),
    "enabled": flag(False, create=False, update=False),
    "accessMode": enum("required", "restricted", "unrestricted", default="restricted"),
    "allowedPrincipalIds": listed(),
}

AUTH_CONFIG = Kind(
    id="authConfig",
    fields={**COMMON, "type": read_only(place="spec")},
    collection_methods=("GET",),
    resource_methods=("GET", "PUT"),
)


def _config(id: str, actions: Mapping[str, Action], fields: Mapping[str, Field], later: str = "") -> Kind:
    return Kind(
        id=id,
        base="authConfig",
        fields={**COMMON, **fields},
        actions={"disable": Action(when=_is_enabled, later=later), **actions},
        collection_methods=(),
        resource_methods=("GET", "PUT"),
        later=later,
    )


def _is_enabled(config: Resource) -> bool:
    return config.spec.get("enabled") is True


def _working(id: str, name: str, test: str, login: Mapping[str, Field], **fields: Field) -> Kind:
    """A provider that works. ``name`` is the field of its test's input that holds the configuration to try."""
    draft = part(f"{id}Draft", **COMMON, **fields)
    tested = part(test, **{name: nested(draft), **login}, enabled=flag(True))
    actions = {"configureTest": Action(draft, CONFIGURE_OUTPUT), "testAndApply": Action(tested, id)}
    return _config(id, actions, fields)


def _later(id: str, **fields: Field) -> Kind:
    actions = {"testAndApply": Action(TEST_AND_APPLY, later=LATER)}
    return _config(id, actions, fields, LATER)


def _saml(id: str) -> Kind:
    fields = {
        "idpMetadataContent": text(LONG),
        "spCert": text(LONG),
        "spKey": secret(LONG),
        "groupsField": text(),
        "displayNameField": text(),
        "userNameField": text(),
        "uidField": text(),
        "rancherApiHost": text(4096),
    }
    return _config(id, {"testAndEnable": Action(ENABLE_INPUT, ENABLE_OUTPUT, later=LATER)}, fields, LATER)


PASSWORD = {"username": text(256), "password": secret(1024)}
CODE = {"code": text(4096), "state": text(4096)}
"""What a browser brought back from the provider."""

TEST_AND_APPLY = part("authConfigTestAndApplyInput", **PASSWORD, code=text(4096))

DIRECTORY = {
    "servers": listed(),
    "port": number(389, 1, 65535),
    "tls": flag(False),
    "starttls": flag(False),
    "certificate": text(LONG),
    "connectionTimeout": number(5000, 1, 600_000),
    "userSearchBase": text(4096),
    "userObjectClass": text(),
    "userLoginAttribute": text(),
    "userNameAttribute": text(),
    "userSearchAttribute": text(),
    "userSearchFilter": text(4096),
    "userMemberAttribute": text(),
    "userEnabledAttribute": text(),
    "userDisabledBitMask": number(0, 0),
    "groupSearchBase": text(4096),
    "groupObjectClass": text(),
    "groupNameAttribute": text(),
    "groupSearchAttribute": text(),
    "groupSearchFilter": text(4096),
    "groupDNAttribute": text(),
    "groupMemberMappingAttribute": text(),
    "groupMemberUserAttribute": text(),
    "nestedGroupMembershipEnabled": flag(False),
}
LDAP = {
    **DIRECTORY,
    "serviceAccountDistinguishedName": text(4096),
    "serviceAccountPassword": secret(),
}

LOCAL = Kind(id="localConfig", base="authConfig", fields=COMMON, collection_methods=(), resource_methods=("GET",))
GITHUB = _working(
    "githubConfig",
    "githubConfig",
    "githubConfigApplyInput",
    CODE,
    hostname=text(253, default="github.com"),
    tls=flag(True),
    clientId=text(),
    clientSecret=secret(),
    certificate=text(LONG),
)
OIDC = _working(
    "oidcConfig",
    "oidcConfig",
    "oidcTestAndApplyInput",
    CODE,
    issuer=text(4096),
    clientId=text(),
    clientSecret=secret(),
    scope=text(),
    algorithm=text(16),
    groupsClaim=text(),
    certificate=text(LONG),
)
AZURE = _later(
    "azureADConfig",
    endpoint=text(4096, default="https://login.microsoftonline.com/"),
    graphEndpoint=text(4096),
    tokenEndpoint=text(4096),
    authEndpoint=text(4096),
    rancherUrl=text(4096),
    tenantId=text(),
    applicationId=text(),
    applicationSecret=secret(),
)
ACTIVE_DIRECTORY = _working(
    "activeDirectoryConfig",
    "activeDirectoryConfig",
    "activeDirectoryTestAndApplyInput",
    PASSWORD,
    **DIRECTORY,
    serviceAccountUsername=text(),
    serviceAccountPassword=secret(),
    defaultLoginDomain=text(),
)
OPEN_LDAP = _working("openLdapConfig", "ldapConfig", "openLdapTestAndApplyInput", PASSWORD, **LDAP)
FREE_IPA = _later("freeIpaConfig", **LDAP)
PING = _saml("pingConfig")
ADFS = _saml("adfsConfig")
KEYCLOAK = _saml("keyCloakConfig")

CONFIGS = {
    "local": LOCAL,
    "github": GITHUB,
    "oidc": OIDC,
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
