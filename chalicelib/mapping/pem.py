"""Read PEM. Apart from ``certificates.py``, as what this imports takes long to load and few requests need it."""

from __future__ import annotations

from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from chalicelib.errors import Invalid
from chalicelib.mapping.paths import Values

UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, x509.UnsupportedGeneralNameType)


def facts(pem: bytes) -> Values:
    """What the first certificate says of itself; nothing if it can't be read."""
    try:
        return _facts(x509.load_pem_x509_certificates(pem)[0])
    except UNREADABLE:
        return {}


def check(certs: object, key: object) -> None:
    """Refuse what is no PEM, and a key that belongs to another certificate; each may be absent. Raises ``Invalid``."""
    certificates = _loaded(certs) if certs else None
    public = _public(key) if key else None
    if certificates and public and public != _bytes(certificates[0].public_key()):
        raise Invalid("key does not belong to the first certificate of certs", code="InvalidBodyContent", field="key")


def _facts(certificate: x509.Certificate) -> Values:
    key = certificate.public_key()
    hash = certificate.signature_hash_algorithm
    return {
        "algorithm": _algorithm(key),
        "certFingerprint": certificate.fingerprint(SHA1()).hex(":").upper(),  # noqa: S303 # shown, trusted by nobody
        "cn": _common_name(certificate.subject),
        "expiresAt": _time(certificate.not_valid_after_utc),
        "issuedAt": _time(certificate.not_valid_before_utc),
        "issuer": _common_name(certificate.issuer),
        "keySize": getattr(key, "key_size", None),
        "serialNumber": str(certificate.serial_number),
        "signatureAlgorithm": hash.name if hash else None,
        "subjectAlternativeNames": _names(certificate),
        "version": str(certificate.version.value + 1),
    }


def _algorithm(key: object) -> str:
    if isinstance(key, rsa.RSAPublicKey):
        return "RSA"
    return "ECDSA" if isinstance(key, ec.EllipticCurvePublicKey) else type(key).__name__.removesuffix("PublicKey")


def _common_name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in names]


def _time(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _loaded(text: object) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(str(text).encode())
    except UNREADABLE:
        raise Invalid("certs must be PEM certificates", code="InvalidBodyContent", field="certs") from None


def _public(text: object) -> bytes:
    try:
        return _bytes(load_pem_private_key(str(text).encode(), None).public_key())
    except UNREADABLE:
        raise Invalid("key must be an unencrypted PEM private key", code="InvalidBodyContent", field="key") from None


def _bytes(key: object) -> bytes:
    return bytes(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))  # type: ignore[attr-defined]
