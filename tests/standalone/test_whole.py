"""Requests that are read whole before they go on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from chalicelib.errors import Invalid, TooLarge
from standalone import whole


def sending(*messages: Any) -> whole.Receive:
    waiting = list(messages)

    async def receive() -> whole.Message:
        return waiting.pop(0)  # type: ignore[no-any-return] # what a test says

    return receive


def part(body: bytes, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


GONE = {"type": "http.disconnect"}


def test_a_request_is_read_and_then_comes_again() -> None:
    receive = sending(part(b"ab"), part(b"cd", more=False), GONE)
    assert asyncio.run(_read(receive, 4)) == b"abcd"
    again = whole.again(b"abcd", receive)
    assert [asyncio.run(_next(again)) for _ in range(2)] == [part(b"abcd", more=False), GONE]


def test_nobody_makes_the_server_keep_more_than_it_wants() -> None:
    with pytest.raises(TooLarge, match=r"^too much$"):
        asyncio.run(_read(sending(part(b"ab"), part(b"cde"), part(b"never read")), 4))


def test_half_a_request_is_none() -> None:
    with pytest.raises(Invalid):
        asyncio.run(_read(sending(part(b"ab"), GONE), 4))


async def _read(receive: whole.Receive, largest: int) -> bytes:
    return await whole.read(receive, largest, "too much")


async def _next(receive: whole.Receive) -> whole.Message:
    return await receive()
