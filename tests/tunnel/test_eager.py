"""A coroutine that is begun at once goes on as any other would."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from chalicelib.tunnel.eager import begin

Story = list[str]


def test_what_waits_for_nothing_is_done_at_once() -> None:
    async def scene() -> None:
        story: Story = []

        async def tell() -> None:
            story.append("told")

        assert begin(tell()) is None
        assert story == ["told"]

    asyncio.run(scene())


def test_what_waits_goes_on_in_a_task() -> None:
    async def scene() -> None:
        story: Story = []
        first, second = asyncio.Event(), asyncio.Event()

        async def tell() -> None:
            story.append("begun")
            await first.wait()
            async with asyncio.timeout(60):
                await second.wait()
            story.append("ended")

        task = begin(tell())
        assert story == ["begun"]
        assert task is not None
        first.set()
        second.set()
        await task
        assert story == ["begun", "ended"]

    asyncio.run(scene())


async def _at_once() -> None:
    """Before the task has run for the first time."""


async def _later() -> None:
    await asyncio.sleep(0)
    await asyncio.sleep(0)


@pytest.mark.parametrize("when", [_at_once, _later])
def test_it_can_be_cancelled(when: Callable[[], Awaitable[None]]) -> None:
    async def scene() -> None:
        story: Story = []

        async def tell() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                story.append("tidied")

        task = begin(tell())
        assert task is not None
        await when()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert story == ["tidied"]

    asyncio.run(scene())


def test_what_it_waits_for_may_fail() -> None:
    async def scene() -> None:
        awaited = asyncio.get_running_loop().create_future()

        async def tell() -> None:
            await awaited

        task = begin(tell())
        assert task is not None
        awaited.set_exception(ValueError("no"))
        with pytest.raises(ValueError, match="no"):
            await task

    asyncio.run(scene())
