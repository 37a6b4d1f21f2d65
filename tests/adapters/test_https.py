"""HTTPS to what administrators name: bounded, to nowhere that nobody should call, on trust that was given."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
import trustme

from chalicelib.adapters.https import LARGEST, Https
from chalicelib.errors import Refused, Unavailable
from tests.support.issuer import Issuer, running


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with running() as issuer:
        yield issuer


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https:///path",
        "https://user@example.com/",
        "https://user:password@example.com/",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://exa mple.com/",
        "https://example.com/\r\nX: y",
        "https://éxample.com/",
        "//example.com/",
        "example.com",
        "",
    ],
)
def test_what_is_no_url_to_call(url: str) -> None:
    with pytest.raises(Refused, match="only https"):
        Https(loopback=True).send("GET", url, {})


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0.0.0.0",  # noqa: S104
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:169.254.169.254]",
        "[2002:a9fe:a9fe::]",
        "[64:ff9b::a9fe:a9fe]",
        "169.254.169.254",
        "2852039166",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "100.100.100.200",
        "224.0.0.1",
    ],
)
def test_addresses_that_are_not_called(host: str) -> None:
    with pytest.raises(Refused, match="not called"):
        Https().send("GET", f"https://{host}/latest/meta-data", {})


def test_an_answer(issuer: Issuer) -> None:
    answer = Https(loopback=True).send("GET", f"{issuer.url}/jwks", {}, trust=issuer.trust)
    assert answer.status == 200
    assert b"k1" in answer.body


def test_a_server_without_our_trust(issuer: Issuer) -> None:
    for trust in ("", other_trust()):
        with pytest.raises(Unavailable, match="not trusted"):
            Https(loopback=True).send("GET", f"{issuer.url}/jwks", {}, trust=trust)
    with pytest.raises(Unavailable, match="not trusted"):
        Https(loopback=True).send("GET", issuer.url.replace("localhost", "127.0.0.1"), {}, trust=issuer.trust)


def other_trust() -> str:
    return trustme.CA().cert_pem.bytes().decode()


def test_trust_that_is_none(issuer: Issuer) -> None:
    with pytest.raises(Refused, match="no PEM"):
        Https(loopback=True).send("GET", issuer.url, {}, trust="no certificate")


def test_a_redirect_is_an_answer(issuer: Issuer) -> None:
    issuer.answers = {"/from": (302, {"Location": "/to"}, b"")}
    assert Https(loopback=True).send("GET", f"{issuer.url}/from", {}, trust=issuer.trust).status == 302
    assert "/to" not in issuer.seen


@pytest.mark.parametrize("more", [0, 1])
def test_an_answer_has_a_size(issuer: Issuer, more: int) -> None:
    issuer.answers = {"/large": (200, {}, b"x" * (LARGEST + more))}
    web = Https(loopback=True)
    if more:
        with pytest.raises(Unavailable, match="too large"):
            web.send("GET", f"{issuer.url}/large", {}, trust=issuer.trust)
    else:
        assert len(web.send("GET", f"{issuer.url}/large", {}, trust=issuer.trust).body) == LARGEST


def test_whoever_says_nothing_is_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unavailable):
        Https(loopback=True, seconds=0.3).send("GET", f"https://localhost:{silent.getsockname()[1]}/", {})


def test_whoever_drips_is_left() -> None:
    """Each byte comes in time; all of them never do."""
    over = threading.Event()

    def drip(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with peer, suppress(OSError):
            peer.sendall(b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb")
            while not over.wait(0.05):
                peer.sendall(b"\x03")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        try:
            with pytest.raises(Unavailable):
                Https(loopback=True, seconds=0.5).send("GET", f"https://127.0.0.1:{listener.getsockname()[1]}/", {})
        finally:
            over.set()
            thread.join(10)


def test_nobody_is_there() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(Unavailable, match="can't be reached"):
            Https(loopback=True).send("GET", f"https://localhost:{closed.getsockname()[1]}/", {})
    with pytest.raises(Unavailable, match="can't be reached"):
        Https().send("GET", "https://nosuch.invalid/", {})
