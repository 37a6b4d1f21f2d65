"""What a hostile agent may say, to the tunnel and at its registration, and what it learns."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
from typing import Any

import pytest
import websocket

from chalicelib.tunnel.frames import Frame, Kind
from tests.e2e.hostile.rogue import Rogue
from tests.e2e.hostile.scene import MALFORMED, User
from tests.support.lariat import Client, Imported, Lariat
from tests.support.wire import HANDSHAKE, Answer, Wire, head, post

pytestmark = pytest.mark.cluster


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ("X-API-Tunnel-Token:",),
        ("X-API-Tunnel-Token: wrong",),
        (f"X-API-Tunnel-Token: {'z' * 54}",),
        ("X-API-Tunnel-Token: {token}x",),
        ("X-API-Tunnel-Token: {token}", "X-API-Tunnel-Token: {token}"),
        ("X-API-Tunnel-Token: wrong", "X-API-Tunnel-Token: {token}"),
        ("Authorization: Bearer {token}",),
        ("Authorization: Bearer {root}",),
        ("X-API-Tunnel-Token: {root}",),
        ("X-API-Tunnel-Token: \xe9",),
    ],
)
@pytest.mark.parametrize("path", ["/v3/connect", "/v3/connect/register"])
def test_the_tunnel_opens_to_one_registration_token_alone(
    wire: Wire, recorded: Imported, root: str, path: str, headers: tuple[str, ...]
) -> None:
    sent = [header.format(token=recorded.registration["token"], root=root) for header in headers]
    if path.endswith("register"):
        answer = wire.ask(post(path, b'{"cluster":{"address":"a:1"}}', *sent))
    else:
        answer = wire.ask(head(path, *HANDSHAKE, *sent))
    assert (answer.status, answer.json["type"], answer.json["status"]) == (401, "error", "401")


def test_a_binary_frame_closes_the_tunnel(rogue: Rogue) -> None:
    rogue.socket.send_binary(b"\x00\x01")
    assert rogue.closed_with() == 1003


def test_a_message_over_128_kilobytes_closes_the_tunnel(rogue: Rogue) -> None:
    rogue.socket.send("x" * (128 * 1024 + 1))
    assert rogue.closed_with() == 1009


def test_text_that_is_no_utf8_closes_the_tunnel(rogue: Rogue) -> None:
    rogue.socket.send(b"\xff\xfe", websocket.ABNF.OPCODE_TEXT)
    assert rogue.closed_with() == 1007


GARBAGE = {
    "nothing": "",
    "a word": "garbage",
    "a kind alone": "O",
    "an unknown kind": "X s 0 t 0 0 \n",
    "a cut frame": "H s 0 ft 10 10 \nabc",
    "a length of 18 digits": f"D s {'9' * 18} t 0 0 \n",
    "a frame of no stream": "D  0 ft 0 1 \nx",
    "an answer that nobody asked for": "H s-unknown 0 ft 2 0 \n{}",
    "a reset of nothing": "R s-unknown 0 t 0 0 \n",
    "a credit of nothing": f"C s-unknown {'9' * 18} t 0 0 \n",
    "a request of an agent's own": 'O s-own 0 ft 38 0 \n{"method":"GET","target":"/","headers":[]}',
    "bad base64": "D s 0 b 0 4 \n!!!!",
    "a bomb": "D s 0 z 0 4 \neJwD",
    "NUL": "\x00" * 1000,
    "120 kilobytes": "x" * 120_000,
    "brackets": "H s 0 ft 40000 0 \n" + "[" * 40_000,
}


@pytest.mark.parametrize("message", GARBAGE.values(), ids=GARBAGE.keys())
def test_a_garbage_frame_harms_nobody(rogue: Rogue, message: str) -> None:
    rogue.socket.send(message)
    rogue.synchronise()


def test_an_agent_can_not_answer_for_another_clusters_stream(
    lariat: Lariat, admin: Client, wire: Wire, rogue: Rogue, captured: Imported, root: str
) -> None:
    other = Imported(lariat, admin, "honest")
    with contextlib.closing(Rogue(lariat, other.registration["token"])) as honest, wire.connect() as sock:
        sock.sendall(head(f"/k8s/clusters/{other.id}/question", token=root))
        stream, _ = honest.opened("question")
        rogue.answer(stream, 200, (("content-length", "6"),), b"forged")
        rogue.say(Frame(Kind.RESET, stream, document='{"reason":"forged"}'))
        rogue.synchronise()
        honest.answer(stream, 200, (("content-length", "6"),), b"honest")
        with http.client.HTTPResponse(sock) as response:
            response.begin()
            assert response.read() == b"honest"


def test_an_agent_learns_no_callers_token(wire: Wire, rogue: Rogue, captured: Imported, plain: User) -> None:
    with wire.connect() as sock:
        sock.sendall(head(f"/k8s/clusters/{captured.id}/curious", "Cookie: a=b", token=plain.token))
        stream, request = rogue.opened("curious")
        rogue.answer(stream, 200)
        assert request.target == "/curious"
        assert {name for name, _ in request.headers} == {"impersonate-user", "impersonate-group"}


DOCUMENTS: dict[str, Any] = {
    "nothing": {},
    "no object": {"cluster": []},
    "no address": {"cluster": {}},
    "a number": {"cluster": {"address": 1}},
    "a list": {"cluster": {"address": ["a:1"]}},
    "a URL": {"cluster": {"address": "https://evil.example:443"}},
    "a path": {"cluster": {"address": "evil.example:443/x"}},
    "a user": {"cluster": {"address": "admin@evil.example:443"}},
    "a line break": {"cluster": {"address": "evil.example:443\n"}},
    "no port": {"cluster": {"address": "evil.example"}},
    "a port in words": {"cluster": {"address": "evil.example:https"}},
    "port 99999": {"cluster": {"address": "evil.example:99999"}},
    "port 65536": {"cluster": {"address": "evil.example:65536"}},
    "a port of 6 digits": {"cluster": {"address": "evil.example:000443"}},
    "a name beyond ASCII": {"cluster": {"address": "\u0435vil.example:443"}},
    "a script": {"cluster": {"address": "<script>:1"}},
    "a long name": {"cluster": {"address": f"{'a' * 300}:1"}},
    "no base64": {"cluster": {"address": "a:1", "caCert": "!!!"}},
    "no certificate": {"cluster": {"address": "a:1", "caCert": base64.b64encode(b"hello").decode()}},
    "a certificate of 70 KB": {"cluster": {"address": "a:1", "caCert": "A" * 70_000}},
    "a certificate that is none": {"cluster": {"address": "a:1", "caCert": 1}},
    "a token beyond ASCII": {"cluster": {"address": "a:1", "token": "\u00e9"}},
    "a token of 20 KB": {"cluster": {"address": "a:1", "token": "x" * 20_000}},
    "a token that is none": {"cluster": {"address": "a:1", "token": {"a": 1}}},
    "a surrogate": {"cluster": {"address": "\ud800:1"}},
}


def register(wire: Wire, captured: Imported, body: bytes) -> Answer:
    return wire.ask(post("/v3/connect/register", body, f"X-API-Tunnel-Token: {captured.registration['token']}"))


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_a_hostile_registration_is_refused_and_changes_nothing(wire: Wire, captured: Imported, document: Any) -> None:
    before = captured.show()["apiEndpoint"]
    assert register(wire, captured, json.dumps(document).encode()).status == 422
    assert captured.show()["apiEndpoint"] == before


@pytest.mark.parametrize(
    "name", ["no JSON", "a list", "null", "100,000 brackets", "no UTF-8", "NaN in a field", "-Infinity"]
)
def test_a_registration_that_is_no_json_object_is_refused(wire: Wire, captured: Imported, name: str) -> None:
    assert register(wire, captured, MALFORMED[name]).status == 422


def test_a_certificate_beyond_ascii_is_refused(wire: Wire, captured: Imported) -> None:
    assert register(wire, captured, b'{"cluster":{"address":"a:1","caCert":"\\u00e9"}}').status == 422


def test_the_last_port_is_a_port(wire: Wire, captured: Imported) -> None:
    assert register(wire, captured, b'{"cluster":{"address":"a:65535"}}').status == 200
    assert captured.show()["apiEndpoint"] == "https://a:65535"


def test_a_registration_names_its_own_cluster_alone(
    wire: Wire, captured: Imported, imported: Imported, admin: Client
) -> None:
    before = imported.show()
    document = {"clusterId": imported.id, "cluster": {"id": imported.id, "clusterId": imported.id, "address": "a:1"}}
    answer = register(wire, captured, json.dumps(document).encode())
    assert (answer.status, answer.json["clusterId"]) == (200, captured.id)
    assert imported.show()["apiEndpoint"] == before["apiEndpoint"]


def test_the_token_of_a_deleted_cluster_opens_no_tunnel(lariat: Lariat, admin: Client, wire: Wire) -> None:
    gone = Imported(lariat, admin, "gone")
    assert admin.delete(f"/v3/clusters/{gone.id}").status_code in (200, 204)
    answer = wire.ask(head("/v3/connect", *HANDSHAKE, f"X-API-Tunnel-Token: {gone.registration['token']}"))
    assert answer.status == 401
