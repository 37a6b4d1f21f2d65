"""Node selector expressions as text, both ways."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import Invalid
from chalicelib.mapping.expressions import parsed, text


@pytest.mark.parametrize(
    ("written", "expressions"),
    [
        ("disk = ssd", [{"key": "disk", "operator": "In", "values": ["ssd"]}]),
        ("disk=ssd", [{"key": "disk", "operator": "In", "values": ["ssd"]}]),
        ("k != v", [{"key": "k", "operator": "NotIn", "values": ["v"]}]),
        ("zone in (a, b)", [{"key": "zone", "operator": "In", "values": ["a", "b"]}]),
        ("zone notin (a,b)", [{"key": "zone", "operator": "NotIn", "values": ["a", "b"]}]),
        ("k", [{"key": "k", "operator": "Exists"}]),
        ("!gpu", [{"key": "gpu", "operator": "DoesNotExist"}]),
        ("n > 3", [{"key": "n", "operator": "Gt", "values": ["3"]}]),
        ("n < 3", [{"key": "n", "operator": "Lt", "values": ["3"]}]),
        (
            "a = b && !c",
            [{"key": "a", "operator": "In", "values": ["b"]}, {"key": "c", "operator": "DoesNotExist"}],
        ),
    ],
)
def test_parsing(written: str, expressions: list[dict[str, Any]]) -> None:
    assert parsed(written) == expressions


@pytest.mark.parametrize("written", ["", " ", "= v", "a b", "a = b &&", "! ", "(a)", "a b = c"])
def test_what_is_no_expression_is_refused(written: str) -> None:
    with pytest.raises(Invalid, match="no expression"):
        parsed(written)


names = st.from_regex(r"[a-z]([a-z0-9./_-]{0,10}[a-z0-9])?", fullmatch=True)
label_values = st.from_regex(r"([a-zA-Z0-9]([a-zA-Z0-9._-]{0,8}[a-zA-Z0-9])?)?", fullmatch=True)
expressions = st.one_of(
    st.builds(
        lambda key, operator: {"key": key, "operator": operator}, names, st.sampled_from(["Exists", "DoesNotExist"])
    ),
    st.builds(
        lambda key, operator, values: {"key": key, "operator": operator, "values": values},
        names,
        st.sampled_from(["In", "NotIn"]),
        st.lists(label_values, min_size=1, max_size=3),
    ),
    st.builds(
        lambda key, operator, number: {"key": key, "operator": operator, "values": [str(number)]},
        names,
        st.sampled_from(["Gt", "Lt"]),
        st.integers(0, 99),
    ),
)


@given(st.lists(expressions, min_size=1, max_size=4))
def test_what_kubernetes_may_hold_survives(stored: list[dict[str, Any]]) -> None:
    assert parsed(" && ".join(text(stored))) == stored
