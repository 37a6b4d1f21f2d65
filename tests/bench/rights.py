"""What rights cost where there is much: processor time, calls and reads of the store, and messages to clusters.

The store is a real one; the clusters are in memory. ``python -m tests.bench.rights`` runs this alone.
"""

from __future__ import annotations

import itertools
import json
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from chalicelib.adapters.keyfile import KeyFile
from chalicelib.adapters.sqlite import SqliteStore
from chalicelib.auth import tokens
from chalicelib.auth.access import READ, may
from chalicelib.auth.login import new_user
from chalicelib.auth.rights import rebuild
from chalicelib.auth.roles.access import Scope
from chalicelib.auth.roles.bindings import Binding, index, read_all
from chalicelib.auth.roles.shipped import MANAGEMENT
from chalicelib.auth.trust import OVERLAP
from chalicelib.gateway.agents import Terms
from chalicelib.main import Parts, build
from chalicelib.types import Key, Put, Resource
from tests.support.billed import BilledStore
from tests.support.clock import ManualClock
from tests.support.fleet import Fleet
from tests.support.random import SeededRandom
from tests.support.server import serving
from tests.support.transport import MemoryTransport
from tests.support.world import access, bind, library

CLUSTERS = 1_000
USERS = 10_000
BINDINGS = 5_000
REQUESTS = 2_000
FLEETS = (10, 100, 1_000)
AFFECTED = 20
BATCH = 25
SECRET = "s" * tokens.KEY_LENGTH


def measure() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        clock = ManualClock()
        sqlite = SqliteStore(str(Path(folder) / "bench.db"), clock)
        store = BilledStore(sqlite)
        seal = KeyFile(Path(folder) / "seal.key", fresh=True)
        parts = build(store, seal, clock, SeededRandom(), Terms(570, 7000), {}, sqlite.close, MemoryTransport)
        try:
            bindings = fill(sqlite)
            rebuild(parts.resources)
            clock.advance(OVERLAP + 1)
            figures = requests(parts, store) | decisions(bindings)
        finally:
            parts.close()
    return figures | propagation()


def fill(store: SqliteStore) -> list[Resource]:
    """Return the bindings."""
    chance = random.Random(1)
    users = [f"u-{number:05}" for number in range(USERS)]
    clusters = [f"c-{number:05}" for number in range(CLUSTERS)]
    bindings = [_binding(chance, number, users, clusters) for number in range(BINDINGS)]
    people = (each for user in users for each in (new_user(user, user, "hash", {}), _token(user)))
    everything = itertools.chain(
        (Resource(kind="cluster", id=id, spec={"name": id}, creator=users[0]) for id in clusters), people, bindings
    )
    for batch in iter(lambda: list(itertools.islice(everything, BATCH)), []):
        store.write(*[Put(resource) for resource in batch])
    return bindings


def requests(parts: Parts, store: BilledStore) -> dict[str, float]:
    """From the header to the decision; first by a process that has not seen the caller, then by one that has."""
    chance = random.Random(2)
    asked = [(f"u-{chance.randrange(USERS):05}", f"c-{chance.randrange(CLUSTERS):05}") for _ in range(REQUESTS)]
    clusters = {id: store.get(Key("cluster", id)) for _, id in asked}
    figures = {}
    for name in ("cold", "warm"):
        store.counts.clear()
        begun = time.process_time()
        for user, cluster in asked:
            identity = parts.authenticator.authenticate([f"Bearer t-{user}:{SECRET}"])
            may(identity, READ, "cluster", clusters[cluster])
        spent = time.process_time() - begun
        figures[f"authorise_{name}_cpu_ms"] = spent * 1000 / REQUESTS
        for unit in ("calls", "reads"):
            figures[f"authorise_{name}_{unit}"] = store.counts[unit] / REQUESTS
    return figures | rights_alone(parts, store, [user for user, _ in asked])


def rights_alone(parts: Parts, store: BilledStore, users: Sequence[str]) -> dict[str, float]:
    """What comes after a token is proved: the user and all that they may do."""
    store.counts.clear()
    begun = time.process_time()
    for user in users:
        parts.authenticator.rights.known(user)
    spent = time.process_time() - begun
    calls = {f"rights_cold_{unit}": store.counts[unit] / len(users) for unit in ("calls", "reads")}
    return {"rights_cold_cpu_ms": spent * 1000 / len(users), **calls}


def propagation() -> dict[str, float]:
    """One binding of a project among more and more clusters, and one role that counts in some of a thousand."""
    figures: dict[str, float] = {}
    for count in FLEETS:
        with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as server:
            fleet = Fleet(server, count)
            fleet.settle(fleet.ids[0])
            fleet.bind("project-member", fleet.ids[0], server.user("ann").user)
            _, cost = fleet.work()
            figures |= {f"bind_among_{count}_{unit}": float(cost[unit]) for unit in ("calls", "reads", "messages")}
            if count == FLEETS[-1]:
                figures |= role(fleet)
    return figures


def role(fleet: Fleet) -> dict[str, float]:
    """Change a role template that is bound in some clusters, twice in each."""
    rules = [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}]
    id = fleet.admin.make("/v3/roletemplates", {"name": "r", "context": "project", "rules": rules})["id"]
    users = [fleet.server.user(name).user for name in ("bob", "eve")]
    for cluster in fleet.ids[:AFFECTED]:
        for user in users:
            fleet.bind(id, cluster, user)
        fleet.settle(cluster)
    fleet.admin.put(f"/v3/roletemplates/{id}", {"description": "changed"})
    touched, cost = fleet.work()
    return {
        "role_clusters_touched": len(set(touched)),
        "role_touches_each": len(touched) / len(set(touched)),
        "role_messages_each": cost["messages"] / len(touched),
    }


def decisions(bindings: list[Resource]) -> dict[str, float]:
    """The evaluation of roles alone: a caller's rights put together, and one question answered."""
    roles, chance = library(), random.Random(3)
    held: list[Binding] = list(read_all(bindings))
    subjects = [binding.subject.name for binding in held]
    found = index(held)
    mine = {subject.name: [each for each in bindings if each.spec["userId"] == subject.name] for subject in found}
    begun = time.process_time()
    for _ in range(REQUESTS):
        user = chance.choice(subjects)
        cluster = f"c-{chance.randrange(CLUSTERS):05}"
        access(mine[user], roles, user).allows("get", MANAGEMENT, "nodes", f"{cluster}:m-1", Scope(cluster))
    return {"decide_cpu_ms": (time.process_time() - begun) * 1000 / REQUESTS}


def _binding(chance: random.Random, number: int, users: list[str], clusters: list[str]) -> Resource:
    user, cluster = chance.choice(users), chance.choice(clusters)
    role, scope = chance.choice(
        (("cluster-member", cluster), ("cluster-owner", cluster), ("project-member", f"{cluster}:p-1"), ("user", ""))
    )
    return bind(role, scope, user=user, uid=f"uid-{number}")


def _token(user: str) -> Resource:
    return tokens.new(f"t-{user}", SECRET, user, now=0, ttl=0, spec={}, labels={})


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
