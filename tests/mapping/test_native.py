"""Objects that others made, with everything that Kubernetes knows: going through the v3 shape loses nothing of them."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from chalicelib.mapping import secrets
from chalicelib.mapping.kind import Kind
from chalicelib.mapping.kinds import KINDS
from chalicelib.mapping.place import Place
from tests.mapping.conftest import NAMESPACE, Api

pytestmark = pytest.mark.cluster

FOLDER = Path(__file__).parent / "native"
PLACE = Place(cluster="c-abcde", projects={NAMESPACE: "c-abcde:p-fghij"})


def _objects() -> list[dict[str, Any]]:
    template = yaml.safe_load((FOLDER / "pod_template.yaml").read_text())
    objects = list(yaml.safe_load_all((FOLDER / "objects.yaml").read_text()))
    for item in objects:
        if item.get("spec", {}).get("template") == "$TEMPLATE":
            item["spec"]["template"] = copy.deepcopy(template)
    return objects


def _kind(source: dict[str, Any]) -> Kind:
    if source["kind"] == "Secret":
        return secrets.of(source)
    return next(kind for kind in KINDS if kind.served.kind == source["kind"])


CASES = [pytest.param(item, id=f"{item['kind']}-{item['metadata']['name']}") for item in _objects()]


def _settled(source: dict[str, Any]) -> dict[str, Any]:
    """The object without what the server counts, and without what controllers keep writing to it."""
    metadata = {name: value for name, value in source["metadata"].items() if name not in COUNTED}
    return {**{name: value for name, value in source.items() if name != "status"}, "metadata": metadata}


COUNTED = ("resourceVersion", "generation", "managedFields")


@pytest.fixture(scope="module")
def stored(api: Api) -> dict[str, dict[str, Any]]:
    """All of them, created once."""
    found = {}
    for item in _objects():
        kind = _kind(item)
        if kind.served.namespaced:
            item["metadata"]["namespace"] = NAMESPACE
        api.create(kind, item)
        found[f"{item['kind']}-{item['metadata']['name']}"] = item
    return found


@pytest.mark.parametrize("source", CASES)
def test_a_change_of_one_label_changes_nothing_else(
    api: Api, stored: dict[str, dict[str, Any]], source: dict[str, Any]
) -> None:
    kind = _kind(source)
    name = "workloadLabels" if kind.base == "workload" else "labels"

    def change(before: dict[str, Any]) -> dict[str, Any]:
        values = kind.to_v3(before, PLACE)
        return kind.to_kubernetes({**values, name: {**values[name], "changed": "yes"}}, before, PLACE)

    before, after = api.update(kind, stored[f"{source['kind']}-{source['metadata']['name']}"], change)
    assert after["metadata"]["labels"]["changed"] == "yes"
    after["metadata"]["labels"] = before["metadata"].get("labels")
    if after["metadata"]["labels"] is None:
        del after["metadata"]["labels"]
    assert _settled(after) == _settled(before)


@pytest.mark.parametrize("source", CASES)
def test_every_rule_writes_back_what_it_reads(
    api: Api, stored: dict[str, dict[str, Any]], source: dict[str, Any]
) -> None:
    """The shortcut for unchanged fields is left out: each rule must lose nothing by itself."""
    kind = _kind(source)
    before = api.get(kind, stored[f"{source['kind']}-{source['metadata']['name']}"])
    values = kind.to_v3(before, PLACE)
    target = copy.deepcopy(before)
    place = Place(cluster=PLACE.cluster, namespace=NAMESPACE, name=before["metadata"]["name"])
    for rule in kind.rules:
        if all(name in values for name in rule.fields):
            rule.write(values, target, place)
    assert _settled(target) == _settled(before)


@pytest.mark.parametrize(
    "name", ["Deployment-rich", "DaemonSet-rich", "ReplicationController-rich", "CronJob-rich", "Deployment-recreated"]
)
def test_a_new_image_changes_the_image_alone(api: Api, stored: dict[str, dict[str, Any]], name: str) -> None:
    kind = _kind(stored[name])

    def change(before: dict[str, Any]) -> dict[str, Any]:
        first, *others = kind.to_v3(before, PLACE)["containers"]
        return kind.to_kubernetes({"containers": [{**first, "image": "new:1"}, *others]}, before, PLACE)

    before, after = api.update(kind, stored[name], change)
    wanted = copy.deepcopy(_settled(before))
    spec = wanted["spec"]["jobTemplate"]["spec"] if "jobTemplate" in wanted["spec"] else wanted["spec"]
    spec["template"]["spec"]["containers"][0]["image"] = "new:1"
    assert _without_observed(_settled(after)) == _without_observed(wanted)


def _without_observed(source: dict[str, Any]) -> dict[str, Any]:
    """DaemonSets count templates in an annotation of their own."""
    source["metadata"].get("annotations", {}).pop("deprecated.daemonset.template.generation", None)
    return source
