"""Seals secrets with data keys from KMS: whoever copies the database alone, or the key alone, can't read them."""

from __future__ import annotations

import base64
import binascii
import os
from collections import OrderedDict
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from botocore.exceptions import ClientError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chalicelib.adapters import aws
from chalicelib.errors import LariatError
from chalicelib.types import Clock

REMEMBERED_SECONDS = 300.0
REMEMBERED = 256
"""Data keys kept in memory: KMS bills each call, and a list of secrets must not be as many calls."""

_NONCE = 12
_FOREIGN = {"AccessDeniedException", "IncorrectKeyException", "InvalidCiphertextException", "NotFoundException"}


class _DataKey(NamedTuple):
    until: float
    cipher: AESGCM
    wrapped: bytes


class Kms:
    """A ``Seal``. The purpose is the data key's encryption context, so KMS' own log says what was opened and why.

    ``client`` is called when it is first needed. A sealed value is base64 of: the length of the wrapped key (2 bytes), the
    wrapped key, a nonce, the ciphertext.
    """

    def __init__(self, client: Callable[[], Any], key: str, clock: Clock) -> None:
        self._client = cache(client)
        self._key = key
        self._clock = clock
        self._sealing: OrderedDict[str, _DataKey] = OrderedDict()
        self._opening: OrderedDict[tuple[bytes, str], _DataKey] = OrderedDict()

    def seal(self, plain: str, purpose: str) -> str:
        key = _remembered(self._sealing, purpose, self._clock.now()) or self._generate(purpose)
        nonce = os.urandom(_NONCE)
        sealed = key.cipher.encrypt(nonce, plain.encode(), purpose.encode())
        return base64.b64encode(len(key.wrapped).to_bytes(2) + key.wrapped + nonce + sealed).decode()

    def open(self, sealed: str, purpose: str) -> str:
        try:
            raw = base64.b64decode(sealed, validate=True)
            end = 2 + int.from_bytes(raw[:2])
            wrapped, nonce, text = raw[2:end], raw[end : end + _NONCE], raw[end + _NONCE :]
            return self._unwrap(wrapped, purpose).cipher.decrypt(nonce, text, purpose.encode()).decode()
        except (InvalidTag, binascii.Error, ValueError):
            raise _unreadable() from None

    def _generate(self, purpose: str) -> _DataKey:
        with aws.translated("KMS"):
            made = self._client().generate_data_key(
                KeyId=self._key, KeySpec="AES_256", EncryptionContext={"purpose": purpose}
            )
        key = _DataKey(self._clock.now() + REMEMBERED_SECONDS, AESGCM(made["Plaintext"]), made["CiphertextBlob"])
        _remember(self._sealing, purpose, key)
        _remember(self._opening, (key.wrapped, purpose), key)
        return key

    def _unwrap(self, wrapped: bytes, purpose: str) -> _DataKey:
        known = _remembered(self._opening, (wrapped, purpose), self._clock.now())
        if known is not None:
            return known
        if not wrapped:
            raise _unreadable()
        with aws.translated("KMS"):
            try:
                opened = self._client().decrypt(
                    CiphertextBlob=wrapped, KeyId=self._key, EncryptionContext={"purpose": purpose}
                )
            except ClientError as error:
                if error.response["Error"]["Code"] in _FOREIGN:
                    raise _unreadable() from error
                raise
        key = _DataKey(self._clock.now() + REMEMBERED_SECONDS, AESGCM(opened["Plaintext"]), wrapped)
        _remember(self._opening, (wrapped, purpose), key)
        return key


def _remembered(keys: OrderedDict[Any, _DataKey], name: object, now: float) -> _DataKey | None:
    key = keys.get(name)
    return key if key is not None and key.until > now else None


def _remember(keys: OrderedDict[Any, _DataKey], name: object, key: _DataKey) -> None:
    keys.pop(name, None)
    keys[name] = key
    while len(keys) > REMEMBERED:
        keys.popitem(last=False)


def _unreadable() -> LariatError:
    return LariatError("a sealed value can't be opened: was the KMS key replaced?")
