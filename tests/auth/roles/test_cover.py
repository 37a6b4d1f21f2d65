"""Nobody grants more than they have."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.auth.roles.cover import covers
from chalicelib.auth.roles.rule import parse_all
from tests.support.world import rule

ALL = rule("*", "*", "*")
URL = {"verbs": ["get"], "nonResourceURLs": ["/logs/*"]}


@pytest.mark.parametrize(
    ("held", "wanted", "answer"),
    [
        ([], [], True),
        ([], [rule("get", "core", "pods")], False),
        ([ALL], [rule("*", "apps", "deployments", "x")], True),
        ([ALL], [URL], False),
        ([ALL, {"verbs": ["*"], "nonResourceURLs": ["*"]}], [ALL, URL], True),
        ([rule("get list", "core", "pods")], [rule("get", "core", "pods")], True),
        ([rule("get", "core", "pods"), rule("list", "core", "pods")], [rule("get list", "core", "pods")], True),
        ([rule("get", "core", "pods")], [rule("get list", "core", "pods")], False),
        ([rule("get list create delete", "core", "pods")], [rule("*", "core", "pods")], False),
        ([rule("*", "core", "pods secrets")], [rule("*", "core", "*")], False),
        ([rule("*", "core apps", "*")], [rule("*", "*", "pods")], False),
        ([rule("*", "core", "*/log")], [rule("get", "core", "pods/log")], True),
        ([rule("*", "core", "*/log")], [rule("get", "core", "pods")], False),
        ([rule("*", "core", "pods")], [rule("get", "core", "pods/log")], False),
        ([rule("get", "core", "pods", "a b")], [rule("get", "core", "pods", "a")], True),
        ([rule("get", "core", "pods", "a")], [rule("get", "core", "pods", "a b")], False),
        ([rule("get", "core", "pods", "a")], [rule("get", "core", "pods")], False),
        ([rule("get", "core", "pods")], [rule("get", "core", "pods", "a")], True),
        ([rule("get", "apps", "pods")], [rule("get", "core", "pods")], False),
        ([URL], [{"verbs": ["get"], "nonResourceURLs": ["/logs/a", "/logs/b*"]}], True),
        ([URL], [{"verbs": ["get"], "nonResourceURLs": ["/logs"]}], False),
        ([URL], [{"verbs": ["*"], "nonResourceURLs": ["/logs/a"]}], False),
        ([rule("*", "*", "roletemplates")], [rule("bind", "*", "roletemplates", "x")], False),
    ],
)
def test_covers(held: list[Any], wanted: list[Any], answer: bool) -> None:
    assert covers(parse_all(held), parse_all(wanted)) is answer


words = {
    "verbs": st.sampled_from(("get", "list", "*")),
    "apiGroups": st.sampled_from(("", "apps", "*")),
    "resources": st.sampled_from(("pods", "pods/log", "*/log", "*")),
}
rules = st.lists(
    st.fixed_dictionaries({name: st.lists(word, min_size=1, max_size=2) for name, word in words.items()}), max_size=3
).map(parse_all)


@given(held=rules, wanted=rules)
def test_whoever_covers_may_do_all_that_is_wanted(held: Any, wanted: Any) -> None:
    asked = [
        (verb, group, resource)
        for verb in ("get", "x")
        for group in ("", "x")
        for resource in ("pods", "pods/log", "x")
    ]
    allowed = {one for one in asked if any(rule.allows(*one) for rule in wanted)}
    if covers(held, wanted):
        assert all(any(rule.allows(*one) for rule in held) for one in allowed)
    assert covers(held, held)
    assert covers((*held, *wanted), wanted)


def test_a_role_that_costs_too_much_to_compare_is_refused() -> None:
    many = [str(number) for number in range(200)]
    huge = parse_all([{"verbs": many, "apiGroups": many, "resources": many, "resourceNames": many}])
    assert covers(parse_all([rule("get", "core", "pods")]), huge * 10) is False
