"""The agent's trust in the server: a pinned CA, and answers that are not what they should be."""

from __future__ import annotations

import hashlib
import json
import queue
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import trustme

from agent.errors import ConfigurationError, Refused, Unreachable
from agent.server import Cluster, Server, Tunnel
from tests.support.scripted import Peer, Request, Scripted, serving

CLUSTER = Cluster("10.0.0.1:6443", "Q0E=", "account-token")
WELCOME = {"clusterId": "c-abcde", "url": "wss://x/v3/connect", "keepalive": 20, "lifetime": 7200, "type": "tunnel"}
SECONDS = 10.0


class Lariat:
    """A server with its own CA. ``cacerts`` is what it says its CA is; ``registered`` what it answers an agent."""

    def __init__(self, name: str = "127.0.0.1") -> None:
        authority = trustme.CA()
        self.pem = authority.cert_pem.bytes().decode()
        self.cacerts: object = self.pem.strip()
        self.status = 200
        self.registered: bytes = json.dumps(WELCOME).encode()
        self.requests: queue.Queue[tuple[Request, bytes]] = queue.Queue()
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(tls)
        self.http = Scripted(self._serve, tls)

    @property
    def checksum(self) -> str:
        return hashlib.sha256(f"{self.pem.strip()}\n".encode()).hexdigest()

    def server(self, checksum: str | None = None, prefix: str = "") -> Server:
        return Server(self.http.url + prefix, "the-token", self.checksum if checksum is None else checksum)

    def paths(self) -> list[str]:
        return [request.target for request, _ in list(self.requests.queue)]

    def _serve(self, peer: Peer) -> None:
        while (request := peer.request()) is not None:
            body = peer.body(request)
            self.requests.put((request, body))
            if request.method == "GET":
                peer.answer(200, json.dumps({"id": "cacerts", "value": self.cacerts}).encode())
            else:
                peer.answer(self.status, self.registered)


@contextmanager
def listening(name: str = "127.0.0.1") -> Iterator[Lariat]:
    lariat = Lariat(name)
    with serving(lariat.http):
        yield lariat


@pytest.fixture
def lariat() -> Iterator[Lariat]:
    with listening() as lariat:
        yield lariat


class TestPinning:
    def test_the_right_checksum_is_trusted(self, lariat: Lariat) -> None:
        assert lariat.server().register(CLUSTER) == Tunnel("c-abcde", "wss://x/v3/connect", 20.0, 7200.0, patience=30.0)
        fetched, _ = lariat.requests.get(timeout=SECONDS)
        assert (fetched.method, fetched.target) == ("GET", "/v3/settings/cacerts")
        assert "x-api-tunnel-token" not in dict(fetched.headers)
        registered, body = lariat.requests.get(timeout=SECONDS)
        assert (registered.method, registered.target) == ("POST", "/v3/connect/register")
        assert registered.value("x-api-tunnel-token") == "the-token"
        assert json.loads(body) == {"cluster": {"address": "10.0.0.1:6443", "caCert": "Q0E=", "token": "account-token"}}

    def test_it_may_be_in_upper_case(self, lariat: Lariat) -> None:
        assert lariat.server(lariat.checksum.upper()).register(CLUSTER).cluster == "c-abcde"

    def test_the_authority_is_fetched_once(self, lariat: Lariat) -> None:
        server = lariat.server()
        for _ in range(3):
            server.register(CLUSTER)
        assert lariat.paths() == ["/v3/settings/cacerts", *["/v3/connect/register"] * 3]

    def test_another_checksum_is_refused_and_no_secret_leaves(self, lariat: Lariat) -> None:
        with pytest.raises(Refused, match=f"checksum {lariat.checksum}, not the pinned one"):
            lariat.server("0" * 64).register(CLUSTER)
        assert lariat.paths() == ["/v3/settings/cacerts"]

    def test_showing_the_right_authority_is_not_enough(self, lariat: Lariat) -> None:
        """Who stands between can show everybody's CA, but has no certificate of it."""
        with listening() as impostor:
            impostor.cacerts = lariat.cacerts
            with pytest.raises(Refused, match="not to be trusted"):
                impostor.server(lariat.checksum).register(CLUSTER)
            assert impostor.paths() == ["/v3/settings/cacerts"]

    def test_a_certificate_for_another_name_is_refused_with_advice(self) -> None:
        with listening("lariat.test") as lariat:
            with pytest.raises(Refused, match=r"LARIAT_HOSTNAMES=127\.0\.0\.1"):
                lariat.server().register(CLUSTER)
            assert lariat.paths() == ["/v3/settings/cacerts"]

    @pytest.mark.parametrize("value", ["", None, 3, ["x"]])
    def test_a_server_without_an_authority_says_so(self, lariat: Lariat, value: object) -> None:
        lariat.cacerts = value
        with pytest.raises(Refused, match="has no CA of its own: leave out --ca-checksum"):
            lariat.server().register(CLUSTER)

    def test_an_authority_that_is_none_is_refused(self, lariat: Lariat) -> None:
        lariat.cacerts = "no PEM"
        with pytest.raises(Refused, match="a CA that can't be read"):
            lariat.server(hashlib.sha256(b"no PEM\n").hexdigest()).register(CLUSTER)

    def test_without_a_checksum_the_machine_decides(self, lariat: Lariat) -> None:
        with pytest.raises(Refused, match="is --ca-checksum missing"):
            lariat.server("").register(CLUSTER)
        assert lariat.paths() == []

    def test_a_server_below_a_path_is_asked_there(self, lariat: Lariat) -> None:
        lariat.server(prefix="/rancher/").register(CLUSTER)
        assert lariat.paths() == ["/rancher/v3/settings/cacerts", "/rancher/v3/connect/register"]


class TestAnswers:
    @pytest.mark.parametrize("status", [401, 403, 404])
    def test_a_refusal_is_final_and_says_why(self, lariat: Lariat, status: int) -> None:
        lariat.status, lariat.registered = status, b'{"type":"error","message":"the registration token is unknown"}'
        with pytest.raises(Refused, match="refused: the registration token is unknown"):
            lariat.server().register(CLUSTER)

    @pytest.mark.parametrize("status", [301, 429, 500, 502, 503])
    def test_trouble_is_for_a_while(self, lariat: Lariat, status: int) -> None:
        lariat.status, lariat.registered = status, b'{"message":"later"}'
        with pytest.raises(Unreachable, match=f"answered {status}"):
            lariat.server().register(CLUSTER)

    @pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'"text"', b"\xff\xfe", b"[" * 9000])
    def test_what_is_no_object_is_not_lariats(self, lariat: Lariat, body: bytes) -> None:
        lariat.registered = body
        with pytest.raises(Unreachable, match="not Lariat's"):
            lariat.server().register(CLUSTER)

    @pytest.mark.parametrize(
        "change",
        [
            lambda welcome: welcome.pop("url"),
            lambda welcome: welcome.pop("clusterId"),
            lambda welcome: welcome.update(keepalive="soon"),
            lambda welcome: welcome.update(lifetime=None),
            lambda welcome: welcome.update(lifetime=[]),
        ],
        ids=["no url", "no cluster", "odd keepalive", "no lifetime", "odd lifetime"],
    )
    def test_a_welcome_with_parts_missing_is_not_lariats(
        self, lariat: Lariat, change: Callable[[dict[str, object]], object]
    ) -> None:
        welcome: dict[str, object] = dict(WELCOME)
        change(welcome)
        lariat.registered = json.dumps(welcome).encode()
        with pytest.raises(Unreachable, match="is it a Lariat server"):
            lariat.server().register(CLUSTER)

    def test_an_endless_answer_is_cut(self, lariat: Lariat) -> None:
        lariat.registered = b'{"message":"' + b"x" * 3_000_000 + b'"}'
        with pytest.raises(Unreachable, match="not Lariat's"):
            lariat.server().register(CLUSTER)

    # The standard library leaves a socket that was reset in the handshake to the collector, now and then.
    @pytest.mark.filterwarnings("ignore:.*SSLSocket:pytest.PytestUnraisableExceptionWarning")
    @pytest.mark.parametrize(
        "serve", [Peer.close, Peer.reset, lambda peer: peer.send(b"SSH-2.0-x\r\n")], ids=["closes", "resets", "ssh"]
    )
    def test_what_speaks_no_https_is_unreachable(self, serve: Callable[[Peer], None]) -> None:
        with serving(Scripted(serve)) as other, pytest.raises(Unreachable, match="can't reach"):
            Server(other.url.replace("http:", "https:"), "t", "0" * 64).register(CLUSTER)

    def test_nobody_is_there(self) -> None:
        with serving(Scripted(Peer.close)) as other:
            url = other.url.replace("http:", "https:")
        with pytest.raises(Unreachable, match="Connection refused"):
            Server(url, "t", "0" * 64).register(CLUSTER)

    def test_no_such_name(self) -> None:
        with pytest.raises(Unreachable, match=r"can't reach lariat\.invalid:443"):
            Server("https://lariat.invalid", "t", "0" * 64).register(CLUSTER)


class TestOptions:
    @pytest.mark.parametrize(
        "url",
        ["", "lariat.test", "http://lariat.test", "https://", "https://lariat.test?x", "https://lariat.test#x",
         "https://user@lariat.test", "wss://lariat.test"],
    )  # fmt: skip
    def test_a_url_that_is_none_is_refused(self, url: str) -> None:
        with pytest.raises(ConfigurationError, match="--server"):
            Server(url, "t", "")

    @pytest.mark.parametrize("url", ["https://lariat.test:port", "https://lariat.test:99999", "https://[::1"])
    def test_a_url_with_an_odd_port_or_host_is_refused(self, url: str) -> None:
        with pytest.raises(ConfigurationError, match="--server"):
            Server(url, "t", "")

    @pytest.mark.parametrize("checksum", ["abc", "0" * 63, "0" * 65, "g" * 64, "sha256:" + "0" * 57])
    def test_a_checksum_that_is_none_is_refused(self, checksum: str) -> None:
        with pytest.raises(ConfigurationError, match="--ca-checksum"):
            Server("https://lariat.test", "t", checksum)

    def test_a_token_is_needed(self) -> None:
        with pytest.raises(ConfigurationError, match="--token is missing"):
            Server("https://lariat.test", "", "")

    @pytest.mark.parametrize(
        ("url", "name"),
        [("https://lariat.test", "lariat.test:443"), ("https://lariat.test:8443/x", "lariat.test:8443")],
    )
    def test_the_name_is_for_people(self, url: str, name: str) -> None:
        assert Server(url, "t", "").name == name
