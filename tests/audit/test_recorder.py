"""What a level writes down, and what happens when nothing can be written."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib.adapters.audit import AuditFile
from chalicelib.audit.event import ANSWERED, Body, Event, Source
from chalicelib.audit.recorder import Recorder
from chalicelib.auth.identity import Identity
from chalicelib.errors import Unavailable
from tests.support.clock import ManualClock
from tests.support.random import SeededRandom


class Desk:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "audit.log"
        self.file = AuditFile(self.path)
        self.clock = ManualClock()

    def recorder(self, level: int, *, required: bool = True) -> Recorder:
        return Recorder(level, self.file, self.clock, SeededRandom(), required=required)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.path.read_bytes().split(b"\n")[:-1]]

    @contextmanager
    def full(self) -> Iterator[None]:
        """The file may grow by some bytes and no more: the disk is full in the middle of a line."""
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.path.stat().st_size + 10, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.file.close()


def event(desk: Desk) -> Event:
    return Event(
        stage=ANSWERED,
        request="r-1",
        began=desk.clock.now() - 0.25,
        source=Source("192.0.2.1", "kubectl"),
        identity=Identity("u-bob", (), "token-b", name="bob"),
        method="POST",
        uri="/v3/x",
        verb="create",
        status=201,
        cluster="c-1",
        cluster_name="prod",
        object={"kind": "x"},
        sent=Body(b'{"a":1}', size=7),
        answer=Body(b'{"b":2}', size=7),
    )


@pytest.mark.parametrize(
    ("level", "bodies"),
    [(1, {}), (2, {"requestBody": {"a": 1}}), (3, {"requestBody": {"a": 1}, "answerBody": {"b": 2}})],
)
def test_levels(desk: Desk, level: int, bodies: dict[str, Any]) -> None:
    desk.recorder(level).record(event(desk))
    (found,) = desk.events
    assert len(found.pop("id")) == 36
    assert found.pop("time").endswith("Z")
    assert found == {
        "request": "r-1",
        "stage": "answered",
        "user": {"id": "u-bob", "name": "bob", "token": "token-b"},
        "source": {"address": "192.0.2.1", "agent": "kubectl"},
        "method": "POST",
        "uri": "/v3/x",
        "verb": "create",
        "status": 201,
        "milliseconds": 250.0,
        "cluster": {"id": "c-1", "name": "prod"},
        "object": {"kind": "x"},
        **bodies,
    }


@pytest.mark.parametrize("end", ["\n", "\r\n", "\x85", "\u2028", "\u2029", "\x0b", "\x00"])
def test_nobody_forges_a_line(desk: Desk, end: str) -> None:
    forged = f'x"{end}{{"user":{{"id":"u-admin"}}}}{end}'
    hostile = Body(json.dumps({forged: forged}, ensure_ascii=False).encode(), size=1)
    desk.recorder(3).record(
        replace(
            event(desk),
            source=Source(forged, forged),
            account=forged,
            uri=forged,
            verb=forged,
            object={"name": forged},
            sent=hostile,
        )
    )
    lines = desk.path.read_bytes().decode().splitlines()
    assert len(lines) == 1
    assert lines[0].isascii()
    assert json.loads(lines[0])["user"]["id"] == "u-bob"


@pytest.mark.parametrize("resource", ["secrets", "tokenreviews", "certificatesigningrequests"])
@pytest.mark.parametrize("level", [2, 3])
def test_secret_resources_show_no_body(desk: Desk, resource: str, level: int) -> None:
    desk.recorder(level).record(replace(event(desk), object={"resource": resource}))
    (found,) = desk.events
    assert found["requestBody"] == {"withheld": "it is secret", "bytes": 7, "type": ""}
    assert '"b":2' not in desk.path.read_text()


def test_a_line_fits_into_cloudwatch(desk: Desk) -> None:
    large = "\u0416" * (16 * 1024 - 10)
    body = Body(json.dumps([large], ensure_ascii=False).encode(), size=32 * 1024)
    desk.recorder(3).record(replace(event(desk), sent=body, answer=body))
    assert 190_000 < len(desk.path.read_bytes()) < 256 * 1024 - 26


def test_required_and_full(desk: Desk) -> None:
    recorder = desk.recorder(1)
    recorder.record(event(desk))
    with desk.full():
        with pytest.raises(Unavailable, match="may have been done"):
            recorder.record(event(desk))
        with pytest.raises(Unavailable, match="nothing is done unrecorded"):
            recorder.check()
    recorder.check()
    recorder.record(event(desk))
    assert [found.get("events", found["stage"]) for found in desk.events] == ["answered", 1, "answered"]


def test_not_required_and_full(desk: Desk) -> None:
    recorder = desk.recorder(1, required=False)
    with desk.full():
        for _ in range(3):
            recorder.check()
            recorder.record(event(desk))
    recorder.record(event(desk))
    lost, last = desk.events
    assert (lost["stage"], lost["events"], last["stage"]) == ("lost", 3, "answered")
