"""The work queue: what comes twice is done once, what comes meanwhile is done again, what fails is done later."""

from __future__ import annotations

import itertools
import queue
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from chalicelib.errors import Unavailable
from chalicelib.outcomes import FIRST_RETRY, LONGEST_RETRY, Outcome
from chalicelib.types import Key
from standalone.work import Work
from tests.support.clock import ManualClock

SECONDS = 10.0
A, B, C = Key("cluster", "a"), Key("cluster", "b"), Key("cluster", "c")
NUDGE = "nudge"


class Desk:
    """Work on a clock that the test moves. Each key that is taken waits until the test finishes it.

    With one thread more than keys that are being worked on, what the test sees does not depend on luck: a nudge is taken
    when all that was due before it has been, and all bookkeeping is done.
    """

    def __init__(self, threads: int) -> None:
        self.clock = ManualClock()
        self._taken: queue.Queue[Key] = queue.Queue()
        self._outcomes: dict[Key, queue.Queue[float | Exception | None]] = {key: queue.Queue() for key in (A, B, C)}
        self._nudges = itertools.count()
        self.counted: list[tuple[Key, Outcome, float | None]] = []
        self._work = Work(self._reconcile, self.clock, threads, lambda *worked: self.counted.append(worked))
        self.add = self._work.add

    def start(self) -> None:
        self._work.start()

    def stop(self) -> None:
        self._work.stop()
        for outcomes in self._outcomes.values():
            for _ in range(4):
                outcomes.put(None)

    def _reconcile(self, key: Key) -> float | None:
        self._taken.put(key)
        if key.kind == NUDGE:
            return None
        outcome = self._outcomes[key].get(timeout=SECONDS)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def next(self) -> Key:
        """Wait for the next key that is taken."""
        self._nudge()
        while (key := self._taken.get(timeout=SECONDS)).kind == NUDGE:
            pass
        return key

    def finish(self, key: Key, outcome: float | Exception | None = None) -> None:
        self._outcomes[key].put(outcome)

    def rests(self) -> bool:
        """Whether all is done that is due now."""
        nudge = self._nudge()
        while (key := self._taken.get(timeout=SECONDS)).kind == NUDGE:
            if key == nudge:
                return True
        return False

    def _nudge(self) -> Key:
        """Make the queue look at the clock again."""
        nudge = Key(NUDGE, str(next(self._nudges)))
        self.add(nudge)
        return nudge


@pytest.fixture
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    desk = Desk(getattr(request, "param", 1))
    yield desk
    desk.stop()


of_two = pytest.mark.parametrize("desk", [2], indirect=True, ids=["two threads"])
of_three = pytest.mark.parametrize("desk", [3], indirect=True, ids=["three threads"])


def test_keys_are_worked_on_in_their_order(desk: Desk) -> None:
    for key in (B, A, C):
        desk.add(key)
        desk.finish(key)
    desk.start()
    assert [desk.next() for _ in range(3)] == [B, A, C]


@of_three
def test_several_at_once(desk: Desk) -> None:
    desk.start()
    for key in (A, B, C):
        desk.add(key)
    assert {desk.next() for _ in range(3)} == {A, B, C}


def test_what_waits_twice_is_done_once(desk: Desk) -> None:
    for _ in range(5):
        desk.add(A)
    desk.start()
    assert desk.next() == A
    desk.finish(A)
    assert desk.rests()


@of_two
def test_what_comes_while_it_is_worked_on_is_done_again_after_that(desk: Desk) -> None:
    desk.start()
    desk.add(A)
    assert desk.next() == A
    for _ in range(3):
        desk.add(A)
    assert desk.rests(), "one key is never worked on twice at once"
    desk.finish(A)
    assert desk.next() == A
    desk.finish(A)
    assert desk.rests()


@of_two
def test_a_key_that_is_busy_holds_up_no_other(desk: Desk) -> None:
    desk.start()
    desk.add(A)
    assert desk.next() == A
    desk.add(A)
    desk.add(B)
    assert desk.next() == B


def test_a_key_for_later_waits(desk: Desk) -> None:
    desk.start()
    desk.add(A, 60)
    assert desk.rests()
    desk.clock.advance(59)
    assert desk.rests()
    desk.clock.advance(1)
    assert desk.next() == A


def test_the_earlier_of_two_times_counts(desk: Desk) -> None:
    desk.start()
    desk.add(A, 60)
    desk.add(A, 10)
    desk.add(A, 30)
    desk.clock.advance(10)
    assert desk.next() == A
    desk.finish(A)
    desk.clock.advance(100)
    assert desk.rests(), "the later times are gone"


def test_now_counts_more_than_later(desk: Desk) -> None:
    desk.start()
    desk.add(A, 60)
    desk.add(A)
    assert desk.next() == A


def test_what_wants_to_come_again_does(desk: Desk) -> None:
    desk.start()
    desk.add(A)
    for _ in range(3):
        assert desk.next() == A
        desk.finish(A, 20.0)
        assert desk.rests()
        desk.clock.advance(20)
    assert desk.next() == A


def test_a_change_comes_before_the_next_planned_time(desk: Desk) -> None:
    desk.start()
    desk.add(A)
    assert desk.next() == A
    desk.finish(A, 60.0)
    assert desk.rests()
    desk.add(A)
    assert desk.next() == A
    desk.finish(A, None)
    desk.clock.advance(100)
    assert desk.rests(), "the planned time went with it"


def test_failures_wait_longer_and_longer(desk: Desk) -> None:
    desk.start()
    desk.add(A)
    expected = FIRST_RETRY
    while expected < 2 * LONGEST_RETRY:
        assert desk.next() == A
        desk.finish(A, RuntimeError("as planned"))
        assert desk.rests()
        delay = min(expected, LONGEST_RETRY)
        desk.clock.advance(delay * 0.99)
        assert desk.rests(), f"sooner than in {delay} s"
        desk.clock.advance(delay * 0.011)
        expected *= 2
    assert desk.next() == A


def test_success_forgets_failures(desk: Desk) -> None:
    desk.start()
    desk.add(A)
    for outcome in (RuntimeError("one"), RuntimeError("two"), RuntimeError("three")):
        assert desk.next() == A
        desk.finish(A, outcome)
        assert desk.rests()
        desk.clock.advance(4)
    assert desk.next() == A
    desk.finish(A, None)
    assert desk.rests()
    desk.add(A)
    assert desk.next() == A
    desk.finish(A, RuntimeError("again"))
    assert desk.rests()
    desk.clock.advance(FIRST_RETRY)
    assert desk.next() == A


def test_a_change_does_not_wait_for_the_retry(desk: Desk) -> None:
    desk.start()
    desk.add(A)
    assert desk.next() == A
    desk.finish(A, RuntimeError("as planned"))
    assert desk.rests()
    desk.add(A)
    assert desk.next() == A


def test_one_failure_is_no_other_keys_affair(desk: Desk) -> None:
    desk.start()
    desk.add(A)
    assert desk.next() == A
    desk.finish(A, RuntimeError("as planned"))
    desk.add(B)
    assert desk.next() == B


def test_what_came_of_each_key_is_counted_and_how_long_it_waited(desk: Desk) -> None:
    desk.add(A)
    desk.clock.advance(10)
    desk.start()
    for outcome, seconds in ((Unavailable("a while"), FIRST_RETRY), (ZeroDivisionError(), 5), (2.0, 2.5), (None, 0)):
        assert desk.next() == A
        desk.finish(A, outcome)
        assert desk.rests()
        desk.clock.advance(seconds)
    assert [each for each in desk.counted if each[0] == A] == [
        (A, Outcome.TEMPORARY, 10.0),
        (A, Outcome.PERMANENT, 0.0),
        (A, Outcome.AGAIN, 3.0),
        (A, Outcome.DONE, 0.5),
    ]


@pytest.mark.timeout(20)
def test_it_really_waits_and_really_wakes() -> None:
    """On a real clock: a key for later is not taken early, and needs nobody to remind the queue."""

    class Clock:
        def now(self) -> float:
            return time.monotonic()

    done: queue.Queue[tuple[Key, float]] = queue.Queue()

    def note(key: Key) -> None:
        done.put((key, time.monotonic()))

    work = Work(note, Clock(), 2)
    work.start()
    start = time.monotonic()
    work.add(A, 0.2)
    work.add(B, 0.1)
    work.add(C)
    came = [done.get(timeout=SECONDS) for _ in range(3)]
    work.stop()
    assert [key for key, _ in came] == [C, B, A]
    assert came[1][1] - start >= 0.1
    assert came[2][1] - start >= 0.2


def test_many_threads_and_many_keys_lose_nothing() -> None:
    """Each key is worked on after its last addition, and never twice at once."""
    keys = [Key("cluster", str(number)) for number in range(20)]
    added = dict.fromkeys(keys, 0)
    seen = dict.fromkeys(keys, -1)
    busy: set[Key] = set()
    lock = threading.Lock()
    clashes: list[Key] = []

    def reconcile(key: Key) -> None:
        with lock:
            clashes.extend([key] if key in busy else [])
            busy.add(key)
            seen[key] = added[key]
        time.sleep(0.0005)
        with lock:
            busy.discard(key)

    def add(start: int) -> None:
        for number in range(300):
            key = keys[(start + number * 7) % len(keys)]
            with lock:
                added[key] += 1
            work.add(key)

    work = Work(reconcile, ManualClock(), 4)
    work.start()
    _together([partial(add, start) for start in range(4)])
    deadline = time.monotonic() + SECONDS
    while seen != added and time.monotonic() < deadline:
        time.sleep(0.01)
    work.stop()
    assert seen == added
    assert clashes == []


def _together(actions: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=action) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)


def test_a_queue_that_was_stopped_takes_nothing_more() -> None:
    done: queue.Queue[Key] = queue.Queue()
    work = Work(done.put, ManualClock(), 2)
    work.start()
    work.stop()
    work.add(A)
    time.sleep(0.05)
    assert done.empty()
