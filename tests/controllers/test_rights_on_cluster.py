"""The evaluator against the real API server: after propagation, both give the same answers, whatever the roles."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from chalicelib.auth.roles.bindings import GROUP, USER, Subject
from chalicelib.auth.roles.cluster import Held, held, rights
from chalicelib.auth.roles.rule import Rule, parse_all
from chalicelib.clusters.client import ClusterClient
from chalicelib.clusters.objects import Objects
from chalicelib.controllers import rights as controller
from chalicelib.controllers.objects import Document, Plan
from chalicelib.tunnel.heads import Headers, RequestHead
from tests.kubernetes.cluster import Cluster
from tests.support.direct import DirectTransport
from tests.support.world import (
    CLUSTER,
    GROUPS,
    NAMESPACES,
    NOTHING,
    PROJECTS,
    USERS,
    World,
    bind,
    role_template,
    rule,
    worlds,
)

pytestmark = pytest.mark.cluster

PATIENCE = 10.0
"""Seconds within which the API server's authorizer has to know what was written."""

REVIEWS = 300
CALLERS: tuple[tuple[str, tuple[str, ...]], ...] = tuple(
    (user, groups) for user in USERS for groups in ((), GROUPS[:1], GROUPS)
)


class Question(NamedTuple):
    caller: tuple[str, tuple[str, ...]]
    namespace: str
    verb: str
    group: str
    resource: str
    name: str


QUESTIONS = [
    Question(*parts)
    for parts in itertools.product(
        CALLERS,
        ("", "default", *NAMESPACES),
        ("get", "list", "create", "delete", "update"),
        ("", "apps", "storage.k8s.io", "example.com"),
        (
            "pods",
            "pods/log",
            "secrets",
            "deployments",
            "namespaces",
            "persistentvolumes",
            "storageclasses",
            "others/log",
        ),
        ("", "one", "rights-a"),
    )
]
URLS = [(caller, path) for caller in CALLERS for path in ("/metrics", "/logs/kubelet", "/logs", "/secret")]


@pytest.fixture(scope="module")
def transport(cluster: Cluster) -> Iterator[DirectTransport]:
    with DirectTransport(cluster) as transport:
        yield transport


@pytest.fixture(scope="module")
def objects(cluster: Cluster, transport: DirectTransport) -> Iterator[Objects]:
    for name in NAMESPACES:
        made = cluster.request("POST", "/api/v1/namespaces", json={"metadata": {"name": name}})
        assert made.status_code in (201, 409)
    objects = Objects(ClusterClient(transport))
    yield objects
    propagate(objects, NOTHING)
    for name in NAMESPACES:
        cluster.request("DELETE", f"/api/v1/namespaces/{name}")


ON_A_CLUSTER = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
"""Each example is many requests."""

EVERY_KIND_OF_RULE = World(
    templates=(
        role_template("rt-aaaaa", rule("get list", "core", "*/log secrets", "one"), roleTemplateIds=["rt-bbbbb"]),
        role_template("rt-bbbbb", rule("get", "*", "*/log Deployments"), roleTemplateIds=["rt-aaaaa", "rt-gone"]),
        role_template("rt-ccccc", rule("*", "*", "*"), rule("get", "", "bad group")),
        role_template("rt-ddddd", rule("*", "*", "*"), context="project"),
    ),
    bindings=(
        bind("rt-aaaaa", CLUSTER, user="u-1"),
        bind("rt-aaaaa", PROJECTS[0], group=GROUPS[0]),
        bind("rt-ccccc", CLUSTER, user="u-2"),
        bind("rt-ddddd", PROJECTS[1], user="u-2"),
        bind("rt-ddddd", CLUSTER, user="u-1"),
        bind("cluster-owner", "c-2", user="u-1"),
        bind("project-member", PROJECTS[0], user="u-2"),
        bind("read-only", PROJECTS[1], group=GROUPS[1]),
    ),
    namespaces={"rights-a": PROJECTS[0], "rights-b": PROJECTS[1]},
)


@example(sequence=[EVERY_KIND_OF_RULE], seed=0)
@settings(ON_A_CLUSTER, max_examples=7)
@given(sequence=st.lists(worlds(), min_size=1, max_size=2), seed=st.integers(0, 2**32))
@pytest.mark.slow
def test_the_cluster_answers_as_the_evaluator(
    transport: DirectTransport, objects: Objects, sequence: list[World], seed: int
) -> None:
    for world in sequence:
        propagate(objects, world)
        assert plan(objects, world).is_empty
        wait_until_equal(lambda world=world: differences(transport, objects, world, seed))  # type: ignore[misc]
    propagate(objects, NOTHING)
    assert listed_by_owner(objects) == []


def propagate(objects: Objects, world: World) -> None:
    assert objects.carry_out(CLUSTER, plan(objects, world)) == ()


def plan(objects: Objects, world: World) -> Plan:
    return controller.plan(world.read, world.library, world.place, observe(objects))


def observe(objects: Objects) -> list[Document]:
    owned = ("ClusterRoleBinding", "RoleBinding")
    kinds = [("ClusterRole", ""), *((kind, controller.OWNER) for kind in owned)]
    return [document for kind, owner in kinds for document in objects.observe(CLUSTER, kind, owner)]


def listed_by_owner(objects: Objects) -> list[str]:
    return [
        document["metadata"]["name"]
        for kind in controller.KINDS
        for document in objects.observe(CLUSTER, kind, controller.OWNER)
    ]


def wait_until_equal(differ: Callable[[], list[Any]]) -> None:
    end = time.monotonic() + PATIENCE
    while (found := differ()) and time.monotonic() < end:
        time.sleep(0.1)
    assert found == []


def differences(transport: DirectTransport, objects: Objects, world: World, seed: int) -> list[Any]:
    """Every question that the API server and the evaluator answer otherwise."""
    own = {name: parse_all(role["rules"] or []) for name, role in controller.own_roles(observe(objects)).items()}
    wanted = rights(world.read, world.library, world.place)
    by_caller = {caller: held(subjects(*caller), wanted, own) for caller in CALLERS}
    asked = questions(by_caller, random.Random(seed))
    with ThreadPoolExecutor(4) as pool:
        resources = pool.map(lambda question: review(transport, question), asked)
        found: list[Any] = [
            (question, answer)
            for question, answer in zip(asked, resources, strict=True)
            if by_caller[question.caller].allows(*_of(question)) is not answer
        ]
        urls = pool.map(lambda item: review_url(transport, *item), URLS)
        found += [
            (item, answer)
            for item, answer in zip(URLS, urls, strict=True)
            if by_caller[item[0]].allows_url("get", item[1]) is not answer
        ]
    return found + [caller for caller in CALLERS if differs(transport, caller, by_caller[caller])]


def questions(by_caller: Mapping[Any, Held], chosen: random.Random) -> list[Question]:
    """As many that should be allowed as others, if there are that many."""
    drawn = chosen.sample(QUESTIONS, len(QUESTIONS))
    allowed = [question for question in drawn if by_caller[question.caller].allows(*_of(question))]
    return [*allowed[: REVIEWS // 2], *drawn[: REVIEWS // 2]]


def subjects(user: str, groups: Sequence[str]) -> list[Subject]:
    return [Subject(USER, user), *(Subject(GROUP, group) for group in groups)]


def _of(question: Question) -> tuple[str, str, str, str, str]:
    return question.verb, question.group, question.resource, question.name, question.namespace


def review(transport: DirectTransport, question: Question) -> bool:
    resource, _, subresource = question.resource.partition("/")
    attributes = {
        "namespace": question.namespace,
        "verb": question.verb,
        "group": question.group,
        "resource": resource,
        "subresource": subresource,
        "name": question.name,
    }
    return asked(transport, question.caller, {"resourceAttributes": attributes})


def review_url(transport: DirectTransport, caller: tuple[str, Sequence[str]], path: str) -> bool:
    return asked(transport, caller, {"nonResourceAttributes": {"verb": "get", "path": path}})


def asked(transport: DirectTransport, caller: tuple[str, Sequence[str]], attributes: dict[str, Any]) -> bool:
    spec = {"user": caller[0], "groups": list(caller[1]), **attributes}
    return bool(ask(transport, "subjectaccessreviews", {"spec": spec})["allowed"])


def ask(transport: DirectTransport, kind: str, document: Any, headers: Headers = ()) -> Any:
    head = RequestHead(
        "POST", f"/apis/authorization.k8s.io/v1/{kind}", (("content-type", "application/json"), *headers)
    )
    answer = transport.call(CLUSTER, head, json.dumps(document).encode(), PATIENCE)
    assert answer.status == 201, answer.body
    return json.loads(answer.body)["status"]


def differs(transport: DirectTransport, caller: tuple[str, Sequence[str]], mine: Held) -> bool:
    """Compare the rules themselves, in one namespace, beside those that everybody has."""
    everybody = rules_review(transport, ("u-nobody", ()), NAMESPACES[0])
    expected = everybody | set(parts(mine.rules(NAMESPACES[0])))
    return rules_review(transport, caller, NAMESPACES[0]) != expected


def rules_review(transport: DirectTransport, caller: tuple[str, Sequence[str]], namespace: str) -> set[Any]:
    # The transport sends a header once, so one question for each group; rules only ever add up.
    found: set[Any] = set()
    for group in caller[1] or ("",):
        headers = (("impersonate-user", caller[0]), *((("impersonate-group", group),) if group else ()))
        status = ask(transport, "selfsubjectrulesreviews", {"spec": {"namespace": namespace}}, headers)
        found |= set(parts(parse_all([*status["resourceRules"], *status["nonResourceRules"]])))
    return found


def parts(rules: Iterable[Rule]) -> Iterator[tuple[str, ...]]:
    for one in rules:
        if one.urls:
            yield from itertools.product(one.verbs, one.urls)
        else:
            yield from itertools.product(one.verbs, one.groups, one.resources, one.names or ("",))
