"""Frames on their own: what goes in comes out, and what the network did to them is noticed."""

from __future__ import annotations

import base64
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.tunnel.frames import DATA, DOCUMENT, MESSAGE, Frame, FrameError, Kind, decode, encode

IDS = st.text("abcXYZ019_-", min_size=1, max_size=64)
OFFSETS = st.integers(0, 10**17)


@given(
    kind=st.sampled_from(Kind),
    stream=IDS,
    offset=OFFSETS,
    fin=st.booleans(),
    document=st.text(st.characters(codec="ascii"), max_size=200),
    data=st.one_of(st.binary(max_size=3000), st.text(max_size=1000).map(str.encode)),
    deflate=st.booleans(),
)
def test_what_is_encoded_is_decoded(
    kind: Kind, stream: str, offset: int, fin: bool, document: str, data: bytes, deflate: bool
) -> None:
    frame = Frame(kind, stream, offset, fin, document, data, "reply.token-1")
    assert [decode(message) for message in encode(frame, deflate=deflate)] == [frame]


@pytest.mark.parametrize("deflate", [False, True])
@pytest.mark.parametrize("letter", [b"a", b"\xff", "\N{SNOWMAN}".encode()])
@pytest.mark.parametrize("size", [0, 1, 90_000, 200_001, DATA, DATA + 1, 3 * DATA])
def test_large_data_is_spread_over_messages_that_the_gateway_takes(size: int, letter: bytes, deflate: bool) -> None:
    data = (letter * size)[:size]
    frame = Frame(Kind.HEAD, "s", 7, True, "d" * DOCUMENT, data)
    messages = list(encode(frame, deflate=deflate))
    assert all(len(message) <= MESSAGE for message in messages)
    parts = [decode(message) for message in messages]
    assert b"".join(part.data for part in parts) == data
    assert [part.offset for part in parts] == [7 + sum(len(p.data) for p in parts[:n]) for n in range(len(parts))]
    assert [part.fin for part in parts] == [False] * (len(parts) - 1) + [True]
    assert [bool(part.document) for part in parts] == [True] + [False] * (len(parts) - 1)


@given(document=st.integers(0, DOCUMENT), size=st.integers(80_000, 140_000), deflate=st.booleans())
def test_any_document_leaves_room_that_fits(document: int, size: int, deflate: bool) -> None:
    frame = Frame(Kind.HEAD, "s", document="d" * document, data=random.Random(size).randbytes(size))
    messages = list(encode(frame, deflate=deflate))
    assert all(len(message) <= MESSAGE for message in messages)
    assert sum(len(decode(message).data) for message in messages) == size


def test_deflating_saves_messages() -> None:
    data = b'{"kind":"Pod","apiVersion":"v1"},' * 20_000
    assert len(list(encode(Frame(Kind.DATA, "s", data=data), deflate=True))) == 1
    assert len(list(encode(Frame(Kind.DATA, "s", data=data)))) > 5


def test_a_document_over_the_limit_is_refused_at_both_ends() -> None:
    with pytest.raises(FrameError):
        list(encode(Frame(Kind.OPEN, "s", document="d" * (DOCUMENT + 1))))
    with pytest.raises(FrameError):
        decode(b"O s 0 t %d 0 \n" % (DOCUMENT + 1) + b"d" * (DOCUMENT + 1))


@given(data=st.binary(min_size=1, max_size=2000), deflate=st.booleans(), cut=st.integers(min_value=1))
def test_a_cut_message_is_no_frame(data: bytes, deflate: bool, cut: int) -> None:
    (message,) = encode(Frame(Kind.DATA, "stream", 5, True, '{"a":1}', data), deflate=deflate)
    with pytest.raises(FrameError):
        decode(message[: cut % len(message)])


@given(st.one_of(st.binary(), st.text().map(str.encode)))
def test_anything_else_is_refused_without_a_crash(text: bytes) -> None:
    with pytest.raises(FrameError):
        decode(text)


@pytest.mark.parametrize(
    "message",
    [
        "D s 0 t 0 3 \nabcd",
        "D s -1 t 0 0 \n",
        "D s 9999999999999999999 t 0 0 \n",
        "X s 0 t 0 0 \n",
        "D s/../t 0 t 0 0 \n",
        "D s 0 t 0 0 \n\n",
        "D s 0 b 0 3 \nabc",
        "D s 0 b 0 4 \na*bc",
        "D \u0661 0 t 0 0 \n",
        "D s \u0661 t 0 0 \n",
        "D s 0 z 0 4 \nAAAA",
        "D " + "s" * 65 + " 0 t 0 0 \n",
        "D s 0 t 0 0 " + "r" * 1025 + "\n",
        "D s 0 t 0 131072 \n" + "x" * 131072,
        "D " + " " * 4096 + "s 0 t 0 0 \n",
    ],
)
def test_hostile_messages_are_refused(message: str) -> None:
    with pytest.raises(FrameError):
        decode(message.encode())


def test_a_deflate_bomb_is_refused() -> None:
    bomb = base64.b64encode(zlib.compress(b"\0" * (DATA + 1))).decode()
    with pytest.raises(FrameError):
        decode(f"D s 0 z 0 {len(bomb)} \n{bomb}".encode())
    fits = base64.b64encode(zlib.compress(b"\0" * DATA)).decode()
    assert len(decode(f"D s 0 z 0 {len(fits)} \n{fits}".encode()).data) == DATA


def test_a_document_that_is_no_text_is_refused() -> None:
    with pytest.raises(FrameError):
        decode(b"H s 0 t 2 0 \n\xff\xfe")


@pytest.mark.parametrize("letter", ["\N{LATIN SMALL LETTER E WITH ACUTE}", "\N{SNOWMAN}", "\N{GRINNING FACE}"])
@pytest.mark.parametrize("before", range(5))
def test_text_is_cut_between_characters_and_so_stays_text(letter: str, before: int) -> None:
    data = ("x" * before + letter * 200_000).encode()
    messages = list(encode(Frame(Kind.DATA, "s", data=data)))
    assert sum(map(len, messages)) < len(data) * 1.01, "nothing travels in base64"
    assert b"".join(decode(message).data for message in messages) == data
