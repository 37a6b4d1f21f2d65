"""What workloads are configured with: config maps, claims, and secrets of all types, which live in one namespace each."""

from __future__ import annotations

from chalicelib.mapping.claims import CLAIM as MAPPED_CLAIM
from chalicelib.mapping.config_maps import CONFIG_MAP as MAPPED_MAP
from chalicelib.mapping.secrets import NAMESPACED
from chalicelib.schema.field import Field, read_only
from chalicelib.schema.live import live, named

CERTIFICATE: dict[str, Field] = {
    **named(dict.fromkeys(("algorithm", "certFingerprint", "cn", "issuer", "serialNumber"), "string")),
    **named(dict.fromkeys(("signatureAlgorithm", "version"), "string")),
    **named(dict.fromkeys(("expiresAt", "issuedAt"), "date")),
    "keySize": read_only("int"),
    "subjectAlternativeNames": read_only("array[string]"),
}

CONFIG_MAP = live(MAPPED_MAP)
CLAIM = live(MAPPED_CLAIM)
SECRETS = tuple(
    # No link to the manifest, which would show what is write-only here.
    live(mapped, links=(), more=CERTIFICATE if id == "certificate" else {})
    for id, mapped in NAMESPACED.items()
)

KINDS = (CONFIG_MAP, CLAIM, *SECRETS)
