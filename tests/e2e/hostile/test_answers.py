"""Answers of a hostile cluster or agent: no caller takes one for whole, or for another's, that is not."""

from __future__ import annotations

import pytest

from tests.e2e.hostile.rogue import Rogue, exchange
from tests.e2e.hostile.scene import User
from tests.support.lariat import Imported, Lariat
from tests.support.recorder import Canned, Recorder
from tests.support.wire import Wire, head

pytestmark = pytest.mark.cluster


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_shown_and_not_followed(
    wire: Wire, tape: str, recorder: Recorder, plain: User, status: int
) -> None:
    location = ("Location", f"{recorder.url}/followed")
    recorder.answers[f"/redirect-{status}"] = Canned(status, (location,), b"")
    answer = wire.ask(head(f"{tape}/redirect-{status}", token=plain.token))
    assert answer.status == status
    assert recorder.requests("followed") == []


def test_a_cluster_that_switches_protocols_unasked_is_a_bad_gateway(
    wire: Wire, tape: str, recorder: Recorder, plain: User
) -> None:
    switch = (("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Content-Length", "0"))
    recorder.answers["/unasked"] = Canned(101, switch, b"GET / HTTP/1.1\r\n")
    answer = wire.ask(head(f"{tape}/unasked", token=plain.token))
    assert answer.is_status(502)


BAD_ANSWERS = {
    "no JSON": "{",
    "a list": "[]",
    "no status": '{"headers":[]}',
    "status 0": '{"status":0,"headers":[]}',
    "status 999": '{"status":999,"headers":[]}',
    "a status in words": '{"status":"200","headers":[]}',
    "a line break in a value": '{"status":200,"headers":[["a","b\\r\\nSet-Cookie: x=y"]]}',
    "a line break in a name": '{"status":200,"headers":[["a\\r\\nSet-Cookie","x=y"]]}',
    "a switch that nobody asked for": '{"status":101,"headers":[["upgrade","websocket"]]}',
}


@pytest.mark.parametrize("answer", BAD_ANSWERS.values(), ids=BAD_ANSWERS.keys())
def test_an_answer_that_is_none_is_a_bad_gateway(
    wire: Wire, rogue: Rogue, captured: Imported, plain: User, answer: str
) -> None:
    got = exchange(wire, rogue, captured, plain.token, answer)
    assert got.startswith(b"HTTP/1.1 502 ")
    assert b"Set-Cookie" not in got


def body_of(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


FORGED = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged"


@pytest.mark.parametrize("status", [100, 103, 199, 204, 304])
def test_an_agent_can_not_answer_the_next_request_too(
    wire: Wire, rogue: Rogue, captured: Imported, plain: User, status: int
) -> None:
    answer = f'{{"status":{status},"headers":[["content-length","{len(FORGED)}"]]}}\n{FORGED}'
    assert b"forged" not in exchange(wire, rogue, captured, plain.token, answer)


@pytest.mark.parametrize("status", [204, 304])
def test_a_body_where_none_belongs_is_no_failure_of_the_server(
    lariat: Lariat, wire: Wire, rogue: Rogue, captured: Imported, plain: User, status: int
) -> None:
    before = lariat.output.count("Traceback")
    exchange(wire, rogue, captured, plain.token, f'{{"status":{status},"headers":[]}}\n{FORGED}')
    assert lariat.output.count("Traceback") == before


def test_an_answer_has_one_length(wire: Wire, rogue: Rogue, captured: Imported, plain: User) -> None:
    headers = f'[["content-length","{len(FORGED)}"],["content-length","0"]]'
    got = exchange(wire, rogue, captured, plain.token, f'{{"status":200,"headers":{headers}}}\n{FORGED}')
    assert got.startswith(b"HTTP/1.1 502 ")
    assert b"forged" not in got


def test_an_answers_length_is_digits(wire: Wire, rogue: Rogue, captured: Imported, plain: User) -> None:
    answer = f'{{"status":200,"headers":[["content-length","4_4"]]}}\n{FORGED}'
    got = exchange(wire, rogue, captured, plain.token, answer)
    assert got.startswith(b"HTTP/1.1 502 ")
    assert b"4_4" not in got


@pytest.mark.parametrize("length", ["1", "1000", "x", "-1", ""])
def test_an_answer_of_another_length_ends_the_connection(
    wire: Wire, rogue: Rogue, captured: Imported, plain: User, length: str
) -> None:
    answer = f'{{"status":200,"headers":[["content-length","{length}"]]}}\n{FORGED}'
    got = exchange(wire, rogue, captured, plain.token, answer)
    assert b"forged" not in got
    if not length.isdecimal():
        assert got.startswith(b"HTTP/1.1 502 ")


PIECES: dict[str, tuple[bytes, ...]] = {
    "nothing": (b"",),
    "too little": (b"hon",),
    "too little in two frames": (b"hon", b"es"),
    "too little, then nothing": (b"hones", b""),
    "too much": (b"honest" + FORGED.encode(),),
    "too much in two frames": (b"hon", b"est" + FORGED.encode()),
}
"""Bodies of answers that promise six bytes."""


@pytest.mark.parametrize("pieces", PIECES.values(), ids=PIECES.keys())
def test_an_answer_that_breaks_its_promise_is_cut_and_never_completed(
    wire: Wire, rogue: Rogue, captured: Imported, plain: User, pieces: tuple[bytes, ...]
) -> None:
    first, *more = pieces
    answer = f'{{"status":200,"headers":[["content-length","6"]]}}\n{first.decode()}'
    got = exchange(wire, rogue, captured, plain.token, answer, *more, connection="keep-alive")
    assert len(body_of(got)) < 6
    assert got.count(b"HTTP/1.1 ") <= 1


def test_what_comes_behind_a_whole_answer_ends_the_connection(
    wire: Wire, rogue: Rogue, captured: Imported, plain: User
) -> None:
    answer = '{"status":200,"headers":[["content-length","6"]]}\nhonest'
    got = exchange(wire, rogue, captured, plain.token, answer, FORGED.encode(), connection="keep-alive")
    assert body_of(got) == b"honest"


def test_a_cluster_that_breaks_off_its_answer_cuts_the_callers(
    wire: Wire, tape: str, recorder: Recorder, plain: User
) -> None:
    recorder.answers["/short"] = Canned(headers=(("Content-Length", "100"), ("Connection", "close")), body=b"half")
    assert len(body_of(wire.read(head(f"{tape}/short", "Connection: keep-alive", token=plain.token)))) < 100


def test_a_cluster_that_breaks_off_its_stream_cuts_the_callers(
    wire: Wire, tape: str, recorder: Recorder, plain: User
) -> None:
    headers = (("Transfer-Encoding", "chunked"), ("Connection", "close"))
    recorder.answers["/broken-stream"] = Canned(headers=headers, body=b"4\r\nhalf\r\n")
    got = wire.read(head(f"{tape}/broken-stream", "Connection: keep-alive", token=plain.token))
    assert not got.endswith(b"0\r\n\r\n")


def test_a_cluster_can_not_answer_the_next_request_too(wire: Wire, tape: str, recorder: Recorder, plain: User) -> None:
    recorder.answers["/long"] = Canned(headers=(("Content-Length", "6"),), body=b"honest" + FORGED.encode())
    assert wire.ask(head(f"{tape}/long", token=plain.token)).body == b"honest"
    assert wire.ask(head(f"{tape}/behind-long", token=plain.token)).body == b"{}"
