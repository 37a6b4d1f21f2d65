"""Streams over a hostile network: no byte lost, doubled, or mixed, whatever happens to the frames."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.tunnel.frames import Frame, Kind
from chalicelib.tunnel.streams import (
    LONGEST_REASON,
    MOST_EARLY,
    WINDOW,
    Abort,
    Consumed,
    Deliver,
    Failed,
    Received,
    Send,
    Stream,
    Transmit,
    step,
)
from tests.tunnel.network import End, Harm, pair, run

PIECES = st.lists(st.binary(max_size=400), min_size=1, max_size=12)
SIZES = st.lists(st.integers(0, 400_000), min_size=1, max_size=8)
SEEDS = st.integers(0, 2**32)


@given(
    request=PIECES,
    answer=PIECES,
    seed=SEEDS,
    deflate=st.booleans(),
    harms=st.sets(st.sampled_from([Harm.SHUFFLE, Harm.DOUBLE])),
)
def test_shuffled_and_doubled_frames_change_nothing(
    request: list[bytes], answer: list[bytes], seed: int, deflate: bool, harms: set[Harm]
) -> None:
    caller, answerer = pair(request, answer, deflate)
    run(caller, answerer, random.Random(seed), frozenset(harms))
    assert_whole(caller, answerer)


@settings(max_examples=25)
@given(request=SIZES, answer=SIZES, seed=SEEDS)
def test_large_bodies_pass_under_flow_control(request: list[int], answer: list[int], seed: int) -> None:
    caller, answerer = pair(blocks(request), blocks(answer))
    run(caller, answerer, random.Random(seed), frozenset({Harm.SHUFFLE, Harm.DOUBLE}))
    assert_whole(caller, answerer)


@given(request=PIECES, answer=PIECES, seed=SEEDS, harms=st.sets(st.sampled_from(Harm), min_size=1))
def test_dropped_and_cut_frames_stall_but_never_corrupt(
    request: list[bytes], answer: list[bytes], seed: int, harms: set[Harm]
) -> None:
    caller, answerer = pair(request, answer)
    run(caller, answerer, random.Random(seed), frozenset(harms))
    for end, expected in ((answerer, b"".join(request)), (caller, b"".join(answer))):
        assert expected.startswith(end.received)
        assert not end.failures
        if end.finished:
            assert end.received == expected


@given(answer=SIZES, seed=SEEDS)
@settings(max_examples=20)
def test_a_stalled_consumer_stops_its_producer(answer: list[int], seed: int) -> None:
    caller, answerer = pair([b""], blocks(answer))
    for _ in range(1000):
        if not answerer.produce():
            break
    assert sum(len(message) for message in answerer.wire) <= WINDOW * 4 // 3 + 64 * 1024
    assert answerer.stream.outgoing.sent == min(WINDOW, sum(answer[: answerer.position]))
    run(caller, answerer, random.Random(seed), frozenset())
    assert_whole(caller, answerer)


def blocks(sizes: list[int]) -> list[bytes]:
    return [bytes([number]) * size for number, size in enumerate(sizes)]


def assert_whole(caller: End, answerer: End) -> None:
    # Compared outside of the assertion: a difference of megabytes must not be printed.
    whole = answerer.received == b"".join(caller.outgoing), caller.received == b"".join(answerer.outgoing)
    assert whole == (True, True)
    assert (caller.heads, answerer.heads) == (["answer"], ["request"])
    assert (caller.finished, answerer.finished) == (1, 1)
    assert caller.stream.done
    assert answerer.stream.done


def answer_to(*frames: Frame) -> tuple[Stream, list[object]]:
    stream = Stream("s", Kind.OPEN)
    seen: list[object] = []
    for frame in frames:
        stream, effects = step(stream, Received(frame))
        seen.extend(effects)
    return stream, seen


def test_data_before_the_head_waits_for_it() -> None:
    _, effects = answer_to(Frame(Kind.DATA, "s", 3, True, data=b"def"), Frame(Kind.HEAD, "s", 0, False, "{}", b"abc"))
    assert effects == [Deliver(b"abcdef", True, "{}")]


def test_an_empty_answer_is_one_delivery() -> None:
    stream, effects = answer_to(Frame(Kind.HEAD, "s", 0, True, "{}"))
    assert effects == [Deliver(b"", True, "{}")]
    assert stream.incoming.finished


def test_a_reset_fails_the_stream_with_its_reason_once() -> None:
    stream, effects = answer_to(
        Frame(Kind.RESET, "s", document='{"reason":"gone"}'), Frame(Kind.DATA, "s", data=b"late")
    )
    assert effects == [Failed("gone")]
    assert stream.done


@pytest.mark.parametrize(
    "document",
    ["", "[]", "nonsense", '{"why":1}', '{"reason":1}', '{"reason":' + "[" * 900 + "]" * 900 + "}", "[" * 12_000],
)
def test_a_reset_without_a_reason_is_a_reset(document: str) -> None:
    _, effects = answer_to(Frame(Kind.RESET, "s", document=document))
    assert effects == [Failed("the other end gave no reason")]


def test_a_reason_is_text_that_can_be_kept() -> None:
    _, effects = answer_to(Frame(Kind.RESET, "s", document='{"reason":"\\ud800' + "x" * 20_000 + '"}'))
    assert effects == [Failed("?" + "x" * (LONGEST_REASON - 1))]


def test_abort_tells_the_other_end() -> None:
    stream, effects = step(Stream("s", Kind.OPEN), Abort("client went away"))
    assert effects == (Transmit(Frame(Kind.RESET, "s", document='{"reason": "client went away"}')),)
    assert step(stream, Send(b"x")) == (stream, ())


@pytest.mark.parametrize(
    "frames",
    [
        [Frame(Kind.DATA, "s", WINDOW, data=b"x")],
        [Frame(Kind.HEAD, "s", 0, True, "{}", b"ab"), Frame(Kind.DATA, "s", 9, data=b"x")][1:]
        + [Frame(Kind.DATA, "s", 2, True)],
        [Frame(Kind.DATA, "s", 5, True), Frame(Kind.DATA, "s", 6, True)],
        [Frame(Kind.HEAD, "s", 0, False, "{}", b"abc"), Frame(Kind.DATA, "s", 2, True)],
        [Frame(Kind.DATA, "s", 5, True), Frame(Kind.DATA, "s", 4, data=b"xx")],
        [Frame(Kind.DATA, "s", offset, data=b"") for offset in range(MOST_EARLY + 1)],
    ],
    ids=[
        "past the credit",
        "past its end",
        "two ends",
        "end before what came",
        "data past the end",
        "flood of empty frames",
    ],
)
def test_a_peer_that_breaks_the_rules_is_cut_off(frames: list[Frame]) -> None:
    stream, effects = answer_to(*frames)
    assert stream.failed
    assert isinstance(effects[-1], Failed)
    assert [effect.frame.kind for effect in effects if isinstance(effect, Transmit)] == [Kind.RESET]


def test_overlapping_frames_out_of_order_have_a_bound_in_bytes() -> None:
    frames = [Frame(Kind.DATA, "s", offset, data=b"x" * (WINDOW // 2)) for offset in range(1, 10)]
    stream, _ = answer_to(*frames)
    assert stream.failed


def test_credit_is_granted_in_steps_and_not_after_the_end() -> None:
    stream, _ = answer_to(Frame(Kind.HEAD, "s", 0, False, "{}", b"x" * WINDOW))
    stream, effects = step(stream, Consumed(10))
    assert effects == ()
    stream, effects = step(stream, Consumed(WINDOW - 10))
    assert effects == (Transmit(Frame(Kind.CREDIT, "s", 2 * WINDOW)),)
    stream, _ = step(stream, Received(Frame(Kind.DATA, "s", WINDOW, True)))
    assert step(stream, Consumed(0))[1] == ()
