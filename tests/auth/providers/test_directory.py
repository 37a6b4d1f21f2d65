"""Logging in through a real OpenLDAP server, as OpenLDAP and as Active Directory."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import trustme

from chalicelib.adapters.ldap import Ldap
from chalicelib.auth.providers import dn, fields
from chalicelib.auth.providers.directory import DirectoryProvider, check
from chalicelib.auth.providers.port import Code, Password
from chalicelib.auth.providers.schemas import ActiveDirectorySettings, OpenLdapSettings
from chalicelib.errors import Refused, Unauthorized, Unavailable
from tests.support.slapd import (
    AD_BASE,
    AD_READER,
    ANN,
    BASE,
    BOB,
    COMMA,
    GROUPS,
    PASSWORD,
    PEOPLE,
    READER,
    READER_PASSWORD,
    Slapd,
)


def values(slapd: Slapd, **more: Any) -> dict[str, Any]:
    return {
        "servers": ["127.0.0.1"],
        "port": slapd.plain,
        "serviceAccountDistinguishedName": READER,
        "serviceAccountPassword": READER_PASSWORD,
        "userSearchBase": PEOPLE,
        "groupSearchBase": GROUPS,
        **more,
    }


def openldap(slapd: Slapd, **more: Any) -> DirectoryProvider:
    return DirectoryProvider("openldap", fields.read(OpenLdapSettings, values(slapd, **more)), Ldap())


def activedirectory(slapd: Slapd, **more: Any) -> DirectoryProvider:
    own = {
        "serviceAccountUsername": AD_READER,
        "userSearchBase": AD_BASE,
        "groupSearchBase": AD_BASE,
        # slapd has no distinguishedName of its own; entryDN is the same.
        "groupDNAttribute": "entryDN",
        "groupMemberUserAttribute": "entryDN",
    }
    settings = fields.read(ActiveDirectorySettings, values(slapd, **{**own, **more}))
    return DirectoryProvider("activedirectory", settings, Ldap())


def groups(provider: DirectoryProvider, username: str) -> set[str]:
    return {group.name for group in provider.authenticate(Password(username, PASSWORD)).groups}


@pytest.mark.parametrize(
    ("username", "name_in_tree", "name"),
    [
        ("ann", ANN, "Ann Árvíztűrő"),
        ("ANN", ANN, "Ann Árvíztűrő"),
        ("jsmith", COMMA, 'Smith, J. "the #1"'),
        ("łukasz", f"uid=łukasz,{PEOPLE}", "Łukasz"),
        ("odd*(name)\\", rf"uid=odd\2A\28name\29\5C,{PEOPLE}", "Odd"),
    ],
)
def test_a_user_logs_in(slapd: Slapd, username: str, name_in_tree: str, name: str) -> None:
    provider = openldap(slapd)
    user = provider.authenticate(Password(username, PASSWORD)).user
    assert (user.kind, user.name) == ("user", name)
    assert dn.same(user.id.removeprefix("openldap_user://"), name_in_tree)
    assert provider.get(user.id, "") == user
    again = provider.refresh(user.id, "")
    assert again is not None
    assert again.user == user


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("ann", "a wrong password"),
        ("nobody", PASSWORD),
        ("twin", PASSWORD),  # two have that name
        ("reader", READER_PASSWORD),  # lies outside of the search base
        ("*", PASSWORD),
        ("a*", PASSWORD),
        ("*)(uid=*", PASSWORD),
        ("ann)(|(uid=*", PASSWORD),
        ("nobody)(uid=ann", PASSWORD),
        ("ann\0", PASSWORD),
        ("ann", f"{PASSWORD}\0"),
        ("ann\\00", PASSWORD),
        (ANN, PASSWORD),
        ("ann,ou=people", PASSWORD),
        ("ann" * 100, PASSWORD),
        ("\ufffd\u202eann", PASSWORD),
    ],
)
def test_a_login_that_is_refused(slapd: Slapd, username: str, password: str) -> None:
    with pytest.raises(Unauthorized, match=r"^authentication failed$"):
        openldap(slapd).authenticate(Password(username, password))


def test_an_empty_password_is_refused_although_the_directory_accepts_it(slapd: Slapd) -> None:
    assert slapd.answer_to_bind(ANN, b"") == 0
    with pytest.raises(Unauthorized):
        openldap(slapd).authenticate(Password("ann", ""))
    settings = fields.read(OpenLdapSettings, values(slapd))
    with pytest.raises(Unauthorized), Ldap().bind(settings.server, ANN, ""):
        pass
    with pytest.raises(Unauthorized), Ldap().bind(settings.server, "", PASSWORD):
        pass


def test_a_code_is_no_password(slapd: Slapd) -> None:
    with pytest.raises(Unauthorized):
        openldap(slapd).authenticate(Code("ann", PASSWORD, "", ""))


@pytest.mark.parametrize(
    ("nested", "username", "expected"),
    [
        (False, "ann", {"devs"}),
        (True, "ann", {"devs", "staff", "company"}),
        (False, "jsmith", {"devs", "Re, Search"}),
        (True, "jsmith", {"devs", "Re, Search", "staff", "company"}),
        (True, "bob", {"loop-a", "loop-b"}),  # the two hold each other
        (True, "łukasz", set()),
    ],
)
def test_groups(slapd: Slapd, nested: bool, username: str, expected: set[str]) -> None:
    assert groups(openldap(slapd, nestedGroupMembershipEnabled=nested), username) == expected


def test_groups_that_the_directory_tells_of_the_user_alone(slapd: Slapd) -> None:
    """With a mapping that finds no member, ``memberOf`` remains; a group outside of the base is none."""
    provider = openldap(slapd, groupMemberMappingAttribute="owner")
    assert groups(provider, "ann") == {"devs"}


def test_a_group_keeps_its_id_whatever_leads_to_it(slapd: Slapd) -> None:
    by_member = openldap(slapd).authenticate(Password("jsmith", PASSWORD)).groups
    by_user = openldap(slapd, groupMemberMappingAttribute="owner").authenticate(Password("jsmith", PASSWORD)).groups
    assert {group.id for group in by_member} == {group.id for group in by_user}
    assert all(group.id.startswith("openldap_group://cn=") for group in by_member)


@pytest.mark.parametrize(
    ("text", "kind", "names"),
    [
        ("an", "user", ["Ann Árvíztűrő"]),
        ("AN", "", ["Ann Árvíztűrő"]),
        ("de", "", ["devs"]),
        ("de", "user", []),
        ("*", "", []),
        (")(objectClass=*", "", []),
        ("Łu", "", ["Łukasz"]),
        ("Smith, J", "", ['Smith, J. "the #1"']),
        ("\0", "", []),
    ],
)
def test_search(slapd: Slapd, text: str, kind: str, names: list[str]) -> None:
    assert [found.name for found in openldap(slapd).search(text, kind, "")] == names


@pytest.mark.parametrize(
    "id",
    [
        f"openldap_user://{READER}",  # not below the base
        f"openldap_user://{BASE}",
        f"openldap_group://{ANN}",  # no group
        f"openldap_user://uid=nobody,{PEOPLE}",
        "openldap_user://nonsense",
        f"openldap_user://uid=*,{PEOPLE}",
        f"openldap_user://{ANN}\\",
        f"activedirectory_user://{ANN}",
        f"openldap_team://{ANN}",
    ],
)
def test_what_is_no_principal(slapd: Slapd, id: str) -> None:
    assert openldap(slapd).get(id, "") is None


def test_a_user_that_is_gone_is_refused_at_the_refresh(slapd: Slapd) -> None:
    slapd.person(f"uid=leaver,{PEOPLE}", "leaver", "Leaver")
    provider = openldap(slapd)
    user = provider.authenticate(Password("leaver", PASSWORD)).user
    connection = slapd.admin()
    connection.delete(f"uid=leaver,{PEOPLE}")
    connection.unbind()
    with pytest.raises(Unauthorized):
        provider.refresh(user.id, "")


def test_an_administrators_filter_narrows(slapd: Slapd) -> None:
    provider = openldap(slapd, userSearchFilter="(!(uid=bob))")
    assert provider.authenticate(Password("ann", PASSWORD)).user.login == "ann"
    with pytest.raises(Unauthorized):
        provider.authenticate(Password("bob", PASSWORD))
    assert provider.get(f"openldap_user://{BOB}", "") is None


@pytest.mark.parametrize("tls", ["tls", "starttls"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_tls(slapd: Slapd, tls: str, host: str) -> None:
    port = slapd.secure if tls == "tls" else slapd.plain
    provider = openldap(slapd, servers=[host], port=port, certificate=slapd.trust, **{tls: True})
    assert provider.authenticate(Password("ann", PASSWORD)).user.login == "ann"


def strange() -> str:
    return trustme.CA().cert_pem.bytes().decode()


@pytest.mark.parametrize("tls", ["tls", "starttls"])
def test_a_directory_that_can_not_prove_itself_is_not_told_a_password(slapd: Slapd, tls: str) -> None:
    port = slapd.secure if tls == "tls" else slapd.plain
    for trust in (strange(), ""):
        provider = openldap(slapd, port=port, certificate=trust, **{tls: True})
        with pytest.raises(Unavailable, match="not trusted"):
            provider.authenticate(Password("ann", PASSWORD))
    other = openldap(slapd, servers=["127.0.0.2"], port=port, certificate=slapd.trust, **{tls: True})
    with pytest.raises(Unavailable):
        other.authenticate(Password("ann", PASSWORD))


def test_starttls_is_not_given_up(stripping: int, slapd: Slapd) -> None:
    """Whoever sits in between and says that StartTLS is unknown gets no bind."""
    provider = openldap(slapd, port=stripping, certificate=slapd.trust, starttls=True)
    with pytest.raises(Unavailable):
        provider.authenticate(Password("ann", PASSWORD))


@pytest.fixture
def stripping() -> Iterator[int]:
    """A server that answers the first request, StartTLS, with protocolError, and then expects to hear nothing more."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        heard: list[bytes] = []

        def serve() -> None:
            peer, _ = listener.accept()
            with peer:
                heard.append(peer.recv(4096))
                peer.sendall(bytes.fromhex("300c02010178070a010204000400"))
                peer.settimeout(5)
                heard.append(peer.recv(4096))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)
        assert b"1.3.6.1.4.1.1466.20037" in heard[0]
        assert b"cn=reader" not in heard[1]


def test_the_next_server_is_asked_when_one_is_down(slapd: Slapd) -> None:
    provider = openldap(slapd, servers=["127.0.0.3", "127.0.0.1"])
    assert provider.authenticate(Password("ann", PASSWORD)).user.login == "ann"


def test_a_referral_is_not_followed(slapd: Slapd) -> None:
    with socket.create_server(("127.0.0.1", slapd.elsewhere)) as listener:
        listener.setblocking(False)
        found = openldap(slapd).search("ann", "", "")
        assert [principal.name for principal in found] == ["Ann Árvíztűrő"]
        with pytest.raises(Refused, match="refers to another one"):
            openldap(slapd, userSearchBase=f"ou=elsewhere,{PEOPLE}").search("ann", "user", "")
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"serviceAccountPassword": "wrong"}, "service account"),
        ({"serviceAccountDistinguishedName": f"cn=nobody,{BASE}"}, "service account"),
        ({"port": 1}, "can't be reached"),
    ],
)
def test_settings_that_do_not_work_say_why(slapd: Slapd, change: dict[str, Any], reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        check(openldap(slapd, **change))
    with pytest.raises(Unavailable):
        openldap(slapd, **change).authenticate(Password("ann", PASSWORD))


@pytest.mark.parametrize("username", ["eve", "AD\\eve", "eve@ad.example", "EVE"])
def test_active_directory(slapd: Slapd, username: str) -> None:
    provider = activedirectory(slapd, nestedGroupMembershipEnabled=True)
    proof = provider.authenticate(Password(username, PASSWORD))
    assert (proof.user.id, proof.user.name) == (f"activedirectory_user://cn=Eve,ou=users,{AD_BASE}", "Eve of AD")
    assert {group.name for group in proof.groups} == {"Ops", "All"}


@pytest.mark.parametrize("username", ["mallory", "mallory@ad.example", "eve@elsewhere.example", "AD\\", "\\"])
def test_active_directory_refuses(slapd: Slapd, username: str) -> None:
    """Mallory's account is disabled; here a directory that would still let them bind."""
    with pytest.raises(Unauthorized):
        activedirectory(slapd).authenticate(Password(username, PASSWORD))


def test_an_account_that_was_disabled_is_refused_at_the_refresh(slapd: Slapd) -> None:
    with pytest.raises(Unauthorized):
        activedirectory(slapd).refresh(f"activedirectory_user://cn=Mallory,ou=users,{AD_BASE}", "")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("svc", "EXAMPLE\\svc"), ("OTHER\\svc", "OTHER\\svc"), ("svc@x.example", "svc@x.example"), (AD_READER, AD_READER)],
)
def test_the_service_account_belongs_to_the_default_domain(slapd: Slapd, name: str, expected: str) -> None:
    own = values(slapd, serviceAccountUsername=name, defaultLoginDomain="EXAMPLE")
    assert fields.read(ActiveDirectorySettings, own).account()[0] == expected
