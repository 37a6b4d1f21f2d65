"""Rules: how they are read, and what they allow; ``test_rights_on_cluster`` compares the latter with Kubernetes."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.auth.roles.rule import MOST_RULES, MOST_VALUES, allows, parse, parse_all
from chalicelib.errors import Invalid
from tests.support.world import rule

EVERYTHING = rule("*", "*", "*")


@pytest.mark.parametrize(
    ("document", "asked", "answer"),
    [
        (EVERYTHING, ("get", "apps", "deployments/scale", "x"), True),
        (EVERYTHING, ("bind", "management.cattle.io", "roletemplates"), True),
        (rule("*", "core", "pods"), ("get", "", "pods"), True),
        (rule("*", "core", "Pods"), ("get", "", "pods"), True),
        (rule("get", "core", "pods"), ("list", "", "pods"), False),
        (rule("get", "core", "pods"), ("get", "", "pods/log"), False),
        (rule("get", "core", "*/log"), ("get", "", "pods/log"), True),
        (rule("get", "core", "*/log"), ("get", "", "pods"), False),
        (rule("get", "apps", "pods"), ("get", "", "pods"), False),
        (rule("get", "apps", "deployments"), ("get", "extensions", "deployments"), False),
        (rule("get", "core", "pods", "one"), ("get", "", "pods", "one"), True),
        (rule("get", "core", "pods", "one"), ("get", "", "pods", "two"), False),
        (rule("get", "core", "pods", "one"), ("get", "", "pods", ""), False),
        (rule("*", "management.cattle.io", "roletemplates"), ("bind", "management.cattle.io", "roletemplates"), False),
        (rule("*", "*", "roletemplates"), ("escalate", "management.cattle.io", "roletemplates"), False),
        (rule("bind", "*", "roletemplates", "x"), ("bind", "management.cattle.io", "roletemplates", "x"), True),
        (rule("bind", "*", "roletemplates", "x"), ("bind", "management.cattle.io", "roletemplates", "y"), False),
    ],
)
def test_what_a_rule_allows(document: Any, asked: tuple[str, ...], answer: bool) -> None:
    assert allows([parse(document)], *asked) is answer


@pytest.mark.parametrize(
    ("urls", "path", "answer"),
    [
        (["*"], "/any/thing", True),
        (["/logs/*"], "/logs/a", True),
        (["/logs/*"], "/logs", False),
        (["/logs*"], "/logs", True),
        (["/metrics"], "/metrics/x", False),
    ],
)
def test_urls(urls: list[str], path: str, answer: bool) -> None:
    read = parse({"verbs": ["get"], "nonResourceURLs": urls})
    assert read.allows_url("get", path) is answer
    assert read.allows_url("post", path) is False
    assert read.allows("get", "", "pods") is False


@pytest.mark.parametrize("document", [EVERYTHING, rule("get", "core apps", "pods deployments", "a b")])
def test_a_rule_reads_back_as_it_was_written(document: Any) -> None:
    assert parse(document).document() == document
    assert parse(parse(document).document()) == parse(document)


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        [],
        "get",
        {},
        {"verbs": ["get"]},
        {"verbs": ["get"], "apiGroups": [""]},
        {"verbs": ["get"], "resources": ["pods"]},
        {"apiGroups": [""], "resources": ["pods"]},
        {"verbs": "get", "apiGroups": [""], "resources": ["pods"]},
        {"verbs": [1], "apiGroups": [""], "resources": ["pods"]},
        {"verbs": [""], "apiGroups": [""], "resources": ["pods"]},
        {"verbs": ["get"], "apiGroups": [""], "resources": ["po ds"]},
        {"verbs": ["get"], "apiGroups": [""], "resources": ["p" * 254]},
        {"verbs": ["get"], "apiGroups": [""], "resources": ["p"] * (MOST_VALUES + 1)},
        {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "nonResourceURLs": ["/x"]},
        {"verbs": ["get"], "nonResourceURLs": ["x"]},
        {"verbs": ["get"], "nonResourceURLs": ["/*/x"]},
        {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "surprise": []},
    ],
)
def test_what_is_no_rule(wrong: Any) -> None:
    with pytest.raises(Invalid) as caught:
        parse(wrong)
    assert caught.value.field == "rules"


@pytest.mark.parametrize("wrong", ["rules", {"verbs": []}, [EVERYTHING] * (MOST_RULES + 1), [EVERYTHING, None]])
def test_one_bad_rule_spoils_all(wrong: Any) -> None:
    with pytest.raises(Invalid):
        parse_all(wrong)


def test_no_rules() -> None:
    assert parse_all(None) == parse_all([]) == ()
