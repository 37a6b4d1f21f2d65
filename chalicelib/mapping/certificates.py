"""What a certificate says of itself, for the secrets that hold one."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from chalicelib.mapping.paths import Object, Values, get
from chalicelib.mapping.place import Place


class Certificate:
    """The read-only fields of a certificate; none for a stored one that can't be read."""

    @property
    def fields(self) -> Mapping[str, str]:
        return {}

    def read(self, source: Object, values: Values, place: Place) -> None:
        from chalicelib.mapping import pem

        try:
            values |= pem.facts(base64.b64decode(str(get(source, "data", "tls.crt") or ""), validate=True))
        except binascii.Error:
            return

    def write(self, values: Values, target: Object, place: Place) -> None:
        return


def check_certificate(values: Values) -> None:
    """Refuse what is no PEM, and a key that belongs to another certificate."""
    from chalicelib.mapping import pem

    pem.check(values.get("certs"), values.get("key"))
