"""A cluster that hangs holds up some threads, and never all."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.clusters.client import Answer
from chalicelib.errors import Busy
from chalicelib.tunnel.heads import RequestHead
from standalone.rationing import Rationed

HEAD = RequestHead("GET", "/api/v1/pods", ())


class Hanging:
    """Answers when the test says so; one cluster answers at once."""

    def __init__(self) -> None:
        self.answer = threading.Event()
        self.begun = threading.Semaphore(0)

    def connected(self, cluster: str) -> bool:
        return cluster != "c-none"

    def call(self, cluster: str, head: RequestHead, body: bytes, timeout: float) -> Answer:
        if cluster.startswith("c-hung"):
            self.begun.release()
            assert self.answer.wait(30)
        return Answer(200, b"{}")


def test_a_hung_cluster_leaves_room_for_others() -> None:
    hanging = Hanging()
    rationed = Rationed(hanging, most=4, most_of_one=2)
    with ThreadPoolExecutor(4) as pool:
        stuck = [pool.submit(rationed.call, "c-hung", HEAD, b"", 10.0) for _ in range(2)]
        for _ in stuck:
            assert hanging.begun.acquire(timeout=30)
        with pytest.raises(Busy):
            rationed.call("c-hung", HEAD, b"", 10.0)
        assert rationed.call("c-well", HEAD, b"", 10.0).status == 200
        hanging.answer.set()
        assert [each.result(30).status for each in stuck] == [200, 200]
    assert rationed.call("c-hung", HEAD, b"", 10.0).status == 200


def test_many_hung_clusters_leave_threads_for_the_rest_of_the_api() -> None:
    hanging = Hanging()
    rationed = Rationed(hanging, most=3, most_of_one=2)
    with ThreadPoolExecutor(4) as pool:
        stuck = [pool.submit(rationed.call, f"c-hung-{number}", HEAD, b"", 10.0) for number in range(3)]
        for _ in stuck:
            assert hanging.begun.acquire(timeout=30)
        with pytest.raises(Busy):
            rationed.call("c-well", HEAD, b"", 10.0)
        hanging.answer.set()
        assert [each.result(30).status for each in stuck] == [200, 200, 200]


def test_it_knows_who_is_connected() -> None:
    rationed = Rationed(Hanging())
    assert rationed.connected("c-1")
    assert not rationed.connected("c-none")
