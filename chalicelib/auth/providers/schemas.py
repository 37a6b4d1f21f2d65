"""The settings of OpenLDAP and Active Directory, named as in Rancher, and what differs between the two."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.auth.providers import fields
from chalicelib.auth.providers.fields import setting
from chalicelib.errors import Invalid
from chalicelib.types import DirectoryServer

MOST_SERVERS = 8
MOST_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectorySettings:
    """What both have; the defaults are OpenLDAP's. A name with ``|`` in it stands for several attributes to search in."""

    servers: tuple[str, ...] = setting((), required=True, check=fields.machine)
    port: int = setting(389)
    tls: bool = setting(False)
    starttls: bool = setting(False)
    certificate: str = setting(check=fields.trust)
    connection_timeout: int = setting(5000)
    user_search_base: str = setting(required=True, check=fields.base)
    user_search_attribute: str = setting("uid|sn|givenName", check=fields.name)
    user_search_filter: str = setting(check=fields.filter)
    user_login_attribute: str = setting("uid", check=fields.name)
    user_object_class: str = setting("inetOrgPerson", check=fields.name)
    user_name_attribute: str = setting("cn", check=fields.name)
    user_member_attribute: str = setting("memberOf", check=fields.name)
    user_enabled_attribute: str = setting(check=fields.name)
    user_disabled_bit_mask: int = setting(0)
    group_search_base: str = setting(check=fields.base)
    group_search_attribute: str = setting("cn", check=fields.name)
    group_search_filter: str = setting(check=fields.filter)
    group_object_class: str = setting("groupOfNames", check=fields.name)
    group_name_attribute: str = setting("cn", check=fields.name)
    group_dn_attribute: str = setting("entryDN", check=fields.name)
    group_member_user_attribute: str = setting("entryDN", check=fields.name)
    group_member_mapping_attribute: str = setting("member", check=fields.name)
    nested_group_membership_enabled: bool = setting(False)

    def __post_init__(self) -> None:
        if self.tls and self.starttls:
            raise Invalid("tls and starttls exclude each other", code="InvalidOption", field="starttls")
        if len(self.servers) > MOST_SERVERS:
            raise Invalid(f"at most {MOST_SERVERS} servers", code="MaxLimitExceeded", field="servers")
        if not 0 < self.port < 65536:
            raise Invalid("a port lies between 1 and 65535", code="MinLimitExceeded", field="port")

    @property
    def server(self) -> DirectoryServer:
        tls = "ldaps" if self.tls else "starttls" if self.starttls else ""
        seconds = min(max(self.connection_timeout / 1000, 1.0), MOST_SECONDS)
        return DirectoryServer(self.servers, self.port, tls, self.certificate, seconds)

    @property
    def group_base(self) -> str:
        return self.group_search_base or self.user_search_base

    def account(self) -> tuple[str, str]:
        """The name and the password that the directory is searched with."""
        raise NotImplementedError

    def login_names(self, username: str) -> list[tuple[str, str]]:
        """Which attributes may hold the name that somebody typed, and in which form."""
        return [(self.user_login_attribute, username)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLdapSettings(DirectorySettings):
    service_account_distinguished_name: str = setting(required=True, check=fields.base)
    service_account_password: str = setting(required=True, secret=True)

    def account(self) -> tuple[str, str]:
        return self.service_account_distinguished_name, self.service_account_password


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveDirectorySettings(DirectorySettings):
    """Users log in as ``ann``, ``EXAMPLE\\ann`` or ``ann@example.com``."""

    service_account_username: str = setting(required=True)
    service_account_password: str = setting(required=True, secret=True)
    default_login_domain: str = setting()
    user_search_attribute: str = setting("sAMAccountName|sn|givenName", check=fields.name)
    user_login_attribute: str = setting("sAMAccountName", check=fields.name)
    user_object_class: str = setting("person", check=fields.name)
    user_name_attribute: str = setting("name", check=fields.name)
    user_enabled_attribute: str = setting("userAccountControl", check=fields.name)
    user_disabled_bit_mask: int = setting(2)
    group_search_attribute: str = setting("sAMAccountName", check=fields.name)
    group_object_class: str = setting("group", check=fields.name)
    group_name_attribute: str = setting("name", check=fields.name)
    group_dn_attribute: str = setting("distinguishedName", check=fields.name)
    group_member_user_attribute: str = setting("distinguishedName", check=fields.name)

    def account(self) -> tuple[str, str]:
        name = self.service_account_username
        if self.default_login_domain and not set(name) & set("\\@="):
            name = f"{self.default_login_domain}\\{name}"
        return name, self.service_account_password

    def login_names(self, username: str) -> list[tuple[str, str]]:
        if "@" in username:
            return [("userPrincipalName", username)]
        return [(self.user_login_attribute, username.rpartition("\\")[2])]
