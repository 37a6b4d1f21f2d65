"""Passwords that go to a directory are guessed no faster than our own."""

from __future__ import annotations

import pytest

from chalicelib.auth.throttle import KIND, PAIR
from chalicelib.errors import TooManyRequests, Unauthorized, Unavailable
from tests.auth.providers.scene import Scene
from tests.support.slapd import PASSWORD, Slapd

HERE = "192.0.2.1"


def test_guessing_is_slow_however_the_name_is_spelled(scene: Scene, slapd: Slapd) -> None:
    scene.enable_directory(slapd)
    for number in range(PAIR.free + 1):
        with pytest.raises(Unauthorized):
            scene.parts.sessions.log_in("openldap", f"D{number}\\Ann@x{number}.example", "wrong", address=HERE)
    with pytest.raises(TooManyRequests):
        scene.parts.sessions.log_in("openldap", "ann", PASSWORD, address=HERE)
    scene.server.clock.advance(1)
    assert scene.works(scene.parts.sessions.log_in("openldap", "ann", PASSWORD, address=HERE))


def test_a_directory_that_is_down_counts_against_nobody(scene: Scene, slapd: Slapd) -> None:
    scene.enable_directory(slapd, port=1)
    for _ in range(2 * PAIR.free):
        with pytest.raises(Unavailable):
            scene.parts.sessions.log_in("openldap", "ann", PASSWORD, address=HERE)
    assert list(scene.server.resources.all(KIND)) == []


def test_accounts_of_different_providers_are_different(scene: Scene, slapd: Slapd) -> None:
    scene.enable_directory(slapd)
    scene.server.user("ann")
    for _ in range(PAIR.free + 1):
        with pytest.raises(Unauthorized):
            scene.login.login("ann", "a wrong password", address=HERE)
    assert scene.works(scene.parts.sessions.log_in("openldap", "ann", PASSWORD, address=HERE))
