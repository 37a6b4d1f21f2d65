"""A reply token opens one door, for one agent, one stream and a while; nothing that resembles it does."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import LariatError
from chalicelib.gateway.dated import BadReply
from chalicelib.gateway.reply import Replies
from chalicelib.gateway.signing import Signer
from tests.support.clock import ManualClock

AGENT, CALLER, STREAM = "L0SM9cOFvHcCIhw=", "Xy/+9cOFvHcCIhw=", "ab" * 16


def replies(clock: ManualClock | None = None, *keys: bytes) -> Replies:
    return Replies(Signer(keys or (b"k" * 32,)), clock or ManualClock())


def test_a_token_leads_back_to_the_caller() -> None:
    token = replies().issue(AGENT, CALLER, STREAM, 30)
    assert replies().verify(token, AGENT, STREAM) == (CALLER, "")
    assert re.fullmatch(r"[\w.-]{1,1024}", token, re.ASCII)
    assert len(token) < 100


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1, max_size=64),
    st.text(max_size=64),
    st.text(max_size=64),
)
def test_any_connection_fits_into_a_frame(caller: str, agent: str, stream: str) -> None:
    token = replies().issue(agent, caller, stream, 30)
    assert re.fullmatch(r"[\w.-]{1,1024}", token, re.ASCII)
    assert replies().verify(token, agent, stream) == (caller, "")


@pytest.mark.parametrize(("agent", "stream"), [("other", STREAM), (AGENT, "other"), (AGENT + STREAM, ""), ("", "")])
def test_it_is_for_one_agent_and_one_stream(agent: str, stream: str) -> None:
    token = replies().issue(AGENT, CALLER, STREAM, 30)
    with pytest.raises(BadReply):
        replies().verify(token, agent, stream)


def test_it_ends_in_time() -> None:
    clock = ManualClock()
    token = replies(clock).issue(AGENT, CALLER, STREAM, 30)
    clock.advance(31)
    assert replies(clock).verify(token, AGENT, STREAM) == (CALLER, "")
    clock.advance(1)
    with pytest.raises(BadReply, match="too old"):
        replies(clock).verify(token, AGENT, STREAM)


@given(st.data())
def test_a_changed_token_is_refused(data: st.DataObject) -> None:
    token = replies().issue(AGENT, CALLER, STREAM, 30)
    place = data.draw(st.integers(0, len(token) - 1))
    # The last character of base64 without padding may hold bits that mean nothing, but the text itself is compared.
    other = data.draw(st.sampled_from("ABCxyz019-_.").filter(lambda letter: letter != token[place]))
    with pytest.raises(BadReply):
        replies().verify(token[:place] + other + token[place + 1 :], AGENT, STREAM)


@given(st.text(max_size=200))
def test_garbage_is_refused(text: str) -> None:
    with pytest.raises(BadReply):
        replies().verify(text, AGENT, STREAM)


def test_a_key_can_be_rotated() -> None:
    old, new = b"o" * 32, b"n" * 32
    token = replies(None, old).issue(AGENT, CALLER, STREAM, 30)
    assert replies(None, new, old).verify(token, AGENT, STREAM) == (CALLER, "")
    with pytest.raises(BadReply):
        replies(None, new).verify(token, AGENT, STREAM)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(LariatError, match="32 bytes"):
        Signer([b"short"])


def test_what_was_signed_for_one_use_counts_for_no_other() -> None:
    signer = Signer([b"k" * 32])
    signature = signer.sign("reply", "a", "bc")
    assert signer.verify(signature, "reply", "a", "bc")
    assert not signer.verify(signature, "ticket", "a", "bc")
    assert not signer.verify(signature, "reply", "ab", "c")
