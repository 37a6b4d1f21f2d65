"""A real OpenLDAP server on this machine, with a tree of its own and one that looks like Active Directory's.

Debian's slapd runs as a plain process on free ports; nothing of the machine's own directory is touched.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ldap3
import trustme

from tests.kubernetes.cluster import free_port
from tests.support.lariat import ROOT

BASE = "dc=example,dc=org"
AD_BASE = "dc=ad,dc=example"
PEOPLE, GROUPS = f"ou=people,{BASE}", f"ou=groups,{BASE}"
READER, READER_PASSWORD = f"cn=reader,{BASE}", "the reader's own password"
AD_READER = f"cn=reader,{AD_BASE}"
PASSWORD = "a password of a person"
ANN, BOB = f"uid=ann,{PEOPLE}", f"uid=bob,{PEOPLE}"
COMMA = rf"cn=Smith\2C J. \22the #1\22,{PEOPLE}"

_SCHEMA = """
attributetype ( 1.2.840.113556.1.4.221 NAME 'sAMAccountName' EQUALITY caseIgnoreMatch SUBSTR caseIgnoreSubstringsMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.656 NAME 'userPrincipalName' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl' EQUALITY integerMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
objectclass ( 1.2.840.113556.1.5.9 NAME 'user' SUP inetOrgPerson STRUCTURAL
  MAY ( sAMAccountName $ userPrincipalName $ userAccountControl $ name ) )
objectclass ( 1.2.840.113556.1.5.8 NAME 'group' SUP top STRUCTURAL
  MUST cn MAY ( sAMAccountName $ member $ name ) )
"""

_DATABASE = """
database mdb
suffix "{base}"
rootdn "cn=root,{base}"
rootpw {password}
directory {folder}
maxsize 67108864
overlay memberof
memberof-group-oc {group}
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="cn=reader,{base}" read by anonymous auth by * none
"""


class Slapd:
    """``plain`` also speaks StartTLS, ``secure`` TLS from the start."""

    def __init__(self, folder: Path) -> None:
        self.plain, self.secure, self.elsewhere = free_port(), free_port(), free_port()
        ca = trustme.CA()
        self.trust = ca.cert_pem.bytes().decode()
        self._folder = folder
        self._configure(ca)
        self._process = self._start()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)

    def admin(self, base: str = BASE) -> Any:
        """A connection that may do anything."""
        server = ldap3.Server("127.0.0.1", self.plain, get_info=ldap3.NONE)
        return ldap3.Connection(server, f"cn=root,{base}", PASSWORD, auto_bind=True, raise_exceptions=True)

    def add(self, base: str, dn: str, classes: Sequence[str], **attributes: Any) -> None:
        connection = self.admin(base)
        connection.add(dn, list(classes), attributes)
        connection.unbind()

    def person(self, dn: str, uid: str, name: str, **more: Any) -> None:
        self.add(BASE, dn, ["inetOrgPerson"], uid=uid, cn=name, sn=name, userPassword=PASSWORD, **more)

    def group(self, name: str, *members: str, dn: str = "") -> None:
        self.add(BASE, dn or f"cn={name},{GROUPS}", ["groupOfNames"], cn=name, member=list(members))

    def change(self, dn: str, changes: Mapping[str, Any], base: str = BASE) -> None:
        connection = self.admin(base)
        connection.modify(dn, changes)
        connection.unbind()

    def answer_to_bind(self, dn: str, password: bytes) -> int:
        """The result of a bind as bytes on the wire, since no library makes one without a password."""
        name = dn.encode()
        body = b"\x02\x01\x03\x04" + bytes([len(name)]) + name + b"\x80" + bytes([len(password)]) + password
        request = b"\x02\x01\x01\x60" + bytes([len(body)]) + body
        with socket.create_connection(("127.0.0.1", self.plain), 10) as wire:
            wire.sendall(b"\x30" + bytes([len(request)]) + request)
            return wire.recv(1024)[9]

    def _configure(self, ca: trustme.CA) -> None:
        certificate = ca.issue_cert("127.0.0.1", "localhost")
        pem = self._folder / "server.pem"
        pem.write_bytes(certificate.private_key_and_cert_chain_pem.bytes())
        (self._folder / "ad.schema").write_text(_SCHEMA)
        schemas = [f"/etc/ldap/schema/{name}.schema" for name in ("core", "cosine", "inetorgperson")]
        lines = [f"include {path}" for path in (*schemas, self._folder / "ad.schema")]
        lines += ["modulepath /usr/lib/ldap", "moduleload back_mdb", "moduleload memberof"]
        # Some directories answer a name without a password with success: this one does, too.
        lines += ["allow bind_anon_cred bind_anon_dn", f"pidfile {self._folder / 'pid'}"]
        lines += [f"TLSCertificateFile {pem}", f"TLSCertificateKeyFile {pem}"]
        for base, group in ((BASE, "groupOfNames"), (AD_BASE, "group")):
            folder = self._folder / group
            folder.mkdir()
            lines.append(_DATABASE.format(base=base, password=f'"{PASSWORD}"', folder=folder, group=group))
        (self._folder / "slapd.conf").write_text("\n".join(lines))

    def _start(self) -> subprocess.Popen[bytes]:
        urls = f"ldap://127.0.0.1:{self.plain} ldaps://127.0.0.1:{self.secure}"
        log = (self._folder / "log").open("wb")
        command = [_slapd(), "-f", str(self._folder / "slapd.conf"), "-h", urls, "-d", "0"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        log.close()
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.secure)) == 0:
                    return process
            if process.poll() is not None:
                break
            time.sleep(0.1)
        process.kill()
        process.wait()
        raise RuntimeError(f"slapd does not start:\n{(self._folder / 'log').read_text()}")


@contextmanager
def running(folder: Path) -> Iterator[Slapd]:
    slapd = Slapd(folder)
    try:
        _fill(slapd)
        _fill_ad(slapd)
        yield slapd
    finally:
        slapd.stop()


def _fill(slapd: Slapd) -> None:
    slapd.add(BASE, BASE, ["dcObject", "organization"], o="Example", dc="example")
    for unit in (PEOPLE, f"ou=branch,{PEOPLE}", GROUPS):
        slapd.add(BASE, unit, ["organizationalUnit"])
    slapd.add(BASE, READER, ["person"], cn="reader", sn="reader", userPassword=READER_PASSWORD)
    slapd.person(ANN, "ann", "Ann Árvíztűrő")
    slapd.person(BOB, "bob", "Bob")
    slapd.person(COMMA, "jsmith", 'Smith, J. "the #1"')
    slapd.person(f"uid=łukasz,{PEOPLE}", "łukasz", "Łukasz")
    slapd.person(rf"uid=odd\2A\28name\29\5C,{PEOPLE}", "odd*(name)\\", "Odd")
    slapd.person(f"uid=twin,{PEOPLE}", "twin", "Twin")
    slapd.person(f"uid=twin,ou=branch,{PEOPLE}", "twin", "Twin")
    slapd.group("devs", ANN, COMMA)
    slapd.group("staff", f"cn=devs,{GROUPS}")
    slapd.group("company", f"cn=staff,{GROUPS}")
    slapd.group("loop-a", BOB)
    slapd.group("loop-b", f"cn=loop-a,{GROUPS}")
    slapd.change(f"cn=loop-a,{GROUPS}", {"member": [(ldap3.MODIFY_ADD, [f"cn=loop-b,{GROUPS}"])]})
    slapd.group("Re, Search", COMMA, dn=rf"cn=Re\2C Search,{GROUPS}")
    slapd.group("outside", ANN, dn=f"cn=outside,{PEOPLE}")
    there = f"ldap://127.0.0.1:{slapd.elsewhere}/{BASE}"
    slapd.add(BASE, f"ou=elsewhere,{PEOPLE}", ["referral", "extensibleObject"], ou="elsewhere", ref=there)


def _fill_ad(slapd: Slapd) -> None:
    users = f"ou=users,{AD_BASE}"
    slapd.add(AD_BASE, AD_BASE, ["dcObject", "organization"], o="AD", dc="ad")
    slapd.add(AD_BASE, users, ["organizationalUnit"])
    slapd.add(AD_BASE, AD_READER, ["person"], cn="reader", sn="reader", userPassword=READER_PASSWORD)
    for name, control in (("Eve", 512), ("Mallory", 514)):
        slapd.add(
            AD_BASE,
            f"cn={name},{users}",
            ["user"],
            cn=name,
            sn=name,
            name=f"{name} of AD",
            sAMAccountName=name.lower(),
            userPrincipalName=f"{name.lower()}@ad.example",
            userAccountControl=control,
            userPassword=PASSWORD,
        )
    members = {"Ops": f"cn=Eve,{users}", "All": f"cn=Ops,{users}"}
    for name, member in members.items():
        slapd.add(AD_BASE, f"cn={name},{users}", ["group"], cn=name, name=name, sAMAccountName=name, member=member)


def _slapd() -> str:
    """Where slapd is; it is installed first where it isn't. Debian keeps it off the path of users."""
    found = shutil.which("slapd", path="/usr/sbin:/usr/local/sbin:/usr/libexec")
    if found is None:
        subprocess.run([ROOT / "tools" / "apt-install", "slapd"], check=True)
        found = shutil.which("slapd", path="/usr/sbin")
    if found is None:
        raise RuntimeError("there is no slapd: install Debian's package of that name")
    return found
