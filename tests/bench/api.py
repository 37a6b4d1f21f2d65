"""The v3 API: reads, a page, creations, and how long it takes until a write has its effect and is heard of."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from tests.bench.wrk import wrk
from tests.support.lariat import PASSWORD, Client, Imported, Lariat, eventually
from tests.support.subscriber import subscribing

PAGE = 1000
EVENTS = 20
EFFECTS = 3
CREATE = Path(__file__).with_name("create.lua")


def measure(lariat: Lariat, admin: Client, imported: Imported, seconds: float) -> dict[str, float]:
    """``imported`` is active."""
    token = str(admin.headers["Authorization"]).removeprefix("Bearer ")
    created = 0.0
    figures = {}
    while created < PAGE:
        figures["create_c4_rps"] = wrk(f"{lariat.url}/v3/catalogs", token, 4, seconds, CREATE).rps
        created += figures["create_c4_rps"] * seconds
    one = f"{lariat.url}/v3/clusters/{imported.id}"
    figures["get_one_c8_rps"] = wrk(one, token, 8, seconds).rps
    figures["schemas_c4_rps"] = wrk(f"{lariat.url}/v3/schemas", token, 4, seconds).rps
    page = wrk(f"{lariat.url}/v3/catalogs?limit={PAGE}", token, 1, seconds)
    figures |= {"page1000_c1_rps": page.rps, "page1000_c1_p50_ms": page.p50}
    ordered = wrk(f"{lariat.url}/v3/catalogs?limit={PAGE}&sort=url", token, 1, seconds)
    figures |= {"sorted1000_c1_rps": ordered.rps, "sorted1000_c1_p50_ms": ordered.p50}
    figures["event_ms"] = statistics.median(event_seconds(lariat, admin)) * 1000
    figures["effect_s"] = statistics.median(effect_seconds(lariat, admin, imported, n) for n in range(EFFECTS))
    return figures


def event_seconds(lariat: Lariat, admin: Client) -> list[float]:
    """From a write to the event that a subscriber gets."""
    taken = []
    with subscribing(lariat, client=admin, resourceTypes="setting") as subscriber:
        for number in range(EVENTS):
            begun = time.monotonic()
            admin.put("/v3/settings/ui-pl", json={"value": f"bench-{number}"}).raise_for_status()
            subscriber.until(lambda event, number=number: event["data"].get("value") == f"bench-{number}")  # type: ignore[misc]
            taken.append(time.monotonic() - begun)
    return taken


def effect_seconds(lariat: Lariat, admin: Client, imported: Imported, number: int) -> float:
    """From a binding to the moment when the cluster lets its user in, which a controller has seen to."""
    name = f"bench-{time.time_ns()}-{number}"
    made = admin.post("/v3/users", json={"username": name, "password": PASSWORD})
    made.raise_for_status()
    with lariat.log_in(name) as user:
        binding = {"userId": made.json()["id"], "globalRoleId": "admin"}
        begun = time.monotonic()
        admin.post("/v3/globalrolebindings", json=binding).raise_for_status()
        path = f"/k8s/clusters/{imported.id}/api/v1/namespaces"
        eventually(lambda: user.get(path).status_code == 200, "the cluster lets a new administrator in")
        return time.monotonic() - begun
