"""Whose address counts behind proxies."""

from __future__ import annotations

import pytest

from standalone.forwarded import caller, networks

PROXIES = networks("10.0.0.0/8, 192.0.2.1, 2001:db8::/32")


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        # A stranger says nothing about who they are.
        ("203.0.113.9", ["198.51.100.7"], "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("2001:db8::1", ["198.51.100.7"], "198.51.100.7"),
        # What stands before the last one that is no proxy was written by that one.
        ("10.0.0.1", ["1.1.1.1, 198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["1.1.1.1", "198.51.100.7, 192.0.2.1"], "198.51.100.7"),
        ("10.0.0.1", ["10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.7, "], "10.0.0.1"),
        ("", ["198.51.100.7"], ""),
    ],
)
def test_the_callers_address(peer: str, forwarded: list[str], expected: str) -> None:
    assert caller(peer, forwarded, PROXIES) == expected


def test_without_the_option_nobody_is_believed() -> None:
    assert caller("127.0.0.1", ["198.51.100.7"], ()) == "127.0.0.1"


@pytest.mark.parametrize("text", ["10.0.0.1/8", "proxy.example", "10.0.0.0/33"])
def test_what_is_no_network(text: str) -> None:
    with pytest.raises(ValueError, match=r"host bits|IPv4 or IPv6"):
        networks(text)
