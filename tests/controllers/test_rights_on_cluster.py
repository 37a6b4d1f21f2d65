"""The evaluator against the real API server: after propagation, both give the same answers, whatever the roles."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from chalicelib.auth.roles.bindings import GROUP, USER, Subject
from chalicelib.auth.roles.cluster import Held, held, rights
from chalicelib.auth.roles.rule import Rule, parse_all
from chalicelib.clusters.client import ClusterClient
from chalicelib.clusters.objects import Objects
from chalicelib.controllers import rights as controller
from chalicelib.controllers.objects import Document
from tests.kubernetes.cluster import Cluster
from tests.support.direct import DirectTransport
from tests.support.world import CLUSTER, GROUPS, NAMESPACES, NOTHING, USERS, World, worlds

pytestmark = pytest.mark.cluster

PATIENCE = 10.0
"""Seconds within which the API server's authorizer has to know what was written."""

REVIEWS = 150
CALLERS = tuple((user, groups) for user in USERS for groups in ((), GROUPS[:1], GROUPS))


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
        ("", "apps", "batch", "example.com"),
        ("pods", "pods/log", "pods/exec", "secrets", "deployments", "jobs", "namespaces", "persistentvolumes"),
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


@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(sequence=st.lists(worlds(), min_size=1, max_size=2), seed=st.integers(0, 2**32))
@pytest.mark.slow
def test_the_cluster_answers_as_the_evaluator(
    cluster: Cluster, objects: Objects, sequence: list[World], seed: int
) -> None:
    for world in sequence:
        propagate(objects, world)
        assert plan(objects, world).is_empty
        wait_until_equal(lambda world=world: differences(cluster, objects, world, seed))  # type: ignore[misc]
    propagate(objects, NOTHING)
    assert listed_by_owner(objects) == []


def propagate(objects: Objects, world: World) -> None:
    assert objects.carry_out(CLUSTER, plan(objects, world)) == ()


def plan(objects: Objects, world: World) -> controller.Plan:
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


def differences(cluster: Cluster, objects: Objects, world: World, seed: int) -> list[Any]:
    """Every question that the API server and the evaluator answer otherwise."""
    own = {name: parse_all(role["rules"] or []) for name, role in controller.own_roles(observe(objects)).items()}
    wanted = rights(world.read, world.library, world.place)
    by_caller = {caller: held(subjects(*caller), wanted, own) for caller in CALLERS}
    asked = random.Random(seed).sample(QUESTIONS, REVIEWS)
    with ThreadPoolExecutor(4) as pool:
        resources = pool.map(lambda question: review(cluster, question), asked)
        found: list[Any] = [
            (question, answer)
            for question, answer in zip(asked, resources, strict=True)
            if by_caller[question.caller].allows(*_of(question)) is not answer
        ]
        urls = pool.map(lambda item: review_url(cluster, *item), URLS)
        found += [
            (item, answer)
            for item, answer in zip(URLS, urls, strict=True)
            if by_caller[item[0]].allows_url("get", item[1]) is not answer
        ]
    return found + [caller for caller in CALLERS if differs(cluster, caller, by_caller[caller])]


def subjects(user: str, groups: Sequence[str]) -> list[Subject]:
    return [Subject(USER, user), *(Subject(GROUP, group) for group in groups)]


def _of(question: Question) -> tuple[str, str, str, str, str]:
    return question.verb, question.group, question.resource, question.name, question.namespace


def review(cluster: Cluster, question: Question) -> bool:
    resource, _, subresource = question.resource.partition("/")
    attributes = {
        "namespace": question.namespace,
        "verb": question.verb,
        "group": question.group,
        "resource": resource,
        "subresource": subresource,
        "name": question.name,
    }
    return asked(cluster, question.caller, {"resourceAttributes": attributes})


def review_url(cluster: Cluster, caller: tuple[str, Sequence[str]], path: str) -> bool:
    return asked(cluster, caller, {"nonResourceAttributes": {"verb": "get", "path": path}})


def asked(cluster: Cluster, caller: tuple[str, Sequence[str]], attributes: dict[str, Any]) -> bool:
    document = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": caller[0], "groups": list(caller[1]), **attributes},
    }
    answer = cluster.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", json=document)
    assert answer.status_code == 201, answer.text
    return bool(answer.json()["status"]["allowed"])


def differs(cluster: Cluster, caller: tuple[str, Sequence[str]], mine: Held) -> bool:
    """Compare the rules themselves, in one namespace, beside those that everybody has."""
    everybody = rules_review(cluster, ("u-nobody", ()), NAMESPACES[0])
    expected = everybody | set(parts(mine.rules(NAMESPACES[0])))
    return rules_review(cluster, caller, NAMESPACES[0]) != expected


def rules_review(cluster: Cluster, caller: tuple[str, Sequence[str]], namespace: str) -> set[Any]:
    # requests can't send a header twice, so one question for each group; rules only ever add up.
    found: set[Any] = set()
    for group in caller[1] or ("",):
        headers = {"Impersonate-User": caller[0], **({"Impersonate-Group": group} if group else {})}
        document = {"spec": {"namespace": namespace}}
        path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
        answer = cluster.request("POST", path, json=document, headers=headers)
        assert answer.status_code == 201, answer.text
        status = answer.json()["status"]
        found |= set(parts(parse_all([*status["resourceRules"], *status["nonResourceRules"]])))
    return found


def parts(rules: Iterable[Rule]) -> Iterator[tuple[str, ...]]:
    for rule in rules:
        if rule.urls:
            yield from itertools.product(rule.verbs, rule.urls)
        else:
            yield from itertools.product(rule.verbs, rule.groups, rule.resources, rule.names or ("",))
