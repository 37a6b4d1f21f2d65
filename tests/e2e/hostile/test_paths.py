"""Where a request may point: at its own cluster and nowhere else, with the methods that there are."""

from __future__ import annotations

import pytest

from tests.e2e.hostile.scene import User
from tests.support.lariat import Imported
from tests.support.recorder import Recorder
from tests.support.wire import Wire, head

pytestmark = pytest.mark.cluster


@pytest.mark.parametrize(
    ("inner", "code"),
    [
        ("/../{other}/hostile", 400),
        ("/hostile/../api", 400),
        ("/hostile/./api", 400),
        ("/hostile/%2e%2e/api", 400),
        ("/hostile/%2E%2e/{other}", 400),
        ("/hostile/%2e./api", 400),
        ("/..%2f{other}/hostile", 400),
        ("/hostile%2fapi", 400),
        ("/hostile%2Fapi", 400),
        ("/hostile%252fapi", 400),
        ("/%252e%252e/hostile", 400),
        ("//hostile", 400),
        ("/hostile//api", 400),
        ("/hostile;x=y", 400),
        ("/hostile\\api", 400),
        ("/hostile%5capi", 400),
        ("/hostile%00", 400),
        ("/hostile%0d%0aImpersonate-User:%20admin", 400),
        ("/hostile%zz", 400),
        ("%00/hostile", 404),
        ("%2fhostile", 404),
        (";/hostile", 404),
        ("\\hostile", 404),
    ],
)
def test_a_path_that_points_elsewhere_is_refused(
    wire: Wire, tape: str, imported: Imported, recorder: Recorder, root: str, inner: str, code: int
) -> None:
    answer = wire.ask(head(tape + inner.format(other=imported.id), token=root))
    assert answer.is_status(code)
    assert recorder.requests("hostile") == []


@pytest.mark.parametrize(
    "path",
    [
        "/k8s/clusters/A/../B/",
        "/k8s/clusters//hostile",
        "/k8s/clusters/",
        "/k8s/clusters/../clusters/{id}/hostile",
        "/k8s//clusters/{id}/hostile",
        "/k8s/clusters//{id}/hostile",
        "/k8s/clusters/{upper}/hostile",
        "/k8s/clusters/%63{tail}/hostile",
        "/k8s/clusters/{id}%20/hostile",
        "/k8s/Clusters/{id}/hostile",
        "/k8s/",
        "/k8s/proxy/{id}/hostile",
    ],
)
def test_a_path_that_names_no_cluster_is_not_found(
    wire: Wire, recorded: Imported, recorder: Recorder, root: str, path: str
) -> None:
    id = recorded.id
    answer = wire.ask(head(path.format(id=id, upper=id.upper(), tail=id[1:]), token=root))
    assert answer.is_status(404)
    assert recorder.requests("hostile") == []


@pytest.mark.parametrize(
    "path",
    [
        "//k8s/clusters/{id}/hostile",
        "/%6b8s/clusters/{id}/hostile",
        "/K8s/clusters/{id}/hostile",
        "/v3/../k8s/clusters/{id}/hostile",
    ],
)
def test_a_path_that_only_looks_like_the_proxys_is_not_found(
    wire: Wire, recorded: Imported, recorder: Recorder, root: str, path: str
) -> None:
    answer = wire.ask(head(path.format(id=recorded.id), token=root))
    assert (answer.status, answer.json["code"]) == (404, "NotFound")
    assert recorder.requests("hostile") == []


def test_a_path_with_raw_bytes_beyond_ascii_is_refused(wire: Wire, tape: str, recorder: Recorder, root: str) -> None:
    assert wire.ask(head(f"{tape}/hostile\xff", token=root)).status == 400
    assert recorder.requests("hostile") == []


def test_a_query_goes_on_as_it_came_and_changes_neither_path_nor_method(
    wire: Wire, tape: str, recorder: Recorder, root: str
) -> None:
    query = "_method=DELETE&path=/../../x&a=%2e%2e%2f%00"
    assert wire.ask(head(f"{tape}/with-query?{query}", token=root)).status == 200
    (request,) = recorder.requests("with-query")
    assert (request.method, request.target) == ("GET", f"/with-query?{query}")


@pytest.mark.parametrize("authority", ["https://127.0.0.1", "http://evil.example:80", "https://admin:x@evil.example"])
def test_an_absolute_uri_is_read_by_its_path_alone(
    wire: Wire, tape: str, recorder: Recorder, plain: User, authority: str
) -> None:
    marker = f"/absolute-{authority.count('e')}-{len(authority)}"
    assert wire.ask(head(f"{authority}{tape}{marker}", token=plain.token)).status == 200
    (request,) = recorder.requests(marker)
    assert request.target == marker
    assert request.values("host") == [f"127.0.0.1:{recorder.port}"]
    assert request.values("impersonate-user") == [plain.id]


def test_an_absolute_uri_needs_a_token_like_any_other(wire: Wire, tape: str) -> None:
    assert wire.ask(head(f"https://127.0.0.1{tape}/api")).is_status(401)


@pytest.mark.parametrize("length", [9_000, 40_000])
def test_a_url_that_is_too_long_is_refused(wire: Wire, tape: str, recorder: Recorder, root: str, length: int) -> None:
    assert wire.ask(head(f"{tape}/hostile{'a' * length}", token=root)).is_status(400)
    assert recorder.requests("hostile") == []


def test_a_url_of_100_kilobytes_ends_the_connection(wire: Wire, tape: str, root: str) -> None:
    assert wire.read(head(f"{tape}/hostile{'a' * 100_000}", token=root)).startswith(b"HTTP/1.1 431 ")


def test_options_of_the_whole_server_is_not_allowed(wire: Wire) -> None:
    assert wire.ask(head("*", method="OPTIONS")).status == 405


@pytest.mark.parametrize("method", ["HEAD", "TRACE", "OPTIONS", "CONNECT", "PROPFIND"])
@pytest.mark.parametrize("path", ["/v3", "/v3/clusters", "/v3-public", "/"])
@pytest.mark.parametrize("known", [True, False], ids=["known", "a stranger"])
def test_a_method_that_the_api_has_not_is_not_allowed(
    wire: Wire, root: str, path: str, method: str, known: bool
) -> None:
    answer = wire.ask(head(path, method=method, token=root if known else ""))
    assert answer.status == 405
    assert dict(answer.headers)["content-type"] == "application/json"
    # An answer to HEAD has no body.
    if method != "HEAD":
        assert (answer.json["type"], answer.json["code"]) == ("error", "MethodNotAllow")


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND"])
def test_an_unknown_method_does_not_reach_the_cluster(
    wire: Wire, tape: str, recorder: Recorder, root: str, method: str
) -> None:
    assert wire.ask(head(f"{tape}/hostile", method=method, token=root)).is_status(405)
    assert recorder.requests("hostile") == []
