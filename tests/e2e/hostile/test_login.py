"""Logging in tells strangers nothing and takes nothing but a name and a password."""

from __future__ import annotations

import json

import pytest

from tests.e2e.hostile.scene import LOGIN, log_in, new_user
from tests.support.lariat import PASSWORD, Client, Lariat
from tests.support.wire import Answer, Wire, post

pytestmark = pytest.mark.cluster


def told(answer: Answer) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
    """All that an answer tells, but for the time."""
    return answer.status, tuple(pair for pair in answer.headers if pair[0] != "date"), answer.body


def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(wire: Wire) -> None:
    wrong = log_in(wire, "admin", "not the password")
    assert (wrong.status, wrong.json["code"], wrong.json["message"]) == (401, "Unauthorized", "authentication failed")
    assert told(log_in(wire, "nobody-of-that-name", "not the password")) == told(wrong)


@pytest.mark.parametrize("password", ["", " ", "x" * 1024, "x" * 1025, "x" * 50_000, "\x00", "pass\x00word", "é" * 400])
def test_no_password_tells_whether_a_user_exists(wire: Wire, password: str) -> None:
    known = log_in(wire, "admin", password)
    assert known.status in (401, 422)
    assert told(log_in(wire, "nobody-of-that-name", password)) == told(known)


def test_an_empty_password_is_refused(wire: Wire) -> None:
    answer = log_in(wire, "admin", "")
    assert (answer.status, answer.json["code"], answer.json["fieldName"]) == (422, "MissingRequired", "password")


def test_a_disabled_user_with_a_wrong_password_looks_unknown(lariat: Lariat, admin: Client, wire: Wire) -> None:
    user = new_user(lariat, admin, "sleeping")
    assert admin.put(f"/v3/users/{user.id}", json={"enabled": False}).status_code == 200
    assert told(log_in(wire, "sleeping", "not the password")) == told(log_in(wire, "unknown", "not the password"))
    assert log_in(wire, "sleeping", PASSWORD).status == 403


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"username":"admin"}',
        b'{"username":"admin","password":null}',
        b'{"username":"admin","password":[]}',
        b'{"username":"admin","password":{"$gt":""}}',
        b'{"username":["admin"],"password":"x"}',
        b'{"username":null,"password":"x"}',
        b'{"username":"' + b"a" * 300 + b'","password":"x"}',
    ],
)
def test_a_login_that_is_none_is_refused(wire: Wire, body: bytes) -> None:
    assert wire.ask(post(LOGIN, body)).status == 422


@pytest.mark.parametrize(
    "username", ["admin\x00", "admin' --", "*", "admin)(uid=*", "../admin", "bootstrap/administrator"]
)
def test_a_username_is_a_name_and_nothing_else(wire: Wire, username: str) -> None:
    # Too many guesses from here are slowed down, and no less refused.
    assert log_in(wire, username, PASSWORD).status in (401, 429)


def test_the_last_of_doubled_fields_counts(wire: Wire) -> None:
    body = f'{{"username":"admin","password":"{PASSWORD}","password":"wrong"}}'.encode()
    assert wire.ask(post(LOGIN, body)).status in (401, 429)


@pytest.mark.parametrize("field", ["username", "password"])
def test_a_lone_surrogate_at_login_is_no_failure(wire: Wire, field: str) -> None:
    fields = {"username": "admin", "password": "x", field: "\ud800"}
    assert wire.ask(post(LOGIN, json.dumps(fields).encode())).status in (401, 422)
