"""Guessing is slow, for all processes alike; being guessed at locks nobody out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chalicelib.auth.login import Login
from chalicelib.auth.throttle import ACCOUNT, ADDRESS, KIND, PAIR, REMEMBERED, Throttle, network
from chalicelib.errors import TooManyRequests, Unauthorized, Unavailable
from chalicelib.store.resources import Resources
from tests.support.server import PASSWORD, Server

HERE, THERE = "192.0.2.1", "198.51.100.7"


@pytest.fixture
def login(server: Server) -> Login:
    server.user("plain")
    return Login(server.resources, server.parts.passwords, server.clock, server.random)


@pytest.fixture
def throttle(server: Server) -> Throttle:
    return Throttle(server.resources, server.clock)


def wrong() -> None:
    raise Unauthorized


def guess(throttle: Throttle, account: str, address: str, times: int = 1) -> int:
    """Guess as often as that; return how often the password was looked at."""
    looked = 0
    for _ in range(times):
        try:
            throttle.guard(account, address, "u-plain", wrong)
        except Unauthorized:
            looked += 1
        except TooManyRequests:
            continue
    return looked


def test_a_login_without_failures_writes_its_token_alone(server: Server, login: Login) -> None:
    server.changes.clear()
    login.login("plain", PASSWORD, address=HERE)
    assert [change.key.kind for change in server.changes] == ["token"]


@pytest.mark.parametrize("username", ["plain", "nobody", "PLAIN"])
def test_an_account_is_slow_after_failures_whether_it_exists_or_not(login: Login, username: str) -> None:
    for _ in range(PAIR.free + 1):
        with pytest.raises(Unauthorized, match="authentication failed"):
            login.login(username, "a wrong password", address=HERE)
    with pytest.raises(TooManyRequests, match="try again in 1 second"):
        login.login(username, PASSWORD, address=HERE)


def test_the_delay_doubles_up_to_a_bound(server: Server, throttle: Throttle) -> None:
    delays = []
    for _ in range(PAIR.free + 13):
        waited = 0
        while not guess(throttle, "a", HERE):
            server.clock.advance(1)
            waited += 1
        delays.append(waited)
    assert delays[: PAIR.free + 5] == [0] * (PAIR.free + 1) + [1, 2, 4, 8]
    assert delays[-2:] == [PAIR.longest, PAIR.longest]


def guess_refused(throttle: Throttle, server: Server, account: str, address: str) -> bool:
    """Would an attempt be refused now? It comes to nothing, so that it is not counted."""

    def undecided() -> None:
        raise Unavailable

    try:
        throttle.guard(account, address, "", undecided)
    except Unavailable:
        return False
    except TooManyRequests:
        return True
    raise AssertionError


def test_a_right_password_clears_the_failures(server: Server, login: Login) -> None:
    for _ in range(2):
        for _ in range(PAIR.free):
            with pytest.raises(Unauthorized):
                login.login("plain", "a wrong password", address=HERE)
        login.login("plain", PASSWORD, address=HERE)


def test_failures_are_forgotten(server: Server, throttle: Throttle) -> None:
    guess(throttle, "a", HERE, 10)
    server.clock.advance(REMEMBERED)
    assert guess(throttle, "a", HERE, 10) == PAIR.free + 1


def test_who_guesses_from_one_address_stops_nobody_elsewhere(server: Server, login: Login, throttle: Throttle) -> None:
    guess(throttle, "local/plain", HERE, 1000)
    assert login.login("plain", PASSWORD, address=THERE)


def test_many_addresses_guess_slowly_together(server: Server, throttle: Throttle) -> None:
    looked = sum([guess(throttle, "local/plain", f"203.0.113.{number}", 5) for number in range(1, 200)])
    assert looked == ACCOUNT.free + 1


def test_the_user_gets_in_from_where_they_are_at_home_all_the_same(
    server: Server, login: Login, throttle: Throttle
) -> None:
    login.login("plain", PASSWORD, address=HERE)
    for number in range(1, 100):
        guess(throttle, "local/plain", f"203.0.113.{number}", 3)
    with pytest.raises(TooManyRequests):
        login.login("plain", PASSWORD, address=THERE)
    assert login.login("plain", PASSWORD, address=HERE)
    server.clock.advance(ACCOUNT.longest)
    assert login.login("plain", PASSWORD, address=THERE)


def test_one_address_tries_few_names(throttle: Throttle) -> None:
    looked = sum([guess(throttle, f"local/user-{number}", HERE) for number in range(2 * ADDRESS.free)])
    assert looked == ADDRESS.free + 1
    assert guess(throttle, "local/user-0", THERE) == 1


def test_attempts_that_come_to_nothing_clear_no_delay(server: Server, throttle: Throttle) -> None:
    guess(throttle, "a", HERE, PAIR.free + 1)
    server.clock.advance(1)
    assert not guess_refused(throttle, server, "a", HERE)
    assert guess_refused(throttle, server, "a", HERE)


def test_a_refused_attempt_is_not_counted(server: Server, throttle: Throttle) -> None:
    guess(throttle, "a", HERE, PAIR.free + 1)
    before = [count.status for count in server.resources.all(KIND)]
    guess(throttle, "a", HERE, 100)
    assert [count.status for count in server.resources.all(KIND)] == before


def test_at_once_no_more_pass_than_in_a_row(server: Server) -> None:
    guess(Throttle(server.resources, server.clock), "a", HERE, PAIR.free - 1)

    def process(_: int) -> int:
        return guess(Throttle(Resources(server.store, server.clock, server.random), server.clock), "a", HERE)

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(process, range(32))) <= 2


def test_the_current_password_is_not_guessed_either(server: Server, login: Login) -> None:
    user = server.resources.get("user", "u-plain")
    for _ in range(ACCOUNT.free + 1):
        assert not login.verify(user, "a wrong password")
    with pytest.raises(TooManyRequests):
        login.verify(user, PASSWORD)
    server.clock.advance(1)
    assert login.verify(user, PASSWORD)


@pytest.mark.parametrize("spelling", ["ANN", " ann ", "a nn", "a\u00adnn", "\u200bann", "änn", "\uff41nn", "ann\0"])
def test_another_spelling_is_no_other_account(throttle: Throttle, spelling: str) -> None:
    guess(throttle, "openldap/ann", HERE, PAIR.free + 1)
    assert guess(throttle, f"openldap/{spelling}", HERE) == 0
    assert guess(throttle, "openldap/anna", HERE) == 1


def test_counts_name_nobody(server: Server, throttle: Throttle) -> None:
    guess(throttle, "local/secret-name", HERE)
    assert b"secret-name" not in server.rows()
    assert HERE.encode() not in server.rows()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unknown", ""),
        ("192.0.2.1, 198.51.100.7", ""),
    ],
)
def test_what_of_an_address_counts(address: str, expected: str, tmp_path: Path) -> None:
    assert network(address) == expected
