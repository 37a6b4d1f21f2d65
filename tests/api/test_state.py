"""From conditions to a state in words."""

from __future__ import annotations

import pytest

from chalicelib.api.state import State, state
from chalicelib.controllers.readiness import CONTENTS
from chalicelib.types import Condition, Resource

READY = Condition("Ready", "True")
PENDING = Condition("Pending", "True")


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([], State("active")),
        ([PENDING, READY], State("active")),
        ([Condition("Pending", "Unknown", "", "waiting")], State("pending", "yes", "waiting")),
        ([Condition("Pending", "False", "", "broken")], State("pending", "error", "broken")),
        ([Condition("Provisioned", "Unknown")], State("provisioning", "yes")),
        ([PENDING, Condition("Ready", "False", "", "gone")], State("unavailable", "yes", "gone")),
        ([PENDING, Condition("Ready", "Unknown", "", "lost")], State("unavailable", "error", "lost")),
        ([Condition("Ready", "False", "Error", "bad")], State("unavailable", "error", "bad")),
        ([Condition("Ready", "False", "", "b"), Condition("Pending", "Unknown")], State("unavailable", "yes", "b")),
        ([Condition("SomethingElse", "False", "", "x")], State("active")),
    ],
)
def test_the_first_condition_that_is_not_done_counts(conditions: list[Condition], expected: State) -> None:
    assert state(Resource(kind="cluster", id="c-1", conditions=tuple(conditions))) == expected


@pytest.mark.parametrize(
    ("finalizers", "message"),
    [
        ((), ""),
        (("a", "b"), "waiting for a, b"),
        ((CONTENTS,), "waiting for what Lariat keeps in the cluster to be taken out"),
    ],
)
def test_what_is_being_removed_says_what_it_waits_for(finalizers: tuple[str, ...], message: str) -> None:
    resource = Resource(kind="cluster", id="c-1", removed="2026-11-24T08:00:00Z", finalizers=finalizers)
    assert state(resource) == State("removing", "yes", message)
