"""One measurement with wrk: https, kept-alive connections, a few seconds."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


@dataclass(frozen=True, slots=True)
class Sample:
    """Requests a second, and the median latency in milliseconds."""

    rps: float
    p50: float


def wrk(url: str, token: str, connections: int, seconds: float, script: Path | None = None) -> Sample:
    """``script`` makes the requests, if they are more than a GET. Raises ``RuntimeError`` if any was not a success."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "30s", "--latency"]
    command += ["-H", f"Authorization: Bearer {token}", *(("-s", str(script)) if script else ()), url]
    out = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 60).stdout
    failures = re.search(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)", out)
    if failures:
        raise RuntimeError(f"{url}: {failures[0]}")
    rps, median = re.search(r"Requests/sec:\s+([\d.]+)", out), re.search(r"50%\s+([\d.]+)(us|ms|s|m)", out)
    if rps is None or median is None:
        raise RuntimeError(f"wrk printed something else:\n{out}")
    return Sample(float(rps[1]), float(median[1]) * _UNITS[median[2]])
