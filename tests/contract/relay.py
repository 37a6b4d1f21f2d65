"""What every gateway promises: connections of our own, and messages posted to them. Run it on each ``Post`` and ``Dial``."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from chalicelib.errors import Gone, TooLarge, Unavailable
from chalicelib.gateway.tickets import Tickets
from chalicelib.tunnel.frames import ASK, MESSAGE, Frame, Kind, decode, encode
from chalicelib.types import Dial, Line, Post

PATIENCE = 10.0
ASKING = next(encode(Frame(Kind.PING, document=ASK)))


def name_of(line: Line) -> str:
    line.send(ASKING)
    message = line.receive(PATIENCE)
    assert message is not None
    frame = decode(message)
    assert frame.kind is Kind.PONG
    return frame.document


def eventually_gone(act: Callable[[], object]) -> bool:
    """Whether an end is noticed: the gateway may take its time."""
    for _ in range(50):
        try:
            act()
        except Gone:
            return True
        time.sleep(0.02)
    return False


class RelayContract:
    """The subclass's module has the fixtures ``dial``, ``post`` and ``tickets`` (of the gateway's own secret)."""

    def test_a_line_learns_its_name_and_hears_what_is_posted_there(
        self, dial: Dial, post: Post, tickets: Tickets
    ) -> None:
        line = dial(tickets.headers())
        name = name_of(line)
        assert name_of(line) == name
        for message in ("plain", "größer \N{SNOWMAN} \N{GRINNING FACE}", "two\nlines\r\n", "x" * MESSAGE):
            post.send(name, message.encode())
            assert line.receive(PATIENCE) == message.encode()
        line.close()

    def test_each_line_hears_its_own(self, dial: Dial, post: Post, tickets: Tickets) -> None:
        first, second = dial(tickets.headers()), dial(tickets.headers())
        names = name_of(first), name_of(second)
        assert names[0] != names[1]
        post.send(names[1], b"for the second")
        assert second.receive(PATIENCE) == b"for the second"
        assert first.receive(0) is None
        first.close()
        second.close()

    def test_silence_is_none(self, dial: Dial, tickets: Tickets) -> None:
        line = dial(tickets.headers())
        assert line.receive(0) is None
        assert line.receive(0.2) is None
        line.close()

    @pytest.mark.parametrize("size", [MESSAGE + 1, 2 * MESSAGE])
    def test_a_message_over_the_limit_is_too_large(self, dial: Dial, post: Post, tickets: Tickets, size: int) -> None:
        line = dial(tickets.headers())
        with pytest.raises(TooLarge):
            post.send(name_of(line), b"x" * size)
        with pytest.raises(TooLarge):
            post.send(name_of(line), "\N{SNOWMAN}".encode() * (MESSAGE // 3 + 1))
        line.close()

    def test_nobody_is_gone(self, post: Post) -> None:
        with pytest.raises(Gone):
            post.send("L0SM9cOFvHcCIhw=", b"hello?")
        post.hang_up("L0SM9cOFvHcCIhw=")

    def test_a_line_that_hung_up_is_gone(self, dial: Dial, post: Post, tickets: Tickets) -> None:
        line = dial(tickets.headers())
        name = name_of(line)
        line.close()
        with pytest.raises(Gone):
            line.send(ASKING)
        assert eventually_gone(lambda: post.send(name, b"hello?"))

    def test_a_line_that_was_hung_up_on_ends(self, dial: Dial, post: Post, tickets: Tickets) -> None:
        line = dial(tickets.headers())
        post.hang_up(name_of(line))
        assert eventually_gone(lambda: line.receive(0.2))

    def test_nobody_gets_in_without_a_ticket(self, dial: Dial) -> None:
        for headers in ({}, {"X-Lariat-Ticket": "x"}, {"X-API-Tunnel-Token": "x" * 54}):
            with pytest.raises(Unavailable):
                dial(headers)
