"""Dollars a month on AWS, from counts of billed operations and a price list: writes ``docs/cost.md``.

``tests/gateway/counts.json`` has what tests count of the tunnel. ``tests/infra/model.json`` has what nobody has measured
yet: how long functions run, what users do, what schedules cost.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
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
Table = Mapping[str, Any]


def operations(counts: Table, model: Table) -> dict[str, Amounts]:
    """Return what each operation is billed for, by the names of ``PRICES``."""
    cold = _tunnel(counts["proxied GET, cold"], model, model["runs"]["cold"])
    cold["connection_minutes"] = model["caller_minutes"]
    proved = _tunnel(counts["proxied GET, warm, after a while"], model, {"app": 1})
    warm = _tunnel(counts["proxied GET, warm"], model, {"app": 1})
    for request in (cold, proved, warm):
        add(request, {"rest": 1, "gigabytes_out": model["kilobytes_per_answer"] / MILLION}, 1)
    return {
        "a proxied GET, warm": warm,
        "a proxied GET, warm, after a while": proved,
        "a proxied GET, cold": cold,
        "a cluster idle for an hour": _idle(counts, model),
    }


def _idle(counts: Table, model: Table) -> Amounts:
    idle: Amounts = {"connection_minutes": 60}
    keep_alives, ask = 3600 / model["keepalive_seconds"], model["keep_alives_that_ask"]
    add(idle, _tunnel(counts["keep-alive"], model, {}), keep_alives * (1 - ask))
    add(idle, _tunnel(counts["keep-alive that asks for an answer"], model, {}), keep_alives * ask)
    reconnects = 3600 / model["lifetime_seconds"]
    add(idle, _tunnel(counts["planned reconnect"], model, model["runs"]["reconnect"]), reconnects)
    add(idle, _plain(model["registration"], model), reconnects)
    for schedule in (model["sweep"], model["look"]):
        add(idle, _plain(schedule, model), schedule["an_hour"])
    return idle


def _tunnel(counted: Table, model: Table, runs: Mapping[str, float]) -> Amounts:
    """What the tunnel's tests count. Functions that ``runs`` doesn't name are runs of ``message``."""
    named = sum(1 for _ in runs)
    found: Amounts = {
        "messages": counted["posts"] + counted["messages"],
        "reads": counted["reads"],
        "writes": counted["writes"] * model["units_per_write"],
    }
    _add_runs(found, model, {**runs, "message": counted["invocations"] - named})
    return found


def _plain(counted: Table, model: Table) -> Amounts:
    found: Amounts = {name: counted.get(name, 0) for name in ("rest", "messages", "reads", "sqs")}
    found["writes"] = counted.get("writes", 0) * model["units_per_write"]
    _add_runs(found, model, counted.get("runs", {}))
    return found


def _add_runs(found: Amounts, model: Table, runs: Mapping[str, float]) -> None:
    for function, number in runs.items():
        seconds = number * model["milliseconds"][function] / 1000
        add(found, {"runs": number, "gigabyte_seconds": seconds * model["megabytes"][function] / 1024}, 1)
    total = sum(runs.values())
    add(found, {"gigabytes_logged": total * model["kilobytes_logged_per_run"] / MILLION}, 1)
    add(found, {"traces": total * model["traced_runs"]}, 1)


def add(total: Amounts, more: Mapping[str, float], times: float) -> None:
    for name, number in more.items():
        total[name] = total.get(name, 0.0) + number * times


def month(counts: Table, model: Table, clusters: int, requests: int) -> Amounts:
    """Return what a month is billed for, with so many proxied requests per cluster and day."""
    each = operations(counts, model)
    shares = model["of_a_hundred_requests"]
    proxied = clusters * requests * DAYS / 100
    total: Amounts = {}
    add(total, model["fixed_per_month"], 1)
    add(total, each["a cluster idle for an hour"], clusters * HOURS)
    add(total, each["a proxied GET, warm"], proxied * shares["warm"])
    add(total, each["a proxied GET, warm, after a while"], proxied * shares["proved again"])
    add(total, each["a proxied GET, cold"], proxied * shares["cold"])
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


def render(counts: Table, model: Table) -> str:
    """Return ``docs/cost.md``."""
    return "\n".join(_lines(counts, model)) + "\n"


def _lines(counts: Table, model: Table) -> Iterator[str]:
    shares = model["of_a_hundred_requests"]
    yield "# Cost"
    yield ""
    yield "`tools/cost.py` writes this: edit that, or its figures, not this. Prices are those of us-east-1, without taxes and"
    yield "without free tiers."
    yield ""
    yield "## Dollars a month"
    yield ""
    yield from _totals(counts, model)
    yield ""
    yield "Lariat's columns are everything: requests, functions, table, traffic, logs, traces, alarms, key. Rancher's are"
    yield "three nodes (m5, on demand) of the size that its documents ask for, without disks, load balancer, backups and"
    yield "traffic. A number in brackets is of installations, where one is not meant for so many clusters."
    yield ""
    yield "## Where it goes"
    yield ""
    yield from _shares(counts, model)
    yield ""
    yield "## What is billed"
    yield ""
    yield from _operations(counts, model)
    yield ""
    yield "Tests count messages, reads, writes and runs of the tunnel (`tests/gateway/counts.json`). **Nobody has measured**"
    yield "the rest (`tests/infra/model.json`): registrations, schedules, and these assumptions:"
    yield ""
    yield f"- Of a hundred proxied requests, {shares['warm']} are warm, {shares['proved again']} have their token proved"
    yield f"  again, and {shares['cold']} are cold: their process opens a WebSocket and looks the cluster up."
    yield f"- An answer is {model['kilobytes_per_answer']} KB and one message. Larger ones are more messages and runs."
    yield f"- A run logs {model['kilobytes_logged_per_run']} KB, and one in {1 / model['traced_runs']:.0f} is traced."
    yield "- A function runs, and is billed, for as long as it waits for the cluster:"
    yield ""
    yield "| Function | MB | ms a run |"
    yield "|---|---:|---:|"
    for function, milliseconds in model["milliseconds"].items():
        yield f"| {function} | {model['megabytes'][function]} | {milliseconds} |"
    yield ""
    yield "## Prices"
    yield ""
    yield "| What | Dollars | Known from |"
    yield "|---|---:|---|"
    for price in PRICES.values():
        yield f"| {price.text} | {price.dollars:g} | {price.source} |"
    yield ""
    yield "*AWS*: AWS's own page. *Secondary*: others who quote it. *Memory*: nobody looked it up; check it first."


def _totals(counts: Table, model: Table) -> Iterator[str]:
    heads = ["idle" if not requests else f"{requests:,} requests per cluster and day" for requests in REQUESTS]
    heads += [f"Rancher HA, {table}" for table in RANCHER]
    yield f"| Clusters | {' | '.join(heads)} |"
    yield "|---:|" + "---:|" * len(heads)
    for clusters in CLUSTERS:
        cells = [money(sum(dollars(month(counts, model, clusters, requests)).values())) for requests in REQUESTS]
        for table in RANCHER:
            price, installations = rancher(table, clusters)
            cells.append(money(price) + (f" ({installations})" if installations > 1 else ""))
        yield f"| {clusters:,} | {' | '.join(cells)} |"


def _shares(counts: Table, model: Table) -> Iterator[str]:
    clusters = 1_000
    columns = [dollars(month(counts, model, clusters, requests)) for requests in REQUESTS]
    heads = ["idle" if not requests else f"{requests:,} requests" for requests in REQUESTS]
    yield f"| {clusters:,} clusters | {' | '.join(heads)} |"
    yield "|---|" + "---:|" * len(heads)
    for name, price in PRICES.items():
        if any(column.get(name) for column in columns):
            cells = [money(column.get(name, 0.0)) for column in columns]
            yield f"| {price.text.partition(', per')[0]} | {' | '.join(cells)} |"


def _operations(counts: Table, model: Table) -> Iterator[str]:
    columns = ("rest", "messages", "runs", "reads", "writes", "sqs", "connection_minutes")
    yield f"| | {' | '.join(column.replace('_', ' ') for column in columns)} | dollars per million |"
    yield "|---|" + "---:|" * (len(columns) + 1)
    for name, billed in operations(counts, model).items():
        cells = [f"{billed.get(column, 0):.3g}" for column in columns]
        yield f"| {name} | {' | '.join(cells)} | {money(sum(dollars(billed).values()) * MILLION)} |"


def main() -> None:
    counts = json.loads((ROOT / "tests/gateway/counts.json").read_text())
    model = json.loads((ROOT / "tests/infra/model.json").read_text())
    (ROOT / "docs/cost.md").write_text(render(counts, model))


if __name__ == "__main__":
    main()
