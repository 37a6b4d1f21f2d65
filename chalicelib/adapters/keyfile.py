"""Seals secrets with a key that lies in a file beside the database, readable by its owner only.

Standalone's counterpart of KMS: whoever copies the database alone can't read its secrets.
"""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chalicelib.errors import LariatError

_NONCE = 12


class KeyFile:
    """AES-256-GCM; the purpose is authenticated, so that a sealed value can't be moved to another place.

    ``fresh`` says that nothing was sealed yet, so a key may be made; otherwise a missing one is an error.
    """

    def __init__(self, path: Path, *, fresh: bool) -> None:
        if not fresh and not path.exists():
            raise LariatError(f"{path} is missing: restore it from the backup that the database came from")
        self._cipher = AESGCM(_key(path))

    def seal(self, plain: str, purpose: str) -> str:
        nonce = os.urandom(_NONCE)
        return base64.b64encode(nonce + self._cipher.encrypt(nonce, plain.encode(), purpose.encode())).decode()

    def open(self, sealed: str, purpose: str) -> str:
        try:
            raw = base64.b64decode(sealed, validate=True)
            return self._cipher.decrypt(raw[:_NONCE], raw[_NONCE:], purpose.encode()).decode()
        except (InvalidTag, binascii.Error, ValueError):
            raise LariatError("a sealed value can't be opened: was the key file replaced?") from None


def _key(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        key = path.read_bytes()
        if len(key) != 32:
            raise LariatError(
                f"{path} holds no key: restore it from a backup; secrets can't be read without it"
            ) from None
        return key
    with os.fdopen(descriptor, "wb") as file:
        key = AESGCM.generate_key(256)
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    return key
