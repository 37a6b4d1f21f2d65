"""The path of a proxied request: what passes is exactly what was sent, and it can't point anywhere else."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.errors import Invalid, NotFound
from chalicelib.proxy.target import LONGEST, Target, parse

A = "/k8s/clusters/c-abcde"


@pytest.mark.parametrize(
    ("path", "cluster", "inner"),
    [
        (A, "c-abcde", "/"),
        (f"{A}/", "c-abcde", "/"),
        (f"{A}/api", "c-abcde", "/api"),
        (f"{A}/api/", "c-abcde", "/api/"),
        ("/k8s/clusters/local/version", "local", "/version"),
        (f"{A}/apis/apps/v1/namespaces/a-b.c_d~e", "c-abcde", "/apis/apps/v1/namespaces/a-b.c_d~e"),
        (f"{A}/api/v1/services/https:web:443/proxy/", "c-abcde", "/api/v1/services/https:web:443/proxy/"),
        (f"{A}/a%20b%C3%A9", "c-abcde", "/a%20b%C3%A9"),
        (f"{A}/...", "c-abcde", "/..."),
        (f"{A}/system:node$!&'()*+,=@x", "c-abcde", "/system:node$!&'()*+,=@x"),
    ],
)  # fmt: skip
def test_an_ordinary_path_passes_as_it_is(path: str, cluster: str, inner: str) -> None:
    assert parse(path, "") == Target(cluster, inner, "")


@pytest.mark.parametrize(
    "inner",
    [
        "..",
        ".",
        "a/..",
        "a/../b",
        "../c-other",
        "%2e%2e",
        "%2E%2e/x",
        "%2e./x",
        ".%2E",
        "%2e",
        "a%2fb",
        "a%2Fb",
        "%2F..%2F",
        "a%252fb",
        "%252e%252e",
        "a%25",
        "/api",
        "api//v1",
        "api//",
        "a;b",
        "a%3b;c",
        "a\\b",
        "a%5cb",
        "%5C..%5C",
        "a%00b",
        "a%0d%0ab",
        "a%7f",
        "a%1F",
        "a b",
        "a\tb",
        "a\nb",
        "a\x00b",
        "é",
        "a?b",
        "a#b",
        'a"b',
        "<x>",
        "{x}",
        "a|b",
        "a^b",
        "a`b",
        "%",
        "%2",
        "%zz",
        "%u002e",
    ],
)
def test_a_path_that_points_elsewhere_is_refused(inner: str) -> None:
    with pytest.raises(Invalid):
        parse(f"{A}/{inner}", "")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "k8s/clusters/c-abcde",
        "/k8s",
        "/k8s/clusters",
        "/k8s/clusters/",
        "/k8s/clusters//api",
        "/k8s/clusters//c-abcde/api",
        "//k8s/clusters/c-abcde/api",
        "/k8s//clusters/c-abcde/api",
        "/K8s/clusters/c-abcde/api",
        "/k8s/Clusters/c-abcde/api",
        "/%6b8s/clusters/c-abcde/api",
        "/k8s/clusters/../c-abcde/api",
        "/k8s/clusters/./c-abcde/api",
        "/k8s/clusters/A/../B/",
        "/k8s/clusters/C-ABCDE/api",
        "/k8s/clusters/c-ABCDE/api",
        "/k8s/clusters/c-abcde%00/api",
        "/k8s/clusters/c-abcde\x00/api",
        "/k8s/clusters/c-abcde%2fapi",
        "/k8s/clusters/c-abcde\n/api",
        "/k8s/clusters/c-abcde;x/api",
        "/k8s/clusters/%63-abcde/api",
        "/k8s/clusters/c-abcd/api",
        "/k8s/clusters/c-abcdef0123456789abcdefg/api",
        "/k8s/clusters/local2/api",
        "/k8s/clusters/Local/api",
        "/k8s/clusters/c-\u0430bcde/api",
        "https://127.0.0.1/k8s/clusters/c-abcde/api",
    ],
)  # fmt: skip
def test_what_names_no_cluster_is_not_found(path: str) -> None:
    with pytest.raises(NotFound):
        parse(path, "")


@pytest.mark.parametrize("query", ["a b", "a\tb", "a\r\nb", "é", "a#b", "\x00", "\x7f"])
def test_a_query_that_must_be_escaped_is_refused(query: str) -> None:
    with pytest.raises(Invalid):
        parse(f"{A}/api", query)


@pytest.mark.parametrize("query", ["", "watch=true", "fieldSelector=metadata.name%3Da", "a=%2e%2e%2f&a=//..;x", "?a=?"])
def test_a_query_goes_on_as_it_came(query: str) -> None:
    assert parse(f"{A}/api", query).query == query


@pytest.mark.parametrize(("target", "url"), [(Target("c", "/a", ""), "/a"), (Target("c", "/a", "b=c"), "/a?b=c")])
def test_the_url_has_a_question_mark_only_with_a_query(target: Target, url: str) -> None:
    assert target.url == url


@pytest.mark.parametrize(("path", "query"), [("a" * LONGEST, ""), ("a", "b" * LONGEST), ("a" * LONGEST, "b" * LONGEST)])
def test_a_url_that_is_too_long_is_refused(path: str, query: str) -> None:
    with pytest.raises(Invalid, match="too long"):
        parse(f"{A}/{path}", query)


def test_the_longest_url_passes() -> None:
    inner = "a" * (LONGEST - len(A) - 1)
    assert parse(f"{A}/{inner}", "").path == f"/{inner}"


HOSTILE = st.sampled_from(
    [
        "/", "//", ".", "..", "%", "%2e", "%2E", "%2f", "%2F", "%25", "%252e", "%252f", "%5c", "\\", "%00", "%0a", ";",
        "?", "#", " ", "\x00", "\n", "\x7f", "é", "\uff0f", "c-other", "c-abcde", "local", "k8s", "clusters", "api", "a",
    ]
)  # fmt: skip
SOUP = st.lists(st.one_of(HOSTILE, st.text(max_size=4)), max_size=12).map("".join)
PATHS = st.one_of(
    st.text(max_size=60),
    SOUP.map(lambda soup: f"/k8s/clusters/{soup}"),
    SOUP.map(lambda soup: f"{A}/{soup}"),
    SOUP.map(lambda soup: f"{A}{soup}"),
)


@given(path=PATHS)
@example(path=f"{A}/..%2fc-other/api")
@example(path=f"{A}/%252e%252e/c-other")
def test_any_path_is_refused_or_passes_exactly_and_points_nowhere_else(path: str) -> None:
    try:
        target = parse(path, "")
    except (Invalid, NotFound):
        return
    assert path in (f"/k8s/clusters/{target.cluster}{target.path}", f"/k8s/clusters/{target.cluster}")
    assert target.cluster == path.split("/")[3]
    inner = target.path.removeprefix("/").removesuffix("/")
    for segment in inner.split("/") if inner else []:
        once = unquote_to_bytes(segment)
        for decoded in (segment.encode(), once, unquote_to_bytes(once)):
            assert decoded not in (b"", b".", b"..")
            assert not any(byte in b"/\\" or byte < 0x20 or byte == 0x7F for byte in decoded)


@given(path=PATHS, query=st.one_of(st.text(max_size=30), SOUP))
def test_whatever_passes_is_one_word_of_a_request_line(path: str, query: str) -> None:
    try:
        url = parse(path, query).url
    except (Invalid, NotFound):
        return
    assert url.startswith("/")
    assert url.isascii()
    assert url.isprintable()
    assert not set(url) & set(" #\\")
