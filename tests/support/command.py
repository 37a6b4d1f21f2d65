"""The ``lariat`` command as a user runs it, with a home of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.kubernetes.cluster import Cluster
from tests.support.lariat import ROOT

SECONDS = 60.0


class Command:
    def __init__(self, cluster: Cluster, home: Path) -> None:
        self.home = home
        self._environment = {"PATH": f"{cluster.binaries}:{os.environ['PATH']}", "HOME": str(home)}

    @property
    def accounts(self) -> Path:
        return self.home / ".config" / "lariat" / "accounts.json"

    def run(
        self, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run it to its end."""
        return subprocess.run(
            self._line(arguments),
            input=stdin,
            capture_output=True,
            timeout=SECONDS,
            env={**self._environment, **(environment or {})},
            cwd=ROOT,
            check=False,
        )

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run it while a test looks on; ``stdout`` and ``stdin`` are pipes."""
        with subprocess.Popen(
            self._line(arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environment,
            cwd=ROOT,
        ) as process:
            try:
                yield process
            finally:
                process.terminate()
                process.wait(10)

    @staticmethod
    def _line(arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "cli", *arguments]
