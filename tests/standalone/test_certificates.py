"""The server's certificates: whom they are for, how long they hold, and who may read their keys."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import stat
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from standalone import certificates
from standalone.certificates import CA_DAYS, DAYS, RENEW_DAYS

NOW = datetime.datetime(2026, 11, 24, 8, 0, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)


def leaf(folder: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificates((folder / "server.pem").read_bytes())[0]


def names(certificate: x509.Certificate) -> set[str]:
    held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {*held.get_values_for_type(x509.DNSName), *map(str, held.get_values_for_type(x509.IPAddress))}


def usual() -> set[str]:
    return {"localhost", "127.0.0.1", "::1", socket.gethostname()}


def test_it_is_for_this_machine_and_for_the_names_that_were_given(tmp_path: Path) -> None:
    certificates.own(tmp_path, ("lariat.test", "192.0.2.1", "[2001:db8::1]", "localhost", "lariat.test"), NOW)
    assert names(leaf(tmp_path)) == usual() | {"lariat.test", "192.0.2.1", "2001:db8::1"}


@pytest.mark.parametrize("name", ["", "0.0.0.0", "::"])  # noqa: S104
def test_an_address_that_means_all_is_no_name(tmp_path: Path, name: str) -> None:
    certificates.own(tmp_path, (name,), NOW)
    assert names(leaf(tmp_path)) == usual()


def test_addresses_are_not_names(tmp_path: Path) -> None:
    certificates.own(tmp_path, ("192.0.2.1",), NOW)
    held = leaf(tmp_path).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert ipaddress.ip_address("192.0.2.1") in held.get_values_for_type(x509.IPAddress)
    assert "192.0.2.1" not in held.get_values_for_type(x509.DNSName)


def test_what_is_returned_is_what_clients_must_trust(tmp_path: Path) -> None:
    made = certificates.own(tmp_path, (), NOW)
    assert made.authority == (tmp_path / "ca.pem").read_text().strip()
    chain = x509.load_pem_x509_certificates(made.chain.read_bytes())
    assert chain[1] == x509.load_pem_x509_certificate(made.authority.encode())
    chain[0].verify_directly_issued_by(chain[1])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.chain, made.key)


def test_each_may_do_its_own_job_only(tmp_path: Path) -> None:
    certificates.own(tmp_path, (), NOW)
    server, authority = x509.load_pem_x509_certificates((tmp_path / "server.pem").read_bytes())
    assert not server.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    usage = server.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    constraints = authority.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (True, 0)
    assert authority.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign


def test_a_client_that_trusts_the_authority_trusts_the_server(tmp_path: Path) -> None:
    made = certificates.own(tmp_path, ("lariat.test",), datetime.datetime.now(datetime.UTC))
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(made.chain, made.key)
    ours = ssl.create_default_context(cadata=made.authority)
    for name in ("lariat.test", "localhost", "127.0.0.1", "::1"):
        client, server = ssl.MemoryBIO(), ssl.MemoryBIO()
        near = ours.wrap_bio(server, client, server_hostname=name)
        far = theirs.wrap_bio(client, server, server_side=True)
        _shake_hands(near, far)
        assert near.getpeercert()


def _shake_hands(*ends: ssl.SSLObject) -> None:
    unfinished = list(ends)
    for _ in range(10):
        for end in list(unfinished):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            unfinished.remove(end)
    assert unfinished == []


def test_the_same_is_used_again(tmp_path: Path) -> None:
    first = certificates.own(tmp_path, ("a.test", "b.test"), NOW)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert certificates.own(tmp_path, ("b.test", "a.test"), NOW + DAY) == first
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("now", [("a.test", "b.test"), (), ("b.test",)], ids=["one more", "one less", "another"])
def test_other_names_make_a_new_one_of_the_same_authority(tmp_path: Path, now: tuple[str, ...]) -> None:
    first = certificates.own(tmp_path, ("a.test",), NOW)
    before = leaf(tmp_path)
    second = certificates.own(tmp_path, now, NOW + DAY)
    assert second.authority == first.authority
    assert leaf(tmp_path).serial_number != before.serial_number
    assert names(leaf(tmp_path)) == usual() | set(now)


@pytest.mark.parametrize(
    ("later", "renewed"),
    [
        (datetime.timedelta(days=DAYS - RENEW_DAYS) - HOUR, False),
        (datetime.timedelta(days=DAYS - RENEW_DAYS), True),
        (datetime.timedelta(days=DAYS) + DAY, True),
        (datetime.timedelta(days=DAYS * 5), True),
    ],
    ids=["before", "at", "after the end", "years later"],
)
def test_it_is_made_anew_before_its_end(tmp_path: Path, later: datetime.timedelta, renewed: bool) -> None:
    first = certificates.own(tmp_path, (), NOW)
    before = leaf(tmp_path)
    second = certificates.own(tmp_path, (), NOW + later)
    after = leaf(tmp_path)
    assert (after.serial_number != before.serial_number) is renewed
    assert second.authority == first.authority
    if renewed:
        assert after.not_valid_before_utc == NOW + later - HOUR
        assert after.not_valid_after_utc == NOW + later + datetime.timedelta(days=DAYS)
        assert after.public_key() != before.public_key()


def test_the_authority_holds_for_years(tmp_path: Path) -> None:
    made = certificates.own(tmp_path, (), NOW)
    authority = x509.load_pem_x509_certificate(made.authority.encode())
    assert authority.not_valid_after_utc == NOW + datetime.timedelta(days=CA_DAYS)
    assert authority.not_valid_before_utc == NOW - HOUR


def test_no_certificate_outlives_its_authority(tmp_path: Path) -> None:
    made = certificates.own(tmp_path, (), NOW)
    certificates.own(tmp_path, (), NOW + datetime.timedelta(days=CA_DAYS - 10))
    authority = x509.load_pem_x509_certificate(made.authority.encode())
    assert leaf(tmp_path).not_valid_after_utc <= authority.not_valid_after_utc


def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    certificates.own(tmp_path, (), NOW)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"ca.key": 0o600, "ca.pem": 0o644, "server.key": 0o600, "server.pem": 0o644}


def test_no_key_is_in_the_wrong_file(tmp_path: Path) -> None:
    certificates.own(tmp_path, (), NOW)
    assert "PRIVATE" not in (tmp_path / "ca.pem").read_text() + (tmp_path / "server.pem").read_text()
    authority = load_pem_private_key((tmp_path / "ca.key").read_bytes(), None)
    server = load_pem_private_key((tmp_path / "server.key").read_bytes(), None)
    assert leaf(tmp_path).public_key() == server.public_key()
    assert server.public_key() != authority.public_key()


def test_a_leftover_of_a_crash_does_no_harm(tmp_path: Path) -> None:
    """A file that was half written is overwritten, and its key is not readable for others either."""
    leftover = tmp_path / "server.key.partial"
    leftover.write_text("half")
    leftover.chmod(0o600)
    made = certificates.own(tmp_path, (), NOW)
    assert not leftover.exists()
    assert load_pem_private_key(made.key.read_bytes(), None).public_key() == leaf(tmp_path).public_key()


@pytest.mark.parametrize("gone", ["server.pem", "server.key"])
def test_a_missing_half_is_made_anew(tmp_path: Path, gone: str) -> None:
    first = certificates.own(tmp_path, (), NOW)
    (tmp_path / gone).unlink()
    second = certificates.own(tmp_path, (), NOW)
    assert second.authority == first.authority
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(second.chain, second.key)


def test_a_key_that_belongs_to_another_certificate_is_made_anew(tmp_path: Path) -> None:
    """A power cut between writing the key and writing the certificate: the next start must mend it."""
    certificates.own(tmp_path, (), NOW)
    chain = (tmp_path / "server.pem").read_bytes()
    certificates.own(tmp_path, ("new.test",), NOW)
    (tmp_path / "server.pem").write_bytes(chain)
    made = certificates.own(tmp_path, (), NOW)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(made.chain, made.key)


def test_another_authority_makes_another_certificate(tmp_path: Path) -> None:
    first = certificates.own(tmp_path, (), NOW)
    (tmp_path / "ca.key").unlink()
    (tmp_path / "ca.pem").unlink()
    second = certificates.own(tmp_path, (), NOW + DAY)
    assert second.authority != first.authority
    chain = x509.load_pem_x509_certificates(second.chain.read_bytes())
    chain[0].verify_directly_issued_by(chain[1])


def test_another_authority_of_the_same_day_does_too(tmp_path: Path) -> None:
    certificates.own(tmp_path, (), NOW)
    (tmp_path / "ca.key").unlink()
    (tmp_path / "ca.pem").unlink()
    made = certificates.own(tmp_path, (), NOW)
    leaf(tmp_path).verify_directly_issued_by(x509.load_pem_x509_certificate(made.authority.encode()))


class TestGiven:
    """The operator's own certificate."""

    def test_a_chain_with_its_own_authority_at_the_end(self, tmp_path: Path) -> None:
        authority = trustme.CA()
        certificate = authority.issue_cert("lariat.test")
        chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
        chain.write_bytes(certificate.cert_chain_pems[0].bytes() + authority.cert_pem.bytes())
        certificate.private_key_pem.write_to_path(str(key))
        given = certificates.given(chain, key)
        assert (given.chain, given.key) == (chain, key)
        assert given.authority == authority.cert_pem.bytes().decode().strip()

    def test_a_chain_of_an_authority_that_everybody_trusts(self, tmp_path: Path) -> None:
        root = trustme.CA()
        between = root.create_child_ca()
        certificate = between.issue_cert("lariat.test")
        chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
        chain.write_bytes(b"".join(pem.bytes() for pem in certificate.cert_chain_pems))
        certificate.private_key_pem.write_to_path(str(key))
        assert certificates.given(chain, key).authority == ""

    def test_a_certificate_that_signed_itself(self, tmp_path: Path) -> None:
        authority = trustme.CA()
        chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
        authority.cert_pem.write_to_path(str(chain))
        authority.private_key_pem.write_to_path(str(key))
        assert certificates.given(chain, key).authority == chain.read_text().strip()

    @pytest.mark.parametrize("text", ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
    def test_what_is_none_is_refused(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "chain.pem").write_text(text)
        (tmp_path / "key.pem").write_text("")
        with pytest.raises(ValueError):  # noqa: PT011
            certificates.given(tmp_path / "chain.pem", tmp_path / "key.pem")
