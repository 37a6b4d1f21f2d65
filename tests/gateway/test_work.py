"""What becomes of keys: cost follows changes, one key's failure is its own, and lost messages are made up for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.auth.providers.due import DUE
from chalicelib.clusters.affected import CONTENTS
from chalicelib.clusters.registration import token_claim
from chalicelib.controllers import readiness
from chalicelib.controllers.health import PROBE_SECONDS, RETRY_SECONDS
from chalicelib.errors import Conflict, Unavailable
from chalicelib.gateway.connections import KIND
from chalicelib.gateway.work import SETTLED, Work
from chalicelib.outcomes import FIRST_RETRY, LONGEST_RETRY, Outcome
from chalicelib.store.resources import timestamp
from chalicelib.types import Key, Resource
from tests.support.gateway import GatewayAgent
from tests.support.relay import CLUSTER, TOKEN, Edge

KEY = Key("cluster", CLUSTER)


class Bench:
    def __init__(self, edge: Edge) -> None:
        self.edge = edge
        self.reconciled: list[Key] = []
        self.again: float | None = None
        self.failure: Exception | None = None
        self.counted: list[tuple[Key, Outcome, float | None]] = []
        self.work = Work(
            self,
            edge.resources,
            edge.connections,
            edge.gateway,
            edge.queue,
            count=lambda *worked: self.counted.append(worked),
        )
        edge.queue.jobs.clear()

    def reconcile(self, key: Key) -> float | None:
        self.reconciled.append(key)
        if self.failure is not None:
            raise self.failure
        return self.again

    def clusters(self) -> list[Key]:
        return [Key("cluster", id) for id in self.edge.resources.ids("cluster")]

    def add(self, cluster: str, *, ready: bool) -> None:
        now = timestamp(self.edge.clock.now())
        resource = readiness.ready(Resource(kind="cluster", id=cluster), now)
        if not ready:
            resource = readiness.unavailable(resource, "AgentDisconnected", "gone", now)
        self.edge.resources.create(resource)

    @property
    def queued(self) -> list[str]:
        return sorted(key.id for key, _, _ in self.edge.queue.jobs)


@pytest.fixture
def bench(edge: Edge) -> Bench:
    return Bench(edge)


def test_a_cluster_that_is_well_is_not_looked_at_by_the_clock(bench: Bench) -> None:
    bench.again = PROBE_SECONDS
    bench.work.do(KEY, 0)
    assert bench.reconciled == [KEY]
    assert bench.queued == []


def test_one_that_is_not_is_looked_at_less_and_less_often(bench: Bench) -> None:
    bench.again = RETRY_SECONDS
    for attempt in (0, 1, 5):
        bench.work.do(KEY, attempt)
    assert bench.edge.queue.jobs == [(KEY, 5, 1), (KEY, 10, 2), (KEY, 160, 6)]


@pytest.mark.parametrize(("attempt", "delay"), [(0, FIRST_RETRY), (3, 8 * FIRST_RETRY), (20, LONGEST_RETRY)])
def test_what_may_pass_is_tried_again_less_and_less_often(bench: Bench, attempt: int, delay: float) -> None:
    bench.failure = Unavailable("the database does not answer")
    bench.work.do(KEY, attempt)
    assert bench.edge.queue.jobs == [(KEY, delay, attempt + 1)]


def test_a_fault_is_for_the_dead_letters(bench: Bench) -> None:
    bench.failure = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        bench.work.do(KEY, 0)
    assert bench.edge.queue.jobs == []


def test_what_came_of_each_key_is_counted(bench: Bench) -> None:
    for again, failure, waited in (
        (None, None, 0.5),
        (PROBE_SECONDS, None, None),
        (RETRY_SECONDS, None, None),
        (None, Conflict("somebody wrote first"), 2.0),
    ):
        bench.again, bench.failure = again, failure
        bench.work.do(KEY, 0, waited)
    assert bench.counted == [
        (KEY, Outcome.DONE, 0.5),
        (KEY, Outcome.DONE, None),
        (KEY, Outcome.AGAIN, None),
        (KEY, Outcome.TEMPORARY, 2.0),
    ]


def test_only_what_has_a_controller_is_queued(bench: Bench) -> None:
    bench.work.changed([KEY, Key("token", "t"), Key("node", "n"), KEY, Key(KIND, "conn")])
    assert bench.edge.queue.jobs == [(KEY, 0, 0), (Key(CONTENTS, CLUSTER), 0, 0)]


def test_a_deleted_clusters_agents_are_hung_up_on(bench: Bench) -> None:
    agent = bench.edge.agent()
    bench.edge.resources.remove(KEY)
    bench.work.do(KEY, 0)
    assert not bench.edge.gateway.holds(agent.name)
    assert bench.edge.connections.all(CLUSTER) == []


class TestDeletedToken:
    """What an agent was let in by is gone: so must it be, and nobody else."""

    @pytest.fixture
    def agent(self, bench: Bench) -> GatewayAgent:
        agent = bench.edge.agent()
        bench.edge.queue.jobs.clear()
        return agent

    @pytest.fixture
    def key(self, bench: Bench, agent: GatewayAgent) -> Key:
        key = bench.edge.resources.holder(token_claim(TOKEN))
        assert key is not None
        bench.edge.resources.remove(key)
        return key

    def test_who_came_by_another_stays(self, bench: Bench, agent: GatewayAgent, key: Key) -> None:
        bench.edge.connections.add(CLUSTER, "other", f"{CLUSTER}:crt-2")
        bench.work.do(key, 0)
        assert not bench.edge.gateway.holds(agent.name)
        assert bench.edge.connections.all(CLUSTER) == ["other"]

    def test_who_was_let_in_at_the_last_moment_goes_at_the_second_look(
        self, bench: Bench, agent: GatewayAgent, key: Key
    ) -> None:
        bench.edge.connections.remove(agent.name)
        bench.work.do(key, 0)
        assert bench.edge.queue.jobs == [(key, SETTLED, 1)]
        bench.edge.connections.add(CLUSTER, agent.name, key.id)
        bench.work.do(key, 1)
        assert not bench.edge.gateway.holds(agent.name)

    def test_it_is_tried_until_nobody_is_left(self, bench: Bench, agent: GatewayAgent, key: Key) -> None:
        bench.edge.gateway.clinging = 2
        for attempt in range(4):
            bench.work.do(key, attempt)
        assert not bench.edge.gateway.holds(agent.name)
        assert [attempt for job, _, attempt in bench.edge.queue.jobs if job == key] == [1, 2, 3]

    def test_a_new_token_costs_one_look(self, bench: Bench, agent: GatewayAgent) -> None:
        bench.work.do(Key("clusterRegistrationToken", f"{CLUSTER}:crt-1"), 0)
        assert bench.edge.gateway.holds(agent.name)
        assert bench.edge.queue.jobs == []


def test_the_sweep_finds_what_got_lost(bench: Bench) -> None:
    """Ready without a connection, and connected without being ready; a cluster that waits for its first agent is well."""
    for cluster, ready, connected in (
        ("c-1", True, True),
        ("c-2", True, False),
        ("c-3", False, True),
        ("c-4", False, False),
    ):
        bench.add(cluster, ready=ready)
        if connected:
            bench.edge.connections.add(cluster, f"conn-{cluster}", "crt")
    bench.edge.reset_counts()
    bench.work.sweep()
    assert bench.queued == ["c-2", "c-3"]
    # The clusters, the connections, and whether an identity provider is enabled.
    assert bench.edge.counts["reads"] == 3


def test_the_sweep_has_memberships_refreshed_if_there_is_whom_to_ask(bench: Bench) -> None:
    config = Resource(kind="authConfig", id="openldap", spec={"enabled": False})
    bench.edge.resources.create(config)
    bench.work.sweep()
    assert DUE not in [key for key, _, _ in bench.edge.queue.jobs]
    bench.edge.resources.update(config.key, lambda stored: replace(stored, spec={"enabled": True}))
    bench.work.sweep()
    assert (DUE, 0, 0) in bench.edge.queue.jobs


@pytest.mark.parametrize("more", [True, False])
def test_memberships_are_refreshed_as_long_as_there_are_more(bench: Bench, more: bool) -> None:
    edge = bench.edge
    work = Work(bench, edge.resources, edge.connections, edge.gateway, edge.queue, lambda: more)
    work.do(DUE, 0)
    assert edge.queue.jobs == ([(DUE, 0, 0)] if more else [])


def test_the_resync_takes_all(bench: Bench) -> None:
    for number in range(3):
        bench.add(f"c-{number}", ready=True)
    bench.work.resync()
    assert bench.queued == ["c-0", "c-1", "c-2", CLUSTER]


def test_agents_that_come_and_go_wake_the_reconciler(edge: Edge) -> None:
    agent = edge.agent()
    agent.leave()
    assert edge.queue.jobs == [(KEY, 0, 0), (KEY, 0, 0)]


def test_a_planned_reconnect_wakes_nobody(edge: Edge) -> None:
    old = edge.agent()
    edge.queue.jobs.clear()
    new = edge.agent()
    old.leave()
    assert edge.queue.jobs == []
    new.leave()
    assert edge.queue.jobs == [(KEY, 0, 0)]


def test_an_agent_gets_in_though_the_queue_fails(edge: Edge) -> None:
    edge.queue.failing = True
    agent = edge.agent()
    assert edge.connections.all(CLUSTER) == [agent.name]
