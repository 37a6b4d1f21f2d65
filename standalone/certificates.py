"""The server's own CA and certificate, kept in the data folder; or those that the operator brings.

``server.py`` asks for them at every start. The CA is made once and stays, because agents and kubeconfigs pin it; the
certificate is made anew when its names change or it comes near its end.
"""

from __future__ import annotations

import datetime
import ipaddress
import logging
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

log = logging.getLogger("lariat.server")

CA_DAYS = 3650
DAYS = 365
RENEW_DAYS = 30


@dataclass(frozen=True, slots=True)
class Certificates:
    """``authority`` is the PEM that clients must trust, empty if they do already."""

    chain: Path
    key: Path
    authority: str


def own(folder: Path, names: Sequence[str], now: datetime.datetime) -> Certificates:
    """Return a certificate for these names and addresses (and this machine's own), signed by the folder's CA."""
    ca_certificate, ca_key = _authority(folder, now)
    chain, key = folder / "server.pem", folder / "server.key"
    wanted = _names(names)
    if ca_certificate.not_valid_after_utc - now < datetime.timedelta(days=DAYS):
        log.warning("the CA in %s ends on %s; agents need a new one before", folder, ca_certificate.not_valid_after_utc)
    if not _usable(chain, key, wanted, ca_certificate, now):
        _issue(chain, key, wanted, ca_certificate, ca_key, now)
    return Certificates(chain, key, _pem(ca_certificate).strip())


def given(chain: Path, key: Path) -> Certificates:
    """Use the operator's certificate. If it is signed by a CA of its own, that one is in the chain's end."""
    certificates = x509.load_pem_x509_certificates(chain.read_bytes())
    last = certificates[-1]
    authority = _pem(last).strip() if last.issuer == last.subject else ""
    return Certificates(chain, key, authority)


def _authority(folder: Path, now: datetime.datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    certificate_path, key_path = folder / "ca.pem", folder / "ca.key"
    if certificate_path.exists() and key_path.exists():
        certificate = x509.load_pem_x509_certificate(certificate_path.read_bytes())
        key = serialization.load_pem_private_key(key_path.read_bytes(), None)
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return certificate, key
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Lariat CA {now:%Y-%m-%d}")])
    usage = x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    certificate = (
        _builder(name, name, key.public_key(), now + datetime.timedelta(days=CA_DAYS), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(key_path, _private(key), 0o600)
    _write(certificate_path, _pem(certificate).encode(), 0o644)
    return certificate, key


def _issue(
    chain: Path,
    key_path: Path,
    names: Sequence[str],
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    now: datetime.datetime,
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lariat")])
    issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    end = min(now + datetime.timedelta(days=DAYS), authority.not_valid_after_utc)
    certificate = (
        _builder(subject, authority.subject, key.public_key(), end, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(issued_by, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    _write(key_path, _private(key), 0o600)
    _write(chain, (_pem(certificate) + _pem(authority)).encode(), 0o644)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    end: datetime.datetime,
    now: datetime.datetime,
) -> x509.CertificateBuilder:
    # An hour of grace, for clients whose clocks are behind.
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(end)
    )


def _usable(chain: Path, key: Path, names: Sequence[str], authority: x509.Certificate, now: datetime.datetime) -> bool:
    if not (chain.exists() and key.exists()):
        return False
    certificate = x509.load_pem_x509_certificates(chain.read_bytes())[0]
    held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    if certificate.not_valid_after_utc - now <= datetime.timedelta(days=RENEW_DAYS):
        return False
    if set(held) != {_general(name) for name in names} or not _signed(certificate, authority):
        return False
    # The two files are written one after the other, and a crash may have come between.
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    return private.public_key() == certificate.public_key()


def _signed(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _names(more: Sequence[str]) -> list[str]:
    usual = ["localhost", "127.0.0.1", "::1", socket.gethostname()]
    return sorted({name.strip("[]") for name in [*usual, *more] if name not in ("", "0.0.0.0", "::")})  # noqa: S104


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, data: bytes, mode: int) -> None:
    """Write in one step, so that a crash leaves the old file or the new one."""
    partial = path.with_name(path.name + ".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
