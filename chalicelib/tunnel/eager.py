"""Begin a coroutine at once, not in the event loop's next turn: what a message asks for leaves before other work is done.

``agent/session.py`` and ``standalone/protocol.py`` begin requests so. Python has eager tasks since 3.12 only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any


def begin(coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
    """Run a coroutine until it first waits; return a task for the rest, if there is one.

    Until then it runs in no task, so it can't use ``asyncio.timeout`` yet.
    """
    try:
        awaited = coroutine.send(None)
    except StopIteration:
        return None
    return asyncio.get_running_loop().create_task(_Begun(coroutine, awaited))


class _Begun(Coroutine[Any, Any, None]):
    """A coroutine that waits already: the task that takes it over first hears for what."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], awaited: Any) -> None:
        self._coroutine = coroutine
        self._awaited = awaited
        self._told = False

    def send(self, value: Any) -> Any:
        if self._told:
            return self._coroutine.send(value)
        self._told = True
        return self._awaited

    def throw(self, *error: Any) -> Any:
        self._told = True
        return self._coroutine.throw(*error)

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, None]:
        return self._coroutine.__await__()
