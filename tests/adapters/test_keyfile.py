"""Sealing with a key in a file."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest

from chalicelib.adapters.keyfile import KeyFile
from chalicelib.errors import LariatError

PURPOSE = "c-1/token"
UNREADABLE = "a sealed value can't be opened"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "seal.key"


@pytest.fixture
def seal(path: Path) -> KeyFile:
    return KeyFile(path, fresh=True)


@pytest.mark.parametrize("plain", ["", "x", "é ☃ \0", "x" * 100_000])
def test_what_is_sealed_can_be_opened(seal: KeyFile, plain: str) -> None:
    assert seal.open(seal.seal(plain, PURPOSE), PURPOSE) == plain


def test_what_is_sealed_is_not_readable(seal: KeyFile) -> None:
    sealed = seal.seal("the secret", PURPOSE)
    assert b"secret" not in base64.b64decode(sealed)
    assert "secret" not in sealed


def test_the_same_never_seals_the_same(seal: KeyFile) -> None:
    assert len({seal.seal("x", PURPOSE) for _ in range(100)}) == 100


@pytest.mark.parametrize("purpose", ["", "c-2/token", "c-1/token ", "C-1/TOKEN"])
def test_another_purpose_opens_nothing(seal: KeyFile, purpose: str) -> None:
    with pytest.raises(LariatError, match=UNREADABLE):
        seal.open(seal.seal("x", PURPOSE), purpose)


def test_every_changed_byte_is_noticed(seal: KeyFile) -> None:
    raw = bytearray(base64.b64decode(seal.seal("secret", PURPOSE)))
    for index in range(len(raw)):
        changed = bytes(raw[:index]) + bytes([raw[index] ^ 1]) + bytes(raw[index + 1 :])
        with pytest.raises(LariatError, match=UNREADABLE):
            seal.open(base64.b64encode(changed).decode(), PURPOSE)


@pytest.mark.parametrize("sealed", ["", "x", "====", "é", "AAAA", "A" * 64, "not base64!"])
def test_what_was_never_sealed_does_not_open(seal: KeyFile, sealed: str) -> None:
    with pytest.raises(LariatError, match=UNREADABLE):
        seal.open(sealed, PURPOSE)


def test_the_error_shows_nothing_of_the_value(seal: KeyFile) -> None:
    with pytest.raises(LariatError) as caught:
        seal.open("c2VjcmV0", PURPOSE)
    assert "c2VjcmV0" not in caught.value.message


def test_the_key_is_for_its_owner_alone(seal: KeyFile, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_bytes()) == 32


def test_the_key_outlives_the_process(seal: KeyFile, path: Path) -> None:
    sealed = seal.seal("secret", PURPOSE)
    assert KeyFile(path, fresh=False).open(sealed, PURPOSE) == "secret"
    assert KeyFile(path, fresh=True).open(sealed, PURPOSE) == "secret"


def test_another_key_opens_nothing(seal: KeyFile, tmp_path: Path) -> None:
    other = KeyFile(tmp_path / "other.key", fresh=True)
    with pytest.raises(LariatError, match=UNREADABLE):
        other.open(seal.seal("x", PURPOSE), PURPOSE)


def test_every_key_is_a_new_one(seal: KeyFile, path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.key"
    KeyFile(other, fresh=True)
    assert other.read_bytes() != path.read_bytes()


@pytest.mark.parametrize("content", [b"", b"x" * 31, b"x" * 33])
def test_a_broken_key_file_is_not_replaced(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(LariatError, match="holds no key"):
        KeyFile(path, fresh=True)
    assert path.read_bytes() == content


def test_where_secrets_exist_a_missing_key_is_not_made_anew(path: Path) -> None:
    with pytest.raises(LariatError, match="is missing"):
        KeyFile(path, fresh=False)
    assert not path.exists()
