"""Dollars a month on AWS, from counts of billed operations and a price list: writes ``docs/cost.md``.

``tests/gateway/counts.json`` has what tests count of each operation. ``tests/infra/model.json`` has what nobody can count
here: how long functions run, how often things happen, what users do.
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
    cold = _billed("proxied GET, cold", counts, model)
    add(cold, _runs({"disconnect": 1}, model), 1)
    cold_start = model["cold_milliseconds"] / 1000 * model["megabytes"]["app"] / 1024
    add(cold, {"connection_minutes": model["caller_minutes"], "gigabyte_seconds": cold_start}, 1)
    later = _billed("proxied GET, warm, after a while", counts, model)
    warm = _billed("proxied GET, warm", counts, model)
    for request in (cold, later, warm):
        add(request, {"gigabytes_out": model["kilobytes_per_answer"] / MILLION}, 1)
    return {
        "a proxied GET, warm": warm,
        "a proxied GET, warm, after a while": later,
        "a proxied GET, cold": cold,
        "a login": _billed("login", counts, model),
        "a list of a hundred clusters": _billed("list of a hundred clusters", counts, model),
        "a cluster idle for an hour": _idle(counts, model),
        "an installation for an hour": _installation(model),
    }


def _idle(counts: Table, model: Table) -> Amounts:
    """One cluster's part, while nobody asks for it."""
    idle: Amounts = {"connection_minutes": 60}
    heartbeats = 3600 / model["keepalive_seconds"]
    # The first heartbeat after so much silence asks for an answer, and the answer ends the silence.
    asking = heartbeats / (model["patience_seconds"] // model["keepalive_seconds"] + 1)
    # Agents replace their connections in the last tenth of the lifetime, evenly spread.
    reconnects = 3600 / (0.95 * model["lifetime_seconds"])
    sweep = _billed("sweep of a hundred clusters", counts, {**model, "runs": {}})
    for name, times in (
        ("heartbeat", heartbeats - asking),
        ("heartbeat that asks for an answer", asking),
        ("planned reconnect", reconnects),
        ("registration", model["registrations_a_day"] / 24),
        ("look at a cluster", model["resyncs_a_day"] / 24),
    ):
        add(idle, _billed(name, counts, model), times)
    add(idle, {"reads": sweep["reads"] / 100}, model["sweeps_a_day"] / 24)
    return idle


def _installation(model: Table) -> Amounts:
    """What is there however few clusters there are: the schedules, and the queue that Lambda asks for work."""
    resyncs, sweeps = model["resyncs_a_day"] / 24, model["sweeps_a_day"] / 24
    billed: Amounts = {"schedules": resyncs + sweeps, "sqs": model["queue_polls_an_hour"]}
    add(billed, _runs({"resync": resyncs, "sweep": sweeps}, model), 1)
    return billed


def billed_operations(billed: Mapping[str, float]) -> float:
    """How many operations AWS bills, whatever each costs; minutes and bytes are none."""
    return sum(billed.get(name, 0) for name in ("rest", "messages", "runs", "reads", "writes", "sqs"))


def flat(counts: Table, model: Table) -> dict[str, float]:
    """Return every count under a name of its own, for ``build/bench.json``."""
    figures = {f"aws_{_word(name)}_{unit}": n for name, counted in counts.items() for unit, n in counted.items()}
    figures |= {
        f"aws_{_word(name)}_{unit}": 0 for name in counts for unit in ("reads", "writes") if unit not in counts[name]
    }
    idle = billed_operations(operations(counts, model)["a cluster idle for an hour"])
    return {**figures, "aws_idle_cluster_hour_ops": round(idle, 2)}


def _word(name: str) -> str:
    return name.replace("proxied GET, ", "get_").replace(",", "").replace(" ", "_")


def _billed(name: str, counts: Table, model: Table) -> Amounts:
    """What tests count of an operation. Its runs that the model doesn't name are those of ``message``."""
    counted, named = counts[name], model["runs"].get(name, {})
    found: Amounts = {unit: counted.get(unit, 0) for unit in ("rest", "reads", "writes")}
    found |= {"messages": counted.get("posts", 0) + counted.get("messages", 0), "sqs": counted.get("queue", 0)}
    message = counted.get("invocations", 0) - sum(named.values())
    add(found, _runs({**named, "message": message}, model), 1)
    return found


def _runs(runs: Mapping[str, float], model: Table) -> Amounts:
    found: Amounts = {}
    for function, number in runs.items():
        seconds = number * model["milliseconds"][function] / 1000
        add(found, {"runs": number, "gigabyte_seconds": seconds * model["megabytes"][function] / 1024}, 1)
    total = sum(runs.values())
    add(found, {"gigabytes_logged": total * model["kilobytes_logged_per_run"] / MILLION}, 1)
    add(found, {"traces": total * model["traced_runs"]}, 1)
    return found


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
    add(total, each["an installation for an hour"], HOURS)
    add(total, each["a cluster idle for an hour"], clusters * HOURS)
    add(total, each["a proxied GET, warm"], proxied * shares["warm"])
    add(total, each["a proxied GET, warm, after a while"], proxied * shares["after a while"])
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
    yield "Tests count messages, reads (units of 4 KB), writes (units of 1 KB), queue requests and runs of each operation"
    yield "(`tests/gateway/counts.json`). An idle cluster"
    yield ""
    yield f"- sends a heartbeat every {model['keepalive_seconds']} seconds, of which no function hears;"
    yield f"- asks for an answer after {model['patience_seconds']} seconds of silence;"
    yield f"- replaces its connection every {0.95 * model['lifetime_seconds'] / 60:.0f} minutes;"
    yield "- is swept every hour, looked at every day, and registers every day."
    yield ""
    yield "An installation's own operations are the schedules, and that Lambda asks the queue for work."
    yield ""
    yield "**Nobody has measured** these assumptions (`tests/infra/model.json`):"
    yield ""
    yield f"- Of a hundred proxied requests, {shares['warm']} are warm. {shares['after a while']} more are, but their"
    yield "  process looks for notices ([decision 12](decisions/0012-notices.md))."
    yield f"  {shares['cold']} are cold: their process opens a WebSocket and looks everything up."
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
    columns = ("rest", "messages", "runs", "reads", "writes", "sqs")
    yield f"| | {' | '.join(columns)} | operations | connection minutes | dollars per million |"
    yield "|---|" + "---:|" * (len(columns) + 3)
    for name, billed in operations(counts, model).items():
        cells = [f"{billed.get(column, 0):.3g}" for column in columns]
        cells += [f"{billed_operations(billed):.3g}", f"{billed.get('connection_minutes', 0):.3g}"]
        yield f"| {name} | {' | '.join(cells)} | {money(sum(dollars(billed).values()) * MILLION)} |"


def main() -> None:
    counts = json.loads((ROOT / "tests/gateway/counts.json").read_text())
    model = json.loads((ROOT / "tests/infra/model.json").read_text())
    (ROOT / "docs/cost.md").write_text(render(counts, model))


if __name__ == "__main__":
    main()
