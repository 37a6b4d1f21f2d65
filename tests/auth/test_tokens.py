"""Keys of tokens: how they are drawn, and that the store can't show them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from chalicelib.auth.tokens import ALPHABET, KEY_LENGTH, digest, expired, matches, new, reaches, word
from chalicelib.types import Resource
from tests.support.random import SeededRandom

KEY = "k" * KEY_LENGTH


class Counting:
    """A ``Random`` that counts up, so that every byte comes equally often."""

    def __init__(self) -> None:
        self._next = 0

    def bytes(self, count: int) -> bytes:
        drawn = bytes((self._next + index) % 256 for index in range(count))
        self._next += count
        return drawn


class Biased:
    """A ``Random`` of high bytes, which a plain remainder would fold onto the first letters."""

    def __init__(self) -> None:
        self._random = SeededRandom()

    def bytes(self, count: int) -> bytes:
        return bytes(243 + byte % 13 if index % 2 else byte for index, byte in enumerate(self._random.bytes(count)))


def token(ttl: int = 0, now: float = 1000.0) -> Resource:
    return new("token-x", KEY, "u-1", now=now, ttl=ttl, spec={"isDerived": True}, labels={"kind": "api"})


def test_the_alphabet_has_neither_vowels_nor_doubles() -> None:
    assert len(set(ALPHABET)) == len(ALPHABET) == 27
    assert not set(ALPHABET) & set("aeiouy013")


@pytest.mark.parametrize("length", [1, 5, 20, KEY_LENGTH, 1000])
def test_a_word_has_its_length_and_its_letters(length: int) -> None:
    drawn = word(SeededRandom(), length)
    assert len(drawn) == length
    assert set(drawn) <= set(ALPHABET)


def test_every_letter_is_as_likely_as_any_other() -> None:
    # 2,304 bytes hold each value nine times; of each, 243 count, and those are nine for each letter.
    counts = Counter(word(Counting(), 9 * 243))
    assert set(counts.values()) == {81}


def test_bytes_that_would_favour_letters_are_thrown_away() -> None:
    counts = Counter(word(Biased(), 27_000))
    assert set(counts) == set(ALPHABET)
    assert max(counts.values()) < 1.2 * min(counts.values())


def test_a_key_holds_256_bits() -> None:
    assert len(ALPHABET) ** KEY_LENGTH > 2**256


def test_words_differ() -> None:
    random = SeededRandom()
    assert len({word(random, KEY_LENGTH) for _ in range(200)}) == 200


def test_the_resource_does_not_hold_the_key() -> None:
    assert KEY not in repr(token())
    assert token().status == {"keyHash": digest(KEY)}


def test_a_token_belongs_to_its_user() -> None:
    made = token()
    assert (made.parent, made.spec["userId"]) == ("u-1", "u-1")
    assert made.labels == {"authn.management.cattle.io/token-userId": "u-1", "kind": "api"}


def test_its_key_matches() -> None:
    assert matches(token(), KEY)


@pytest.mark.parametrize("key", ["", KEY[:-1], f"{KEY}k", KEY.upper(), digest(KEY), "é"])
def test_another_key_does_not_match(key: str) -> None:
    assert not matches(token(), key)


@pytest.mark.parametrize("status", [{}, {"keyHash": ""}, {"keyHash": None}])
def test_a_token_without_a_hash_matches_nothing(status: dict[str, None]) -> None:
    broken = replace(token(), status=status)
    assert not matches(broken, KEY)
    assert not matches(broken, "")


@pytest.mark.parametrize(
    ("ttl", "now", "gone"),
    [
        (0, 10.0**10, False),
        (60_000, 1059.9, False),
        (60_000, 1060.0, True),
        (60_000, 2000.0, True),
        (1, 1000.0, True),
    ],
)
def test_a_token_expires(ttl: int, now: float, gone: bool) -> None:
    assert expired(token(ttl), now) is gone


def test_no_time_means_no_end() -> None:
    assert token().expires is None


@pytest.mark.parametrize(
    ("of", "wanted", "reached"),
    [(None, None, True), ("", "c-1", True), (None, "c-1", True), ("c-1", "c-1", True)]
    + [("c-1", wanted, False) for wanted in (None, "", "c-2")],
)
def test_a_token_of_one_cluster_reaches_no_more(of: str | None, wanted: str | None, reached: bool) -> None:
    token = Resource(kind="token", id="t", spec={"clusterId": of})
    assert reaches(token, wanted) is reached
