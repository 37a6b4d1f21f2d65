"""The store that counts in tests asks for what the real adapter asks DynamoDB for: the same calls, of as many items."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from chalicelib.adapters.dynamodb import DynamoStore
from chalicelib.adapters.sqlite import SqliteStore
from chalicelib.store.resources import Resources
from chalicelib.types import Key, Resource, Store
from tests.support.billed import BilledStore
from tests.support.clock import ManualClock
from tests.support.ministack import CREDENTIALS, REGION, Ministack
from tests.support.random import SeededRandom

TOKEN = Resource(kind="token", id="token-1", parent="u-1")
NAMED = Resource(kind="clusterRegistrationToken", id="c-1:crt-1", parent="c-1", unique=("registration/x",))
CONNECTION = Resource(kind="connection", id="c-1:conn", expires=4_000_000_000)

Step: TypeAlias = Callable[[Resources], object]

STEPS: dict[str, Step] = {
    "get what is not there": lambda r: r.find("cluster", "c-1"),
    "create alone": lambda r: r.create(Resource(kind="cluster", id="c-1")),
    "create with a parent": lambda r: r.create(TOKEN),
    "create with a name": lambda r: r.create(NAMED),
    "create with a notice": lambda r: r.create(Resource(kind="globalRoleBinding", id="grb", parent="u-1")),
    "get": lambda r: r.find("cluster", "c-1"),
    "find a name": lambda r: r.holder("registration/x"),
    "list a kind": lambda r: r.list("token"),
    "list of a parent": lambda r: r.list("token", "u-1"),
    "list of nobody": lambda r: r.list("token", "u-2"),
    "update": lambda r: r.update(Key("cluster", "c-1"), lambda found: replace(found, spec={"a": 1})),
    "update to the same": lambda r: r.update(Key("cluster", "c-1"), lambda found: found),
    "update with claims": lambda r: r.update(NAMED.key, lambda found: replace(found, spec={"a": 1})),
    "update with a notice": lambda r: r.update(TOKEN.key, lambda found: replace(found, spec={"a": 1})),
    "rename": lambda r: r.update(NAMED.key, lambda found: replace(found, unique=("registration/y",))),
    "add a connection": lambda r: r.create(CONNECTION),
    "remove a connection": lambda r: r.remove(CONNECTION.key),
    "remove with a notice": lambda r: r.remove(TOKEN.key),
    "remove with a name": lambda r: r.remove(NAMED.key),
}


class Counted:
    """What botocore is asked for. Items are small: one unit each, two in a transaction."""

    def __init__(self, client: Any) -> None:
        self.counts: Counter[str] = Counter()
        client.meta.events.register("before-call.dynamodb", self._called)

    def _called(self, model: Any, params: Any, **_: Any) -> None:
        body = json.loads(params["body"])
        match model.name:
            case "GetItem" | "Query":
                self.counts.update(calls=1, reads=1)
            case "BatchGetItem":
                (table,) = body["RequestItems"].values()
                self.counts.update(calls=1, reads=len(table["Keys"]))
            case "PutItem" | "DeleteItem":
                self.counts.update(calls=1, writes=1)
            case "TransactWriteItems":
                self.counts.update(calls=1, writes=2 * len(body["TransactItems"]))


def resources(store: Store) -> Resources:
    return Resources(store, ManualClock(), SeededRandom())


def test_the_counts_are_those_of_the_adapter(ministack: Ministack, tmp_path: Path) -> None:
    clock = ManualClock()
    dynamo = DynamoStore(
        ministack.table(),
        clock,
        SeededRandom(),
        region=REGION,
        host=ministack.url,
        access_key=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        secret_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
    real, billed = Counted(dynamo._table.connection.client), BilledStore(SqliteStore(str(tmp_path / "b.db"), clock))
    there, here = resources(dynamo), resources(billed)
    for name, step in STEPS.items():
        real.counts.clear()
        billed.counts.clear()
        step(there)
        step(here)
        assert +billed.counts == +real.counts, name
