"""The way to the server through a proxy: what goes there, what goes straight, and how a refusal reads."""

from __future__ import annotations

import base64
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
import trustme

from agent.errors import ConfigurationError, Unreachable
from agent.site import Site
from agent.way import Way

SECONDS = 10.0


class Proxy(socketserver.ThreadingTCPServer):
    """An HTTP proxy that knows CONNECT and leads every name to one port of this machine."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int, answer: str = "200 OK") -> None:
        super().__init__(("127.0.0.1", 0), Tunnel)
        self.port = port
        self.answer = answer
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://us%40er:pass@127.0.0.1:{self.server_address[1]}"


class Tunnel(socketserver.StreamRequestHandler):
    server: Proxy

    def handle(self) -> None:
        lines = []
        while (line := self.rfile.readline().decode().strip()) != "":
            lines.append(line)
        self.server.asked += lines
        self.wfile.write(f"HTTP/1.1 {self.server.answer}\r\n\r\n".encode())
        if not self.server.answer.startswith("200"):
            return
        with socket.create_connection(("127.0.0.1", self.server.port), SECONDS) as far:
            back = threading.Thread(target=_copy, args=(far, self.connection), daemon=True)
            back.start()
            _copy(self.connection, far)
            back.join(SECONDS)


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


@contextmanager
def proxy(port: int, answer: str = "200 OK") -> Iterator[Proxy]:
    with Proxy(port, answer) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@contextmanager
def lariat(authority: trustme.CA) -> Iterator[int]:
    """A server that answers one question over HTTPS."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("lariat.test").configure_cert(tls)

    def serve() -> None:
        plain, _ = listener.accept()
        with tls.wrap_socket(plain, server_side=True) as secured:
            secured.recv(65536)
            secured.sendall(b'HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n{"value": "ok"}')

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(SECONDS)


def test_a_question_goes_through_the_proxy_and_stays_secret() -> None:
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(tls)
    with lariat(authority) as port, proxy(port) as between:
        site = Site("https://lariat.test:8443", Way(between.url))
        assert site.ask("GET", "/v3/settings/cacerts", tls) == {"value": "ok"}
        assert between.asked[0].startswith("CONNECT lariat.test:8443 HTTP/1.")
        shown = base64.b64encode(b"us@er:pass").decode()
        assert f"Proxy-Authorization: Basic {shown}" in between.asked


def test_a_proxy_that_refuses_is_named() -> None:
    with proxy(9, "407 Proxy Authentication Required") as between:
        with pytest.raises(Unreachable, match=r"lariat\.test:8443 through the proxy 127\.0\.0\.1:\d+: .*407") as caught:
            Way(between.url).connect("lariat.test", 8443, SECONDS)
        assert "pass" not in str(caught.value)


@pytest.mark.parametrize(
    ("straight", "host", "excepted"),
    [
        ("lariat.test", "lariat.test", True),
        ("lariat.test", "eu.lariat.test", True),
        (".lariat.test", "eu.lariat.test", True),
        ("*.lariat.test", "eu.lariat.test", True),
        ("lariat.test", "notlariat.test", False),
        ("other.test, LARIAT.test", "Lariat.test", True),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.0.0.0/8", "lariat.test", False),
        ("2001:db8::/32", "2001:db8::1", True),
        ("*", "lariat.test", True),
        ("", "lariat.test", False),
        ("localhost", "127.0.0.1", True),
        ("", "localhost", True),
        ("", "::1", True),
    ],
)
def test_who_is_reached_straight(straight: str, host: str, excepted: bool) -> None:
    with proxy(9, "403 Forbidden") as between:
        way = Way(between.url, straight)
        try:
            way.connect(host, 9, 0.2).close()
        except Unreachable:
            asked = True
        except OSError:
            asked = False
        else:
            asked = False
        assert asked is not excepted


@pytest.mark.parametrize(
    ("environment", "way"),
    [
        ({}, Way()),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "a,b"}, Way("http://proxy:3128", "a,b")),
        ({"https_proxy": "proxy:3128", "HTTPS_PROXY": "http://other"}, Way("http://proxy:3128")),
        ({"HTTP_PROXY": "http://proxy"}, Way()),
    ],
)
def test_the_environment(environment: Mapping[str, str], way: Way) -> None:
    assert Way.from_environment(environment) == way


@pytest.mark.parametrize("proxy", ["https://proxy", "socks5://proxy", "http://", "http://proxy:99999"])
def test_a_proxy_that_cannot_be_used(proxy: str) -> None:
    with pytest.raises(ConfigurationError, match="HTTPS_PROXY"):
        Way.from_environment({"HTTPS_PROXY": proxy})
