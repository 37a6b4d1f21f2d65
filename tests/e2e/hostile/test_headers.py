"""Which headers pass between callers and clusters, what links are made of, and how large a head may be."""

from __future__ import annotations

import pytest

from tests.e2e.hostile.scene import User, reached
from tests.support.lariat import Client
from tests.support.recorder import Canned, Recorder
from tests.support.wire import HANDSHAKE, Wire, head

pytestmark = pytest.mark.cluster


def test_what_a_request_says_passes_and_what_a_connection_says_does_not(
    wire: Wire, tape: str, recorder: Recorder, plain: User
) -> None:
    passes = {
        "accept": "application/json",
        "user-agent": "kubectl/v1",
        "if-match": '"1"',
        "kubectl-command": "kubectl get",
    }
    stays = (
        "Connection: close, X-Named",
        "X-Named: 1",
        "Keep-Alive: timeout=5",
        "Proxy-Connection: keep-alive",
        "TE: trailers",
        "Trailer: X-Last",
        "Upgrade: websocket",
        "Expect: 100-continue",
        "Cookie: R_SESS=x; a=b",
        "X-Unknown: 1",
        "Referer: https://evil.example/",
        "Via: 1.1 evil",
        "Forwarded: host=evil",
        "X-Forwarded-Host: evil.example",
        "Sec-WebSocket-Key: x",
    )
    sent = [f"{name}: {value}" for name, value in passes.items()]
    assert wire.ask(head(f"{tape}/headers", *sent, *stays, token=plain.token)).status == 200
    (request,) = recorder.requests("/headers")
    ours = {"host", "authorization", "impersonate-user", "impersonate-group"}
    assert set(request.names) == {*passes, *ours}
    assert {name: value for name, value in request.headers if name in passes} == passes
    assert plain.token not in repr(request)


def test_what_a_clusters_connection_says_does_not_come_back(
    wire: Wire, tape: str, recorder: Recorder, plain: User
) -> None:
    stays = (
        ("Set-Cookie", "R_SESS=stolen; Path=/"),
        ("Set-Cookie", "CSRF=x"),
        ("Connection", "X-Named, keep-alive"),
        ("X-Named", "1"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Authenticate", "Basic"),
        ("Proxy-Connection", "keep-alive"),
        ("Trailer", "X-Last"),
        ("Upgrade", "h2c"),
        ("Strict-Transport-Security", "max-age=1"),
        ("Alt-Svc", 'h3=":443"'),
    )
    recorder.answers["/answers"] = Canned(headers=(*stays, ("Warning", "299 - old"), ("Audit-Id", "1")))
    answer = wire.ask(head(f"{tape}/answers", token=plain.token))
    assert answer.names == {"date", "content-length", "connection", "warning", "audit-id"}
    assert dict(answer.headers)["connection"] == "close"


@pytest.mark.parametrize("value", ["a\tb", "a\xa0b", "caf\xc3\xa9 \xc3\xa0"])
def test_an_odd_but_legal_header_of_a_caller_is_no_bad_gateway(wire: Wire, tape: str, plain: User, value: str) -> None:
    assert wire.ask(head(f"{tape}/odd", f"User-Agent: {value}", token=plain.token)).status < 500


@pytest.mark.parametrize("value", ["attachment; filename=\u00e0.txt", "a\u2014b", "a\tb"])
def test_an_odd_but_legal_header_of_a_cluster_comes_back(
    wire: Wire, tape: str, recorder: Recorder, plain: User, value: str
) -> None:
    recorder.answers["/odd-answer"] = Canned(headers=(("Content-Disposition", value),))
    assert wire.ask(head(f"{tape}/odd-answer", token=plain.token)).status == 200


def test_a_method_override_changes_nothing_in_the_api(wire: Wire, admin: Client, root: str) -> None:
    cluster = admin.post("/v3/clusters", json={"name": "overridden"}).json()["id"]
    override = ("X-HTTP-Method-Override: DELETE", "X-HTTP-Method: DELETE")
    assert wire.ask(head(f"/v3/clusters/{cluster}?_method=DELETE", *override, token=root)).status == 200
    assert admin.get(f"/v3/clusters/{cluster}").status_code == 200


@pytest.mark.parametrize(
    "extra",
    [
        ('X-Forwarded-Host: evil.example"><script>',),
        ("X-Forwarded-Host: evil.example/path",),
        ("X-Forwarded-Host: user@evil.example",),
        ("X-Forwarded-Proto: javascript",),
        ("X-API-Host: evil.example\\",),
        ("X-Forwarded-Prefix: //evil.example",),
    ],
)
def test_links_never_lead_to_a_host_that_is_none(wire: Wire, root: str, extra: tuple[str, ...]) -> None:
    answer = wire.ask(head("/v3", *extra, token=root))
    assert answer.status == 200
    assert b"evil" not in answer.body
    assert answer.json["links"]["users"] in ("https://127.0.0.1/v3/users", "https://localhost/v3/users")


@pytest.mark.parametrize("host", ["Host: evil.example", "Host: 127.0.0.1", "hOsT: evil.example", "Host:"])
@pytest.mark.parametrize(
    ("path", "upgrade"),
    [("{tape}/hostile", ()), ("/v3", ()), ("{tape}/hostile", HANDSHAKE), ("/v3/connect", HANDSHAKE)],
    ids=["a cluster", "the API", "an upgrade", "the tunnel"],
)
def test_a_second_host_is_refused_and_ends_the_connection(
    wire: Wire, tape: str, recorder: Recorder, root: str, path: str, upgrade: tuple[str, ...], host: str
) -> None:
    start = head(path.format(tape=tape), host, *(upgrade or ("Connection: keep-alive",)), token=root)
    got = wire.read(start + head(f"{tape}/hostile", token=root))
    assert got.startswith(b"HTTP/1.1 400 ")
    assert got.count(b"HTTP/1.1 ") == 1
    assert b"\r\nconnection: close\r\n" in got
    assert not reached(wire, tape, recorder, root, "hostile")


def test_headers_of_100_kilobytes_end_the_connection(wire: Wire, tape: str, recorder: Recorder, plain: User) -> None:
    got = wire.read(head(f"{tape}/hostile", f"X-Large: {'a' * 100_000}", token=plain.token))
    assert got.startswith(b"HTTP/1.1 431 ")
    assert recorder.requests("hostile") == []


def test_many_small_headers_end_the_connection(wire: Wire, tape: str, recorder: Recorder, plain: User) -> None:
    many = [f"X-{number}: {'a' * 50}" for number in range(2_000)]
    assert wire.read(head(f"{tape}/hostile", *many, token=plain.token)).startswith(b"HTTP/1.1 431 ")
    assert recorder.requests("hostile") == []


def test_headers_that_do_not_fit_into_a_frame_are_refused(
    wire: Wire, tape: str, recorder: Recorder, plain: User
) -> None:
    assert wire.ask(head(f"{tape}/hostile", f"Accept: {'a' * 60_000}", token=plain.token)).is_status(431)
    assert recorder.requests("hostile") == []
