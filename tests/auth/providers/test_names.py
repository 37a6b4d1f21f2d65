"""Filters, distinguished names and principals' ids: what comes from outside stays a value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.operation.search import parse_filter

from chalicelib.auth.providers import dn, filters
from chalicelib.auth.providers.principal import Parts, parse

TEXT = st.text(max_size=60)


@given(TEXT)
def test_a_value_stays_one_value(value: str) -> None:
    """As ldap3, which reads the filter in the end, understands it."""
    node = parse_filter(filters.equal("uid", value), None, False, False, None, False).elements[0]
    assert node.assertion["attr"] == "uid"
    if value:
        assert unescaped(node.assertion["value"]) == value.encode()


def unescaped(value: object) -> bytes:
    text = value if isinstance(value, bytes) else str(value).encode()
    parts = text.split(b"\\")
    return parts[0] + b"".join([bytes.fromhex(part[:2].decode()) + part[2:] for part in parts[1:]])


@pytest.mark.parametrize(
    "value", ["*", "(", ")", "\\", "\0", "a*b", "*)(uid=*", "é", "\u202e", "!", "&", "|", "/", "\n"]
)
def test_what_means_something_is_escaped(value: str) -> None:
    assert not set("*()\0\n!&|/") & set(filters.escape(value))
    assert filters.escape(value).isascii()


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("(a=b)", True),
        ("(&(a=b)(!(c=d)))", True),
        ("", False),
        ("a=b", False),
        ("(a=b", False),
        ("(a=b))", False),
        ("(a=b)(c=d)", False),
        ("(a=b))(|(c=d)", False),
        (")a=b(", False),
    ],
)
def test_an_administrators_filter_is_whole(text: str, good: bool) -> None:
    assert filters.is_filter(text) is good


@pytest.mark.parametrize(
    ("name", "good"),
    [("uid", True), ("2.5.4.3", True), ("uid)(x", False), ("", False), ("a b", False), ("uid=", False)],
)
def test_attributes(name: str, good: bool) -> None:
    assert filters.is_attribute(name) is good


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("uid=ann,dc=x", "UID=Ann, DC=X"),
        ("uid=ann,dc=x", "uid=ann , dc=x"),
        (r"cn=a\,b,dc=x", r"cn=a\2Cb,dc=x"),
        (r"cn=\#1,dc=x", r"cn=\231,dc=x"),
        (r"cn=\c5\81,dc=x", "cn=Ł,dc=x"),
        ("cn=a+sn=b,dc=x", "sn=b+cn=a,dc=x"),
        ("cn=a  b", "cn=a b"),
    ],
)
def test_names_that_are_the_same(one: str, other: str) -> None:
    assert dn.same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"cn=a\,dc=x", "cn=a,dc=x"),
        ("cn=a+sn=b", "cn=a,sn=b"),
        ("cn=a", "cn=b"),
        ("nonsense", "cn=a"),
        ("cn=ß", "cn=ss"),
    ],
)
def test_names_that_are_not(one: str, other: str) -> None:
    assert not dn.same(one, other)


@pytest.mark.parametrize(
    "text", ["a", "a=", "=b", "a=b,", "a=b,,c=d", 'a="b"', "a=b;c=d", "a=<b>", "a=b\\", "a=b\0", r"a=\ff", "a=b" * 500]
)
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(ValueError, match="distinguished name"):
        dn.parse(text)


@pytest.mark.parametrize(
    ("name", "base", "inside"),
    [
        ("uid=ann,ou=people,dc=x", "OU=People,DC=X", True),
        ("ou=people,dc=x", "ou=people,dc=x", True),
        ("dc=x", "ou=people,dc=x", False),
        (r"uid=ann\,ou=people,dc=x", "ou=people,dc=x", False),
        ("uid=ann,xou=people,dc=x", "ou=people,dc=x", False),
        ("uid=ann,dc=x", "", True),
        ("nonsense", "", False),
    ],
)
def test_what_lies_within(name: str, base: str, inside: bool) -> None:
    assert dn.within(name, base) is inside


@given(TEXT)
def test_no_text_is_too_much(text: str) -> None:
    assert dn.same(text, text)
    dn.within(text, "dc=x")
    filters.is_filter(text)


@pytest.mark.parametrize(
    ("id", "parts"),
    [
        ("local://u-abcde", Parts("local", "", "u-abcde")),
        ("github_user://1234", Parts("github", "user", "1234")),
        ("openldap_group://cn=a,dc=x", Parts("openldap", "group", "cn=a,dc=x")),
        ("oidc_user://a://b", Parts("oidc", "user", "a://b")),
    ],
)
def test_principals(id: str, parts: Parts) -> None:
    assert parse(id) == parts


@pytest.mark.parametrize(
    "id", ["", "x", "://x", "local://", "Local://x", "a b://x", "local://x\0", "system:masters", "a://" + "x" * 1000]
)
def test_what_is_no_principal(id: str) -> None:
    with pytest.raises(ValueError, match="principal"):
        parse(id)
