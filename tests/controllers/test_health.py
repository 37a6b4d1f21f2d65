"""From what is seen of a cluster to a plan: every transition, with its words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.api.state import State, state
from chalicelib.controllers import readiness
from chalicelib.controllers.health import PROBE_SECONDS, RETRY_SECONDS, SOON, Observed, plan
from chalicelib.types import Resource

NOW, LATER = "2026-11-24T08:00:00Z", "2026-11-24T09:00:00Z"
VERSION = {"gitVersion": "v1.20.2"}

NEW = Resource(kind="cluster", id="c-1", spec={"name": "one"})
WAITING = readiness.waiting(NEW, NOW)
READY = readiness.ready(replace(WAITING, status={"version": VERSION}), NOW)
LOST = readiness.unavailable(READY, "AgentDisconnected", "gone", NOW)
BROKEN = readiness.unavailable(READY, "ApiServerUnreachable", "broken", NOW)

ANSWERS = Observed(connected=True, version=VERSION)
FAILS = Observed(connected=True, failure="its API server answers 500 to GET /version")
GONE = Observed(connected=False)

ACTIVE = State("active")
AWAITED = State("pending", "yes", "Waiting for the cluster's agent: run the command of a cluster registration token")
AWAY = State("unavailable", "yes", "The cluster's agent is not connected; requests work again as soon as it is")
UNREACHABLE = State("unavailable", "yes", "The agent is connected, but its API server answers 500 to GET /version")


@pytest.mark.parametrize(
    ("before", "observed", "after", "again"),
    [
        (NEW, GONE, AWAITED, None),
        (WAITING, GONE, AWAITED, None),
        (WAITING, ANSWERS, ACTIVE, PROBE_SECONDS),
        (READY, ANSWERS, ACTIVE, PROBE_SECONDS),
        (READY, FAILS, UNREACHABLE, RETRY_SECONDS),
        (READY, GONE, AWAY, None),
        (LOST, GONE, AWAY, None),
        (LOST, FAILS, UNREACHABLE, RETRY_SECONDS),
        (LOST, ANSWERS, ACTIVE, PROBE_SECONDS),
        (BROKEN, FAILS, UNREACHABLE, RETRY_SECONDS),
        (BROKEN, GONE, AWAY, None),
        (BROKEN, ANSWERS, ACTIVE, PROBE_SECONDS),
    ],
)
def test_transitions(before: Resource, observed: Observed, after: State, again: float | None) -> None:
    made = plan(before, observed, LATER)
    assert state(made.cluster) == after
    assert made.again == again


def test_a_new_cluster_whose_api_server_fails_says_so() -> None:
    assert "answers 500" in state(plan(WAITING, FAILS, LATER).cluster).message


def test_a_new_cluster_whose_agent_left_before_it_was_ready_says_that_it_left() -> None:
    failed = plan(WAITING, FAILS, LATER).cluster
    assert "agent is not connected" in state(plan(failed, GONE, LATER).cluster).message


@pytest.mark.parametrize("cluster", [READY, LOST, WAITING])
def test_the_same_again_changes_nothing(cluster: Resource) -> None:
    """So that looking at a cluster does not write, and writing does not make one look again."""
    for observed in (ANSWERS, FAILS, GONE):
        once = plan(cluster, observed, NOW).cluster
        assert plan(once, observed, LATER).cluster == once


def test_the_version_is_kept() -> None:
    made = plan(WAITING, ANSWERS, NOW).cluster
    assert made.status["version"] == VERSION
    assert plan(made, GONE, LATER).cluster.status["version"] == VERSION


@pytest.mark.parametrize("cluster", [NEW, WAITING, LOST])
def test_it_is_not_active_before_its_administrators_rights_count(cluster: Resource) -> None:
    early = Observed(connected=True, version=VERSION, early=True)
    made = plan(cluster, early, LATER)
    assert made.again == SOON
    assert "don't count there yet" in state(made.cluster).message
    assert plan(made.cluster, ANSWERS, LATER).cluster.status["version"] == VERSION


def test_nothing_else_of_a_cluster_changes() -> None:
    made = plan(replace(READY, sealed={"a": "b"}, labels={"c": "d"}), GONE, NOW).cluster
    assert (made.spec, made.sealed, made.labels) == (READY.spec, {"a": "b"}, {"c": "d"})
