"""What reaches a cluster: the allow-list of headers, and nobody's identity but the one that was proven."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.auth.identity import AUTHENTICATED, CONTROLLER, Identity
from chalicelib.errors import Forbidden, Invalid
from chalicelib.proxy.policy import (
    FORWARDED,
    METHODS,
    UPGRADES,
    controller_request,
    impersonation,
    request,
    response_headers,
    upgrade_headers,
)
from chalicelib.proxy.target import Target

TARGET = Target("c-abcde", "/api/v1/pods", "limit=1")
ALICE = Identity("u-alice", AUTHENTICATED, "token-a")
OURS = (
    ("impersonate-user", "u-alice"),
    ("impersonate-group", "system:authenticated"),
    ("impersonate-group", "system:cattle:authenticated"),
)
IDENTITY_NAMES = (
    "impersonate-user",
    "impersonate-group",
    "impersonate-uid",
    "impersonate-extra-scopes",
    "impersonate-extra-",
    "impersonate_user",
    "impersonate_group",
    "x-remote-user",
    "x-remote-group",
    "x-remote-extra-scopes",
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-forwarded-user",
    "x-api-tunnel-token",
    "x-api-auth-header",
)

Pairs = tuple[tuple[str, str], ...]


def sent(*headers: tuple[str, str], method: str = "GET", identity: Identity = ALICE) -> Pairs:
    return request(method, TARGET, headers, identity).headers


def test_a_request_without_headers_carries_our_identity_alone() -> None:
    assert request("GET", TARGET, (), ALICE) == ("GET", "/api/v1/pods?limit=1", OURS, False)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_kubernetes_methods_pass(method: str) -> None:
    assert request(method, TARGET, (), ALICE).method == method


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "PROPFIND", "get", "", "GET ", "GET\r\nX: y", "X" * 1000])
def test_other_methods_are_refused(method: str) -> None:
    with pytest.raises(Invalid) as caught:
        request(method, TARGET, (), ALICE)
    assert caught.value.code == "MethodNotAllowed"
    assert len(caught.value.message) < 60


@pytest.mark.parametrize("name", IDENTITY_NAMES)
def test_a_callers_identity_header_does_not_pass(name: str) -> None:
    assert sent((name, "admin"), ("accept", "*/*")) == (("accept", "*/*"), *OURS)


@pytest.mark.parametrize("name", IDENTITY_NAMES)
def test_a_doubled_identity_header_does_not_pass(name: str) -> None:
    assert sent((name, "u-alice"), (name, "admin")) == OURS


@pytest.mark.parametrize("name", ["Impersonate-User", "IMPERSONATE-USER", "iMpErSoNaTe-GrOuP", "Authorization"])
def test_a_name_in_another_case_does_not_pass(name: str) -> None:
    assert sent((name, "admin")) == OURS


@pytest.mark.parametrize(
    "name", ["impersonate-user ", " impersonate-user", "impersonate-user\t", "\u0131mpersonate-user"]
)
def test_a_name_that_only_looks_alike_does_not_pass(name: str) -> None:
    assert sent((name, "admin")) == OURS


@pytest.mark.parametrize("name", [*IDENTITY_NAMES, "close", "Impersonate-User", "accept, impersonate-user,host"])
def test_connection_strips_nothing_of_ours_and_goes_no_further(name: str) -> None:
    assert sent(("connection", name)) == OURS


@pytest.mark.parametrize(
    "name",
    [
        "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "host",
        "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-uri", "x-real-ip", "via",
        "x-http-method-override", "x-http-method", "x-method-override", "x-original-url", "x-rewrite-url", "expect",
        "x-unknown", "sec-websocket-key", "sec-websocket-protocol", "max-forwards", "content-location", "referer",
    ],
)  # fmt: skip
def test_a_header_that_is_not_on_the_list_does_not_pass(name: str) -> None:
    assert sent((name, "x")) == OURS


@pytest.mark.parametrize("name", sorted(FORWARDED))
def test_a_header_on_the_list_passes(name: str) -> None:
    assert sent((name, "x")) == ((name, "x"), *OURS)


@pytest.mark.parametrize(
    "name", ["content-type", "content-length", "content-encoding", "user-agent", "if-match", "origin"]
)
def test_a_header_that_stands_twice_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="twice"):
        sent((name, "1"), (name, "1"))


@pytest.mark.parametrize("name", ["accept", "accept-encoding", "x-stream-protocol-version"])
def test_a_header_that_may_stand_several_times_does(name: str) -> None:
    assert sent((name, "1"), (name, "2")) == ((name, "1"), (name, "2"), *OURS)


@pytest.mark.parametrize(
    ("upgrade", "connection", "out"),
    [
        ("SPDY/3.1", "Upgrade", "SPDY/3.1"),
        ("spdy/3.1", "keep-alive, UPGRADE", "SPDY/3.1"),
        ("WebSocket", "upgrade", "websocket"),
        ("websocket", "Upgrade, Impersonate-User", "websocket"),
    ],
)
def test_an_upgrade_is_written_anew(upgrade: str, connection: str, out: str) -> None:
    got = sent(("connection", connection), ("upgrade", upgrade))
    assert got == (("connection", "Upgrade"), ("upgrade", out), *OURS)


def test_websocket_headers_pass_with_a_websocket_upgrade_alone() -> None:
    key = ("sec-websocket-key", "k")
    assert key in sent(("connection", "upgrade"), ("upgrade", "websocket"), key)
    assert key not in sent(("connection", "upgrade"), ("upgrade", "spdy/3.1"), key)
    assert key not in sent(key)


@pytest.mark.parametrize("upgrade", ["h2c", "TLS/1.0", "websocket, h2c", "SPDY/3", "", "foo", "impersonate-user"])
def test_an_upgrade_to_an_unknown_protocol_is_refused(upgrade: str) -> None:
    with pytest.raises(Invalid, match="upgrades are supported"):
        sent(("connection", "Upgrade"), ("upgrade", upgrade))


def test_two_different_upgrades_are_refused() -> None:
    with pytest.raises(Invalid, match="upgrades are supported"):
        sent(("connection", "Upgrade"), ("upgrade", "websocket"), ("upgrade", "spdy/3.1"))


def test_an_upgrade_that_connection_does_not_name_is_no_upgrade() -> None:
    assert sent(("connection", "keep-alive"), ("upgrade", "websocket")) == OURS


NAMES = st.one_of(
    st.sampled_from([*IDENTITY_NAMES, "connection", "upgrade", "accept", "content-type", "host", "te", "expect"]),
    st.sampled_from(IDENTITY_NAMES).map(str.upper),
    st.sampled_from(IDENTITY_NAMES).map(str.title),
    st.sampled_from(sorted(FORWARDED)),
    st.text(max_size=20),
)
VALUES = st.one_of(
    st.sampled_from(["admin", "system:masters", "upgrade", "websocket", "close", "SPDY/3.1", "impersonate-user", ""]),
    st.text(max_size=20),
)
ALLOWED = FORWARDED | UPGRADES["websocket"] | {"connection", "upgrade"}


@given(headers=st.lists(st.tuples(NAMES, VALUES), max_size=8))
@example(headers=[("connection", "upgrade, impersonate-user"), ("upgrade", "websocket"), ("impersonate-user", "admin")])
def test_of_any_headers_nothing_about_identity_but_ours_comes_out(headers: list[tuple[str, str]]) -> None:
    try:
        got = request("GET", TARGET, headers, ALICE).headers
    except Invalid:
        return
    assert got[-len(OURS) :] == OURS
    rest = got[: -len(OURS)]
    assert {name for name, _ in rest} <= ALLOWED
    assert not {name.lower().replace("_", "-") for name, _ in rest} & set(IDENTITY_NAMES)
    assert [pair for pair in rest if pair[0] in ("connection", "upgrade")] in (
        [],
        [("connection", "Upgrade"), ("upgrade", "websocket")],
        [("connection", "Upgrade"), ("upgrade", "SPDY/3.1")],
    )


@pytest.mark.parametrize(
    "user",
    [
        "",
        " ",
        "system:admin",
        "system:masters",
        "system:node:a",
        "system:serviceaccount:kube-system:default",
        "system:kube-controller-manager",
        "system:anonymous",
        CONTROLLER,
        "u-a\r\nimpersonate-group: system:masters",
        "u-a\n",
        "u\x00",
        "u\x7f",
        " system:admin",
        "\tsystem:admin",
        " lariat:controller",
        "u-a ",
        "\u00a0system:admin",
    ],
)
def test_a_user_that_kubernetes_reserves_is_refused(user: str) -> None:
    with pytest.raises(Forbidden):
        impersonation(Identity(user, AUTHENTICATED, "token-a"))


@pytest.mark.parametrize(
    "group",
    [
        "",
        "system:masters",
        "system:nodes",
        "system:node-proxier",
        "system:serviceaccounts",
        "system:serviceaccounts:kube-system",
        "system:kube-scheduler",
        "system:bootstrappers:kubeadm:default-node-token",
        "system:monitoring",
        "system:aggregated",
        "system:unauthenticated",
        "system:",
        " system:masters",
        "system:masters ",
        "\tsystem:masters",
        "\u2003system:masters",
        "g\r\nimpersonate-user: admin",
        "g\x00",
    ],
)
def test_a_group_that_kubernetes_reserves_is_left_out(group: str) -> None:
    assert impersonation(Identity("u-alice", (group, "staff"), "token-a")) == (
        ("impersonate-user", "u-alice"),
        ("impersonate-group", "staff"),
    )


def test_an_administrator_is_impersonated_like_anybody_else() -> None:
    assert sent(identity=Identity("u-alice", AUTHENTICATED, "token-a", administrator=True)) == OURS


@given(user=st.text(max_size=30), groups=st.lists(st.text(max_size=30), max_size=4))
@example(user="u-a", groups=[" system:masters"])
@example(user="\u00e0", groups=["\u00a0system:masters"])
def test_no_reserved_name_survives_the_trimming_of_an_api_server(user: str, groups: list[str]) -> None:
    try:
        headers = impersonation(Identity(user, tuple(groups), "token-a"))
    except Forbidden:
        return
    arrives = [(name, value.encode("latin-1").strip().decode()) for name, value in headers]
    assert [value for name, value in arrives if name == "impersonate-user"] == [user]
    assert not user.startswith("system:")
    for name, value in arrives:
        assert value.isprintable()
        assert name == "impersonate-user" or not value.strip().startswith(
            ("system:masters", "system:node", "system:kube-")
        )


@pytest.mark.parametrize("name", ["Zo\u00eb", "\u00e0", "\u738b\u8587", "\U0001f511"])
def test_a_name_beyond_ascii_goes_out_as_its_utf8_octets(name: str) -> None:
    headers = impersonation(Identity(name, (name,), "token-a"))
    assert [(header, value.encode("latin-1").decode()) for header, value in headers] == [
        ("impersonate-user", name),
        ("impersonate-group", name),
    ]


def test_a_controllers_request_names_the_controller() -> None:
    head = controller_request("POST", "/api", (("content-type", "application/json"),))
    assert head.headers[1:] == (("impersonate-user", CONTROLLER), ("impersonate-group", "system:masters"))


WITHHELD = (
    ("connection", "x-named, close"),
    ("keep-alive", "timeout=1"),
    ("proxy-authenticate", "Basic"),
    ("proxy-connection", "close"),
    ("te", "trailers"),
    ("trailer", "x"),
    ("transfer-encoding", "chunked"),
    ("upgrade", "h2c"),
    ("set-cookie", "R_SESS=x"),
    ("alt-svc", "h3"),
    ("strict-transport-security", "max-age=1"),
    ("x-named", "1"),
)


@pytest.mark.parametrize("header", WITHHELD, ids=[name for name, _ in WITHHELD])
def test_a_header_of_one_connection_does_not_come_back(header: tuple[str, str]) -> None:
    passed = ("warning", "299 - old")
    assert response_headers((("connection", "X-Named"), header, passed)) == (passed,)


def test_a_switch_comes_back_with_its_headers_alone() -> None:
    headers = (
        ("connection", "Upgrade"),
        ("upgrade", "SPDY/3.1"),
        ("set-cookie", "a=b"),
        ("x-stream-protocol-version", "v4"),
    )
    assert upgrade_headers(headers) == (headers[0], headers[1], headers[3])
