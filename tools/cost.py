"""Dollars a month on AWS, from counts of billed operations and a price list: writes ``docs/cost.md``.

``tests/counts.json`` has the counts. ``--counts build/bench.json`` takes them from the key ``aws`` of what
``make bench`` measured.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
HOURS = 730
DAYS = HOURS / 24
CLUSTERS = (10, 100, 1_000, 10_000)
REQUESTS = (0, 200, 2_000)


class Price(NamedTuple):
    """Dollars for so many units."""

    dollars: float
    units: float
    text: str
    source: str


MILLION = 1e6
PRICES = {
    "gigabyte_seconds": Price(13.3334, MILLION, "Lambda time (arm64), per million GB-seconds", "secondary"),
    "runs": Price(0.20, MILLION, "Lambda runs, per million", "secondary"),
    "rest": Price(3.50, MILLION, "REST requests, per million", "secondary"),
    "messages": Price(1.00, MILLION, "WebSocket messages, per million of 32 KB", "AWS"),
    "connection_minutes": Price(0.25, MILLION, "WebSocket connections, per million minutes", "AWS"),
    "reads": Price(0.125, MILLION, "DynamoDB reads (on demand), per million of 4 KB", "secondary"),
    "writes": Price(0.625, MILLION, "DynamoDB writes (on demand), per million of 1 KB", "secondary"),
    "sqs": Price(0.40, MILLION, "SQS requests, per million", "memory"),
    "gigabytes_out": Price(0.09, 1, "data out, per GB", "secondary"),
    "gigabytes_logged": Price(0.50, 1, "CloudWatch Logs, per GB taken in", "memory"),
    "traces": Price(5.00, MILLION, "X-Ray, per million traces", "memory"),
    "schedules": Price(1.00, MILLION, "EventBridge Scheduler, per million runs", "secondary"),
    "keys": Price(1.00, 1, "KMS, per key and month", "memory"),
    "alarms": Price(0.10, 1, "CloudWatch alarms, per alarm and month", "memory"),
    "metrics": Price(0.30, 1, "CloudWatch metrics of ours, per metric and month", "memory"),
}

NODE = {"m5.xlarge": 0.192, "m5.2xlarge": 0.384, "m5.4xlarge": 0.768, "m5.8xlarge": 1.536}
NODES = 3
# Clusters that three nodes of a size are for, by Rancher's own tables.
RANCHER = {
    "today's table": ((150, "m5.xlarge"), (300, "m5.2xlarge"), (500, "m5.4xlarge")),
    "2.1's table": ((15, "m5.xlarge"), (50, "m5.2xlarge"), (100, "m5.8xlarge")),
}

Amounts = dict[str, float]


def amounts(counts: Mapping[str, Any], operation: str) -> Amounts:
    """Return what one operation is billed for, by the names of ``PRICES``."""
    found: Amounts = {}
    counted = counts["operations"][operation]
    for name, number in counted.items():
        if name == "runs":
            _add_runs(found, counts, number)
        elif name == "kilobytes_out":
            found["gigabytes_out"] = number / MILLION
        else:
            found[name] = float(number)
    return found


def _add_runs(found: Amounts, counts: Mapping[str, Any], runs: Mapping[str, float]) -> None:
    for function, number in runs.items():
        seconds = number * counts["milliseconds"][function] / 1000
        add(found, {"runs": number, "gigabyte_seconds": seconds * counts["megabytes"][function] / 1024}, 1)
    total = sum(runs.values())
    add(found, {"gigabytes_logged": total * counts["kilobytes_logged_per_run"] / MILLION}, 1)
    add(found, {"traces": total * counts["traced_runs"]}, 1)


def add(total: Amounts, more: Mapping[str, float], times: float) -> None:
    for name, number in more.items():
        total[name] = total.get(name, 0.0) + number * times


def month(counts: Mapping[str, Any], clusters: int, requests: int) -> Amounts:
    """Return what a month is billed for, with so many proxied requests per cluster and day."""
    total: Amounts = {}
    add(total, counts["fixed_per_month"], 1)
    add(total, amounts(counts, "idle_hour"), clusters * HOURS)
    proxied = clusters * requests * DAYS
    add(total, amounts(counts, "cold_get"), proxied * counts["cold_share"])
    add(total, amounts(counts, "warm_get"), proxied * (1 - counts["cold_share"]))
    return total


def dollars(billed: Mapping[str, float]) -> dict[str, float]:
    return {name: number / PRICES[name].units * PRICES[name].dollars for name, number in billed.items()}


def rancher(table: str, clusters: int) -> tuple[float, int]:
    """Return dollars a month for the nodes, and how many installations it takes."""
    rows = RANCHER[table]
    for most, size in rows:
        if clusters <= most:
            return NODES * NODE[size] * HOURS, 1
    most, size = rows[-1]
    installations = -(-clusters // most)
    return installations * NODES * NODE[size] * HOURS, installations


def money(value: float) -> str:
    return f"${value:,.0f}" if value >= 10 else f"${value:.2f}"


def render(counts: Mapping[str, Any]) -> str:
    """Return ``docs/cost.md``."""
    return "\n".join(_lines(counts)) + "\n"


def _lines(counts: Mapping[str, Any]) -> Iterator[str]:
    yield "# Cost"
    yield ""
    yield "Written by `tools/cost.py`; edit that, or `tests/counts.json`, not this."
    yield ""
    yield f"The counts are **{counts['source']}**. Prices are those of us-east-1, without taxes and without free tiers."
    yield ""
    yield "## Dollars a month"
    yield ""
    yield from _totals(counts)
    yield ""
    yield "Rancher's columns are three nodes (m5, on demand) of the size that its documents ask for, without disks, load"
    yield "balancer, backups and traffic. A number in brackets is of installations, where one can't take so many clusters."
    yield "Lariat's columns are everything: requests, functions, table, traffic, logs, traces, alarms, key."
    yield ""
    yield "## Where it goes"
    yield ""
    yield from _shares(counts)
    yield ""
    yield "## What is counted"
    yield ""
    yield from _operations(counts)
    yield ""
    answer = counts["operations"]["warm_get"]["kilobytes_out"]
    yield f"Of a hundred proxied requests {counts['cold_share'] * 100:.0f} are taken to be cold: their process has to open"
    yield f"a WebSocket and look the cluster up. An answer is taken to be {answer} KB. A function runs, and is billed, for as"
    yield "long as it waits for the cluster:"
    yield ""
    yield "| Function | MB | ms a run |"
    yield "|---|---:|---:|"
    for function, milliseconds in counts["milliseconds"].items():
        yield f"| {function} | {counts['megabytes'][function]} | {milliseconds} |"
    yield ""
    yield "## Prices"
    yield ""
    yield "| What | Dollars | Known from |"
    yield "|---|---:|---|"
    for price in PRICES.values():
        yield f"| {price.text} | {price.dollars:g} | {price.source} |"
    yield ""
    yield "*AWS*: AWS's own page. *Secondary*: others who quote it. *Memory*: nobody looked it up; check it first."


def _totals(counts: Mapping[str, Any]) -> Iterator[str]:
    heads = ["idle" if not requests else f"{requests:,} requests per cluster and day" for requests in REQUESTS]
    heads += [f"Rancher HA, {table}" for table in RANCHER]
    yield f"| Clusters | {' | '.join(heads)} |"
    yield "|---:|" + "---:|" * len(heads)
    for clusters in CLUSTERS:
        cells = [money(sum(dollars(month(counts, clusters, requests)).values())) for requests in REQUESTS]
        for table in RANCHER:
            price, installations = rancher(table, clusters)
            cells.append(money(price) + (f" ({installations})" if installations > 1 else ""))
        yield f"| {clusters:,} | {' | '.join(cells)} |"


def _shares(counts: Mapping[str, Any]) -> Iterator[str]:
    clusters = 1_000
    columns = [dollars(month(counts, clusters, requests)) for requests in REQUESTS]
    heads = ["idle" if not requests else f"{requests:,} requests" for requests in REQUESTS]
    yield f"| {clusters:,} clusters | {' | '.join(heads)} |"
    yield "|---|" + "---:|" * len(heads)
    for name, price in PRICES.items():
        if any(column.get(name) for column in columns):
            cells = [money(column.get(name, 0.0)) for column in columns]
            yield f"| {price.text.partition(',')[0]} | {' | '.join(cells)} |"


def _operations(counts: Mapping[str, Any]) -> Iterator[str]:
    names = {
        "warm_get": "a warm proxied GET",
        "cold_get": "a cold proxied GET",
        "idle_hour": "a cluster idle for an hour",
    }
    columns = ("rest", "messages", "runs", "reads", "writes", "sqs", "connection_minutes")
    yield f"| | {' | '.join(column.replace('_', ' ') for column in columns)} | dollars per million |"
    yield "|---|" + "---:|" * (len(columns) + 1)
    for operation, name in names.items():
        billed = amounts(counts, operation)
        cells = [f"{billed.get(column, 0):g}" for column in columns]
        yield f"| {name} | {' | '.join(cells)} | {money(sum(dollars(billed).values()) * MILLION)} |"


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description="Write docs/cost.md.")
    parser.add_argument("--counts", type=Path, default=ROOT / "tests/counts.json")
    options = parser.parse_args(arguments)
    counts = json.loads(options.counts.read_text())
    (ROOT / "docs/cost.md").write_text(render(counts.get("aws", counts)))


if __name__ == "__main__":
    main(sys.argv[1:])
