"""Refuse a secret that no cluster would take. ``api/secrets.py`` asks: a copy must not fail where nobody looks."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping

from chalicelib.errors import Invalid
from chalicelib.mapping.certificates import check_certificate
from chalicelib.mapping.paths import Object, decoded, get
from chalicelib.mapping.secrets import CONFIG, DOCKER, OLD_CONFIG, decode

NEEDED: Mapping[str, tuple[str, ...]] = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/basic-auth": ("username",),
    DOCKER: (CONFIG,),
    "kubernetes.io/dockercfg": (OLD_CONFIG,),
}
"""The keys without which a secret of a type is none. (Kubernetes would also take a password alone.)"""

_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")


def check(secret: Object) -> None:
    """Raises ``Invalid``."""
    data = secret.get("data") or {}
    for key, value in data.items():
        if not _KEY.fullmatch(key) or key in (".", ".."):
            raise Invalid("keys of data consist of letters, digits, '-', '_' and '.'", field="data")
        _check_value(key, value)
    missing = [key for key in NEEDED.get(str(secret.get("type")), ()) if key not in data]
    if missing:
        raise Invalid(f"data needs {' and '.join(missing)}", code="MissingRequired", field="data")
    _check_type(secret)


def _check_value(key: str, value: object) -> None:
    try:
        base64.b64decode(str(value), validate=True)
    except (binascii.Error, ValueError):
        raise Invalid(f"data.{key} must be base64", field="data") from None


def _check_type(secret: Object) -> None:
    type, data = secret.get("type"), secret.get("data") or {}
    if type == "kubernetes.io/tls":
        check_certificate({"certs": decode(data["tls.crt"]) or "-", "key": decode(data["tls.key"]) or "-"})
    for key in (CONFIG, OLD_CONFIG):
        if key in NEEDED.get(str(type), ()) and not isinstance(decoded(decode(get(data, key))), dict):
            raise Invalid(f"data.{key} must be a JSON object", field="data")
