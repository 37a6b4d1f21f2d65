"""Passwords are slow to guess, and count to their last letter."""

from __future__ import annotations

import argon2
import pytest

from chalicelib.auth.passwords import LONGEST, SHORTEST, Passwords
from chalicelib.errors import Invalid
from tests.support.server import PASSWORD, hashed

OTHER = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$Z2FyYmFnZQ"


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    return Passwords()


def test_the_parameters_are_owasps(passwords: Passwords) -> None:
    found = argon2.extract_parameters(hashed())
    assert found.type is argon2.Type.ID
    assert (found.memory_cost, found.time_cost, found.parallelism) == (19 * 1024, 2, 1)
    assert hashed().startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_the_same_password_never_hashes_the_same(passwords: Passwords) -> None:
    assert passwords.hash(PASSWORD) != passwords.hash(PASSWORD)


def test_the_hash_does_not_show_the_password() -> None:
    assert PASSWORD not in hashed()


def test_the_right_password(passwords: Passwords) -> None:
    assert passwords.verify(hashed(), PASSWORD) is True


@pytest.mark.parametrize("password", ["", PASSWORD.upper(), PASSWORD[:-1], f"{PASSWORD} ", f"{PASSWORD}\0", "x" * 5000])
def test_a_wrong_password(passwords: Passwords, password: str) -> None:
    assert passwords.verify(hashed(), password) is False


def test_letters_count_beyond_the_72_bytes_that_bcrypt_takes(passwords: Passwords) -> None:
    long = "x" * 72
    hash = passwords.hash(f"{long}yes")
    assert passwords.verify(hash, f"{long}yes") is True
    assert passwords.verify(hash, f"{long}no") is False
    assert passwords.verify(hash, long) is False


def test_a_zero_does_not_end_a_password(passwords: Passwords) -> None:
    hash = passwords.hash("before\0and after")
    assert passwords.verify(hash, "before\0and others") is False


@pytest.mark.parametrize("password", ["ünïcödé ☃ pass", "x" * SHORTEST, "x" * LONGEST, " " * SHORTEST])
def test_passwords_that_fit(passwords: Passwords, password: str) -> None:
    assert passwords.verify(passwords.hash(password), password) is True


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("", "MinLengthExceeded"),
        ("x" * (SHORTEST - 1), "MinLengthExceeded"),
        ("x" * (LONGEST + 1), "MaxLengthExceeded"),
    ],
)
def test_passwords_that_do_not_fit(passwords: Passwords, password: str, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        passwords.hash(password)
    assert (caught.value.code, caught.value.field) == (code, "password")


@pytest.mark.parametrize("password", ["", PASSWORD, "nobody has this password"])
def test_without_a_user_no_password_is_right(passwords: Passwords, password: str) -> None:
    assert passwords.verify(None, password) is False


def test_an_empty_hash_fits_no_password(passwords: Passwords) -> None:
    assert passwords.verify("", "nobody has this password") is False


@pytest.mark.parametrize("hash", ["x", "$2b$10$abcdefghijklmnopqrstuv", OTHER, "$argon2id$"])
def test_a_hash_that_is_none_fits_no_password(passwords: Passwords, hash: str) -> None:
    assert passwords.verify(hash, PASSWORD) is False
