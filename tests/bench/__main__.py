"""Measure and write ``build/bench.json``; ``python -m tests.bench [SECONDS]``.

Each pair is measured in turns, direct and proxied, and the median of the turns counts: the machine's mood hits both.
Ratios are what to compare between machines; absolute figures prove nothing. ``aws_…`` are counts, the same everywhere.
"""

from __future__ import annotations

import json
import os
import runpy
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench import api, rights
from tests.bench.wrk import Sample, wrk
from tests.kubernetes import binaries
from tests.kubernetes.cluster import ADMIN_TOKEN, Cluster
from tests.kubernetes.cluster import running as running_cluster
from tests.support.lariat import ROOT, Client, Imported, Lariat
from tests.support.lariat import running as running_lariat

ROUNDS = 3
OBJECTS = 200
OBJECT_BYTES = 2700
PREFIX = "/api/v1/namespaces/default/configmaps"

Figures = dict[str, float]


def main(seconds: float) -> None:
    folder = binaries.folder(os.environ, lambda line: print(line, file=sys.stderr))
    with (
        tempfile.TemporaryDirectory() as scratch,
        running_cluster(folder, _folder(scratch, "kubernetes")) as cluster,
        running_lariat(_folder(scratch, "lariat")) as lariat,
        lariat.log_in() as admin,
    ):
        figures = measure(cluster, lariat, admin, seconds)
    say("rights of many")
    figures |= rights.measure()
    figures |= aws()
    path = ROOT / "build" / "bench.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(figures, indent=2) + "\n")
    table(figures)


def measure(cluster: Cluster, lariat: Lariat, admin: Client, seconds: float) -> Figures:
    fill(cluster)
    figures: Figures = {"start_s": start_seconds(lariat)}
    imported = Imported(lariat, admin, "bench")
    agent = imported.connect(cluster.kubeconfig)
    try:
        assert lariat.process is not None
        figures |= {"server_rss_mb": rss(lariat.process.pid), "agent_rss_mb": rss(agent.pid)}
        token = str(admin.headers["Authorization"]).removeprefix("Bearer ")
        inside = f"{lariat.url}/k8s/clusters/{imported.id}"
        for name, path, connections in (
            ("get_c1", f"{PREFIX}/small", 1),
            ("get_c8", f"{PREFIX}/small", 8),
            ("get_c32", f"{PREFIX}/small", 32),
            ("list600k_c4", f"{PREFIX}?labelSelector=size%3Dbench", 4),
        ):
            say(f"{name}: direct and proxied, {ROUNDS} rounds of {seconds:g} s each")
            figures |= compare(
                name,
                lambda path=path, connections=connections: wrk(cluster.url + path, ADMIN_TOKEN, connections, seconds),  # type: ignore[misc]
                lambda path=path, connections=connections: wrk(inside + path, token, connections, seconds),  # type: ignore[misc]
            )
        say("list_clusters_c8")
        figures["list_clusters_c8_rps"] = wrk(f"{lariat.url}/v3/clusters", token, 8, seconds).rps
        say("the v3 API")
        figures |= api.measure(lariat, admin, imported, seconds)
        figures |= {"server_rss_after_mb": rss(lariat.process.pid), "agent_rss_after_mb": rss(agent.pid)}
    finally:
        imported.stop()
    return {name: round(value, 3) for name, value in figures.items()}


def compare(name: str, direct: Callable[[], Sample], proxied: Callable[[], Sample]) -> Figures:
    pairs = [(direct(), proxied()) for _ in range(ROUNDS)]
    ours, theirs = _median([pair[1] for pair in pairs]), _median([pair[0] for pair in pairs])
    return {
        f"direct_{name}_rps": theirs.rps,
        f"proxy_{name}_rps": ours.rps,
        f"{name}_ratio": ours.rps / theirs.rps,
        f"direct_{name}_p50_ms": theirs.p50,
        f"proxy_{name}_p50_ms": ours.p50,
        f"{name}_p50_ratio": ours.p50 / theirs.p50,
    }


def fill(cluster: Cluster) -> None:
    """Put one small object and a list of 600 KB into the cluster."""
    _create(cluster, "small", {}, "x" * 100)
    for number in range(OBJECTS):
        _create(cluster, f"bench-{number}", {"size": "bench"}, "x" * OBJECT_BYTES)


def start_seconds(lariat: Lariat) -> float:
    """From the command to the printed URL, with the data folder already there."""
    lariat.stop()
    begun = time.monotonic()
    lariat.start()
    return time.monotonic() - begun


def rss(pid: int) -> float:
    """Resident memory of a process in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"no process {pid}")


def aws() -> Figures:
    """What operations cost on AWS: counts, which tests hold to what the code does."""
    cost = runpy.run_path(str(ROOT / "tools" / "cost.py"))
    counts, model = (
        json.loads((ROOT / "tests" / name).read_text()) for name in ("gateway/counts.json", "infra/model.json")
    )
    figures: Figures = cost["flat"](counts, model)
    return figures


def table(figures: Figures) -> None:
    width = max(map(len, figures))
    for name, value in figures.items():
        print(f"{name:<{width}}  {value:>10.3f}")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _create(cluster: Cluster, name: str, labels: dict[str, str], blob: str) -> None:
    document = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": labels},
        "data": {"blob": blob},
    }
    answer = cluster.request("POST", PREFIX, json=document)
    if answer.status_code != 201:
        raise RuntimeError(f"creating {name} was answered {answer.status_code}")


def _median(samples: list[Sample]) -> Sample:
    return Sample(statistics.median(s.rps for s in samples), statistics.median(s.p50 for s in samples))


def _folder(scratch: str, name: str) -> Path:
    folder = Path(scratch) / name
    folder.mkdir()
    return folder


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 5.0)
