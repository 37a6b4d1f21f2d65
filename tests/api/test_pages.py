"""Ten thousand resources of a kind, page by page, while others write."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.types import Key, Put, Remove, Resource
from tests.support.server import Caller, Server, serving

COUNT = 10_000
LIMIT = 1000
AT_ONCE = 25


def notifier(number: int) -> Resource:
    spec = {"clusterId": "c-1", "name": f"notifier {number}", "webhookConfig": {"url": f"https://hook.test/{number}"}}
    return Resource(kind="notifier", id=f"c-1:m-{number:06}", parent="c-1", spec=spec, labels={"zone": "a"})


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("many")
    with serving(folder) as server:
        for start in range(0, COUNT, AT_ONCE):
            first, *others = [notifier(2 * number) for number in range(start, start + AT_ONCE)]
            server.resources.create(first, *others)
        yield server


@pytest.fixture(scope="module")
def admin(many: Server) -> Caller:
    return many.user("admin", administrator=True)


STEADY = [f"c-1:m-{2 * number:06}" for number in range(COUNT)]


def walk(admin: Caller, url: str) -> list[str]:
    ids: list[str] = []
    while url:
        reply = admin.get(url)
        ids += reply.ids
        url = reply.json["pagination"].get("next", "")
    return ids


@pytest.mark.slow
@pytest.mark.parametrize("url", [f"/v3/notifiers?limit={LIMIT}", f"/v3/clusters/c-1/notifiers?limit={LIMIT}"])
def test_pages_under_writes_neither_miss_nor_double(many: Server, admin: Caller, url: str) -> None:
    stop = threading.Event()
    rounds: list[int] = []

    def churn() -> None:
        """Create and remove around every border between pages, and in between."""
        while not stop.is_set():
            rounds.append(1)
            for number in (1, 1999, 2001, 10_001, 19_997, 19_999):
                stored = many.store.write(Put(notifier(number)))[0]
                many.store.write(Remove(stored))

    writer = threading.Thread(target=churn)
    writer.start()
    try:
        ids = walk(admin, url)
    finally:
        stop.set()
        writer.join()
    assert len(rounds) > 1
    assert ids == sorted(set(ids))
    assert [id for id in ids if id in set(STEADY)] == STEADY


@pytest.mark.slow
@pytest.mark.parametrize("gone", [2000, 2 * COUNT - 2])
def test_a_page_goes_on_when_the_resource_it_begins_with_has_gone(many: Server, admin: Caller, gone: int) -> None:
    """Also when nothing is behind it."""
    limit = LIMIT if gone == 2000 else COUNT - 1
    key = Key("notifier", f"c-1:m-{gone:06}")
    stored = many.resources.get(*key)
    after = admin.get(f"/v3/notifiers?limit={limit}").json["pagination"]["next"]
    many.store.write(Remove(stored))
    try:
        assert walk(admin, after) == [id for id in STEADY[limit:] if id != key.id]
    finally:
        many.resources.create(notifier(gone))


@pytest.mark.slow
def test_a_page_costs_little(admin: Caller) -> None:
    """The measure is this thread's processor time, so that a busy machine changes nothing; the best of five counts."""
    url = f"/v3/notifiers?limit={LIMIT}&marker={STEADY[5000]}"
    spent = []
    for _ in range(5):
        before = time.thread_time()
        reply = admin.get(url)
        spent.append(time.thread_time() - before)
        assert len(reply.ids) == LIMIT
    assert min(spent) < 0.15
