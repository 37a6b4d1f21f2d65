"""The conditions of a cluster, and what each step says."""

from __future__ import annotations

import pytest

from chalicelib.controllers.readiness import is_ready, ready, unavailable, waiting, was_connected
from chalicelib.types import Resource

EARLY, LATE = "2026-11-24T08:00:00Z", "2026-11-24T09:00:00Z"
NEW = Resource(kind="cluster", id="c-1")


def conditions(cluster: Resource) -> dict[str, tuple[str, str, str]]:
    return {condition.type: (condition.status, condition.reason, condition.message) for condition in cluster.conditions}


def test_waiting() -> None:
    assert conditions(waiting(NEW, EARLY)) == {
        "Pending": (
            "Unknown",
            "WaitingForAgent",
            "Waiting for the cluster's agent: run the command of a cluster registration token",
        )
    }


def test_ready() -> None:
    done = ("True", "", "")
    assert conditions(ready(waiting(NEW, EARLY), LATE)) == {"Pending": done, "Provisioned": done, "Ready": done}


def test_unavailable() -> None:
    cluster = unavailable(ready(NEW, EARLY), "AgentDisconnected", "it is gone", LATE)
    assert conditions(cluster)["Ready"] == ("False", "AgentDisconnected", "it is gone")
    assert conditions(cluster)["Pending"] == ("True", "", "")


def test_recovered_leaves_no_trace() -> None:
    assert conditions(ready(unavailable(ready(NEW, EARLY), "X", "y", EARLY), LATE)) == conditions(ready(NEW, EARLY))


@pytest.mark.parametrize(
    ("cluster", "is_ready_now", "was"),
    [
        (NEW, False, False),
        (waiting(NEW, EARLY), False, False),
        (ready(NEW, EARLY), True, True),
        (unavailable(ready(NEW, EARLY), "X", "y", EARLY), False, True),
        (unavailable(waiting(NEW, EARLY), "X", "y", EARLY), False, True),
    ],
)
def test_now_and_ever(cluster: Resource, is_ready_now: bool, was: bool) -> None:
    assert (is_ready(cluster), was_connected(cluster)) == (is_ready_now, was)


def test_the_time_moves_with_the_status_alone() -> None:
    cluster = ready(NEW, EARLY)
    assert ready(cluster, LATE) == cluster
    first = unavailable(cluster, "X", "y", LATE)
    assert first.conditions[-1].changed == LATE
    assert unavailable(first, "X", "z", "2026-11-24T10:00:00Z").conditions[-1].changed == LATE
