"""The quotas and the container defaults of a project fit each other."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.errors import Invalid
from chalicelib.schema import validate
from chalicelib.schema.kinds.projects import PROJECT

NAMED = {"clusterId": "c-1", "name": "p"}
WHOLE, EACH, CONTAINERS = "resourceQuota", "namespaceDefaultResourceQuota", "containerDefaultResourceLimit"


def quotas(whole: dict[str, str], each: dict[str, str]) -> dict[str, Any]:
    return {WHOLE: {"limit": whole}, EACH: {"limit": each}}


def check(values: dict[str, Any]) -> dict[str, Any]:
    taken = validate.creation(PROJECT, NAMED | values)
    for validator in PROJECT.validators:
        validator(taken)
    return taken


@pytest.mark.parametrize(
    ("values", "code", "field"),
    [
        (quotas({"pods": "10"}, {}), "MissingRequired", EACH),
        (quotas({"pods": "10"}, {"services": "1"}), "MissingRequired", EACH),
        (quotas({"pods": "10"}, {"pods": "11"}), "MaxLimitExceeded", EACH),
        (quotas({"limitsCpu": "1"}, {"limitsCpu": "1001m"}), "MaxLimitExceeded", EACH),
        (quotas({"pods": "ten"}, {"pods": "1"}), "InvalidFormat", WHOLE),
        (quotas({"pods": "10"}, {"pods": "-1"}), "InvalidFormat", EACH),
        ({CONTAINERS: {"limitsCpu": "1e3"}}, "InvalidFormat", CONTAINERS),
        ({CONTAINERS: {"limitsCpu": "1", "requestsCpu": "2"}}, "MaxLimitExceeded", CONTAINERS),
    ],
)
def test_what_does_not_fit_is_named(values: dict[str, Any], code: str, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        check(values)
    assert (refused.value.code, refused.value.field) == (code, field)


def test_what_fits_is_taken() -> None:
    values = quotas({"pods": "10", "limitsCpu": "2"}, {"pods": "10", "limitsCpu": "500m"})
    assert check(values)[EACH]["limit"] == {"pods": "10", "limitsCpu": "500m"}
