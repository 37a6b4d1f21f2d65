"""The audit log's file: for its owner alone, in whole lines, through rotation and a killed process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from chalicelib.adapters.audit import AuditFile, AuditOutput
from chalicelib.errors import Unavailable
from tests.support.lariat import ROOT, eventually

WRITER = """
import sys, threading
from pathlib import Path
from chalicelib.adapters.audit import AuditFile
file = AuditFile(Path(sys.argv[1]))
def write():
    while True:
        file.write(b'{"a":"%b"}\\n' % (b"x" * 9000))
for _ in range(4):
    threading.Thread(target=write).start()
"""


def test_lines_are_appended_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.write_text("{}\n")
    path.chmod(0o644)
    file = AuditFile(path)
    file.write(b"[1]\n")
    assert path.read_text() == "{}\n[1]\n", "it is there before anything is closed"
    file.close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_rotation(tmp_path: Path) -> None:
    path, moved = tmp_path / "audit.log", tmp_path / "audit.log.1"
    file = AuditFile(path)
    file.write(b"1\n")
    path.rename(moved)
    file.write(b"2\n")
    file.reopen()
    file.write(b"3\n")
    file.close()
    assert (moved.read_text(), path.read_text()) == ("1\n2\n", "3\n")


def test_rotation_into_nothing_goes_on_in_the_old_file(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    file = AuditFile(folder / "audit.log")
    folder.rename(tmp_path / "moved")
    file.reopen()
    file.write(b"1\n")
    file.close()
    assert (tmp_path / "moved" / "audit.log").read_text() == "1\n"


@pytest.mark.parametrize("kind", ["folder", "link", "pipe", "missing"])
def test_no_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "audit.log"
    reader = -1
    match kind:
        case "folder":
            path.mkdir()
        case "link":
            path.symlink_to(tmp_path / "other")
        case "pipe":
            os.mkfifo(path)
            reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        case _:
            path = tmp_path / "nowhere" / "audit.log"
    with pytest.raises(Unavailable, match=r"audit\.log"):
        AuditFile(path)
    if reader >= 0:
        os.close(reader)


def test_a_line_that_was_cut_ends_before_the_next_begins(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.write_bytes(b'{"a":1}\n{"b"')
    file = AuditFile(path)
    file.write(b'{"c":3}\n')
    file.close()
    assert path.read_bytes().split(b"\n") == [b'{"a":1}', b'{"b"', b'{"c":3}', b""]


def test_killed(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], cwd=ROOT) as writer:
        eventually(lambda: path.exists() and path.stat().st_size > 1_000_000, "lines are written")
        writer.kill()
    *lines, rest = path.read_bytes().split(b"\n")
    assert {len(json.loads(line)["a"]) for line in lines} == {9000}
    assert len(rest) < 9010, "only a write that did not return can be cut"


def test_threads_do_not_mix_lines(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    file = AuditFile(path)

    def write(number: int) -> None:
        for _ in range(50):
            file.write(b"%d" % number * 5000 + b"\n")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    file.close()
    lines = path.read_text().splitlines()
    assert len(lines) == 400
    assert all(set(line) == {line[0]} and len(line) == 5000 for line in lines)


def test_the_output(capfd: pytest.CaptureFixture[str]) -> None:
    output = AuditOutput()
    output.write(b"[1]\n")
    output.reopen()
    output.close()
    assert capfd.readouterr().out == "[1]\n"


def test_an_output_that_is_closed() -> None:
    script = (
        "import sys; from chalicelib.adapters.audit import AuditOutput; sys.stdout.close(); AuditOutput().write(b'1')"
    )
    found = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "chalicelib.errors.Unavailable: the audit log can't be written to the output" in found.stderr
