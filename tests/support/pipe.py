"""A transport for protocols that run without a network."""

from __future__ import annotations


class Pipe:
    """A transport that keeps what is written; ``deaf``, nobody reads it."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.deaf = False
        self.aborted = False
        self.closing = False

    def get_extra_info(self, name: str) -> None:
        """Nobody knows from where it came."""

    def write(self, data: bytes) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return len(self.written) if self.deaf else 0

    def is_closing(self) -> bool:
        return self.closing or self.aborted

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.aborted = True
