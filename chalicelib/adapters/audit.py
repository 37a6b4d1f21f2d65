"""Where audit events go: a file, or the process's output, which on Lambda is CloudWatch's."""

from __future__ import annotations

import logging
import os
import stat
import sys
import threading
from pathlib import Path

from chalicelib.errors import Unavailable

SYNC_SECONDS = 1.0
"""What a power cut may take; what a killed process has written is safe at once."""

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_NEWLINE = b"\n"

log = logging.getLogger("lariat.audit")


class AuditFile:
    """An ``Audit`` of JSON lines in a file for its owner alone. Raises ``Unavailable`` if it can't be opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._descriptor = self._open()
        self._dirty = False
        self._closing = threading.Event()
        self._syncing = threading.Thread(target=self._sync_often, name="audit", daemon=True)
        self._syncing.start()

    def write(self, line: bytes) -> None:
        with self._lock:
            size = os.fstat(self._descriptor).st_size
            try:
                written = os.write(self._descriptor, line)
            except OSError as error:
                raise _unavailable(self._path, error) from error
            if written < len(line):
                os.ftruncate(self._descriptor, size)
                raise Unavailable(f"the audit log {self._path} can't be written: no space left")
            self._dirty = True

    def reopen(self) -> None:
        """Go on in a new file; if there can be none, in the old."""
        with self._lock:
            try:
                fresh = self._open()
            except Unavailable as error:
                log.error("%s", error.message)  # noqa: TRY400 - the message says it all
                return
            old, self._descriptor = self._descriptor, fresh
        _sync(old)

    def close(self) -> None:
        self._closing.set()
        self._syncing.join()
        _sync(self._descriptor)

    def _open(self) -> int:
        try:
            descriptor = os.open(self._path, _FLAGS, 0o600)
        except OSError as error:
            raise _unavailable(self._path, error) from error
        try:
            self._prepare(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _prepare(self, descriptor: int) -> None:
        """Take the file over: it is ours alone, and begins a line where a killed process may have cut the last one."""
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise Unavailable(f"the audit log {self._path} is no file; `-` is the output")
        try:
            os.fchmod(descriptor, 0o600)
            if found.st_size and self._last() != _NEWLINE:
                os.write(descriptor, _NEWLINE)
        except OSError as error:
            raise _unavailable(self._path, error) from error

    def _last(self) -> bytes:
        with self._path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1)

    def _sync_often(self) -> None:
        while not self._closing.wait(SYNC_SECONDS):
            with self._lock:
                descriptor = os.dup(self._descriptor) if self._dirty else -1
                self._dirty = False
            if descriptor >= 0:
                _sync(descriptor)


class AuditOutput:
    """An ``Audit`` on the standard output, each line in one piece."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def write(self, line: bytes) -> None:
        with self._lock:
            try:
                sys.stdout.write(line.decode())
                sys.stdout.flush()
            except (OSError, ValueError) as error:
                raise Unavailable(f"the audit log can't be written to the output: {error}") from error

    def reopen(self) -> None:
        """Nothing: whoever reads the output keeps it."""

    def close(self) -> None:
        """Nothing: the output is the process's."""


def _sync(descriptor: int) -> None:
    """Bring a file to the disk and close it; outside of the lock, so that a slow disk holds up nobody who writes."""
    try:
        os.fdatasync(descriptor)
    except OSError as error:
        log.error("the audit log can't be brought to the disk: %s", error.strerror)  # noqa: TRY400
    finally:
        os.close(descriptor)


def _unavailable(path: Path, error: OSError) -> Unavailable:
    return Unavailable(f"the audit log {path} can't be written: {error.strerror}")
