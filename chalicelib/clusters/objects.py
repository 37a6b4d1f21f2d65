"""Look at the objects of a cluster and carry out a controller's plan for them; the reconciler calls both.

Every object is written on its own: one that the cluster refuses is reported, and the others are done. What already exists
under the name of a new object is never taken over. Changes are applied by the server where it can (Kubernetes 1.18), so
that what others keep in an object stays, and replace the object otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from chalicelib.auth.roles.bindings import USER, Subject
from chalicelib.clusters.client import Answer, ClusterClient, parsed, said
from chalicelib.controllers.contents import OURS, WHOLE, Observed
from chalicelib.controllers.objects import OWNER, Delete, Document, Patch, Plan, Ref, ref, same
from chalicelib.errors import ClusterUnavailable

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
MANAGER = "lariat"
ANYONE = "*"
PAGE = 500
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
MOST_ASKED = 5
"""Administrators that are asked about; the others' bindings were written with theirs."""
MOST_PAGES = 400

_GONE_OR_NOT = (200, 202, 404, 409)
_REFUSALS = (400, 403, 404, 409, 413, 422)


class Collection(NamedTuple):
    api: str
    plural: str
    namespaced: bool = False


RBAC = "rbac.authorization.k8s.io/v1"
COLLECTIONS: Mapping[str, Collection] = {
    "ClusterRole": Collection(RBAC, "clusterroles"),
    "ClusterRoleBinding": Collection(RBAC, "clusterrolebindings"),
    "RoleBinding": Collection(RBAC, "rolebindings", True),
    "Role": Collection(RBAC, "roles", True),
    "Namespace": Collection("v1", "namespaces"),
    "Secret": Collection("v1", "secrets", True),
    "ResourceQuota": Collection("v1", "resourcequotas", True),
    "LimitRange": Collection("v1", "limitranges", True),
    "NetworkPolicy": Collection("networking.k8s.io/v1", "networkpolicies", True),
    "PodSecurityPolicy": Collection("policy/v1beta1", "podsecuritypolicies"),
}


class Objects:
    def __init__(self, client: ClusterClient) -> None:
        self._client = client

    def observe(self, cluster: str, kind: str, owner: str = "") -> list[Document]:
        """List every object of a kind, or those with this owner (or ``ANYONE``). Raises ``ClusterUnavailable``."""
        collection = COLLECTIONS[kind]
        selector = OWNER if owner == ANYONE else f"{OWNER}={owner}"
        query = {"limit": str(PAGE), **({"labelSelector": selector} if owner else {})}
        found: list[Document] = []
        for page in self._pages(cluster, f"{_root(collection.api)}/{collection.plural}", query):
            found.extend({"apiVersion": collection.api, "kind": kind, **item} for item in page)
        return found

    def look(self, cluster: str, version: Mapping[str, Any], wholly: Sequence[str] = WHOLE) -> Observed:
        """Look at all that a pass over a cluster needs; ``wholly`` at all objects of these kinds, whoever made them.

        ``version`` is the cluster's, as it was last heard: to ask for it costs as much as to look at a kind.

        Raises ``ClusterUnavailable``.
        """
        served = {kind: kind != "PodSecurityPolicy" or self.serves(cluster, kind) for kind in (*WHOLE, *OURS)}
        found = {
            kind: self.observe(cluster, kind, "" if kind in wholly else ANYONE) for kind, yes in served.items() if yes
        }
        return Observed(found, minor(version), served["PodSecurityPolicy"])

    def know(self, cluster: str, administrators: Sequence[Subject]) -> bool:
        """Does the cluster let its administrators do everything yet? Bindings count some moments after they are written.

        Raises ``ClusterUnavailable``.
        """
        return all(self._may_everything(cluster, subject) for subject in administrators[:MOST_ASKED])

    def _may_everything(self, cluster: str, subject: Subject) -> bool:
        who = {"user": subject.name} if subject.kind == USER else {"user": "lariat:group", "groups": [subject.name]}
        spec = {**who, "resourceAttributes": {"verb": "*", "group": "*", "resource": "*"}}
        document = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        answer = self._client.ask(cluster, "POST", REVIEWS, document)
        if answer.status not in (200, 201):
            raise _failed("POST", REVIEWS, answer)
        return (parsed(answer).get("status") or {}).get("allowed") is True

    def serves(self, cluster: str, kind: str) -> bool:
        """Does the cluster know this kind? Raises ``ClusterUnavailable``."""
        collection = COLLECTIONS[kind]
        answer = self._client.ask(cluster, "GET", _root(collection.api))
        if answer.status not in (200, 404):
            raise _failed("GET", _root(collection.api), answer)
        resources = parsed(answer).get("resources") or []
        return any(resource.get("kind") == kind for resource in resources if isinstance(resource, Mapping))

    def carry_out(self, cluster: str, plan: Plan) -> tuple[str, ...]:
        """Do what a plan says, in its order; return what the cluster refused. Raises ``ClusterUnavailable``."""
        if plan.is_empty:
            return plan.refused
        applies = bool(plan.update) and minor(self._client.version(cluster)) >= 18
        refused = [*plan.refused]
        refused += filter(None, [self._delete(cluster, item) for item in plan.delete])
        refused += filter(None, [self._patch(cluster, item) for item in plan.patch])
        refused += filter(None, [self._create(cluster, item) for item in plan.create])
        refused += filter(None, [self._update(cluster, item, applies) for item in plan.update])
        return tuple(refused)

    def _pages(self, cluster: str, path: str, query: Mapping[str, str]) -> Iterator[Sequence[Document]]:
        after = ""
        for _ in range(MOST_PAGES):
            target = f"{path}?{urlencode({**query, **({'continue': after} if after else {})})}"
            answer = self._client.ask(cluster, "GET", target)
            document = parsed(answer)
            if answer.status != 200 or not isinstance(document.get("items") or [], list):
                raise _failed("GET", path, answer)
            yield document.get("items") or []
            after = (document.get("metadata") or {}).get("continue") or ""
            if not after:
                return
        raise ClusterUnavailable(f"{path} has more than {PAGE * MOST_PAGES} objects")

    def _delete(self, cluster: str, item: Delete) -> str:
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": item.uid}}
        answer = self._client.ask(cluster, "DELETE", path(item.ref), options)
        return "" if answer.status in _GONE_OR_NOT else _refusal("deleting", item.ref, answer)

    def _create(self, cluster: str, document: Document) -> str:
        name = ref(document)
        answer = self._client.ask(cluster, "POST", f"{_collection(name)}?fieldManager={MANAGER}", document)
        return "" if answer.status in (200, 201) else _refusal("creating", name, answer)

    def _update(self, cluster: str, document: Document, applies: bool) -> str:
        """Apply; replace the object where that is not served, or leaves something of an earlier state in it."""
        name = ref(document)
        if applies:
            query = f"?fieldManager={MANAGER}&force=true"
            answer = self._client.ask(cluster, "PATCH", path(name) + query, document, APPLY)
            if answer.status != 200:
                return _refusal("changing", name, answer)
            made = parsed(answer)
            if same(document, {"kind": name.kind, **made}):
                return ""
            document = _at(document, made)
        answer = self._client.ask(cluster, "PUT", f"{path(name)}?fieldManager={MANAGER}", document)
        return "" if answer.status == 200 else _refusal("changing", name, answer)

    def _patch(self, cluster: str, item: Patch) -> str:
        answer = self._client.ask(cluster, "PATCH", f"{path(item.ref)}?fieldManager={MANAGER}", item.body, MERGE)
        return "" if answer.status == 200 else _refusal("changing", item.ref, answer)


def path(name: Ref) -> str:
    return f"{_collection(name)}/{quote(name.name, safe='')}"


def minor(version: Mapping[str, Any]) -> int:
    """The number that a cluster's minor version begins with (``20+`` is 20); 0 if there is none."""
    match = re.match(r"[0-9]{1,4}", str(version.get("minor", "")))
    return int(match[0]) if match else 0


def _collection(name: Ref) -> str:
    inside = f"/namespaces/{quote(name.namespace, safe='')}" if name.namespace else ""
    return f"{_root(name.api)}{inside}/{COLLECTIONS[name.kind].plural}"


def _root(api: str) -> str:
    return f"/apis/{api}" if "/" in api else f"/api/{api}"


def _at(document: Document, made: Mapping[str, Any]) -> Document:
    version = (made.get("metadata") or {}).get("resourceVersion", "")
    return {**document, "metadata": {**document["metadata"], "resourceVersion": version}}


def _refusal(doing: str, name: Ref, answer: Answer) -> str:
    """Say what the cluster does not take. An answer that says nothing about the object fails the whole pass."""
    if answer.status not in _REFUSALS:
        raise _failed(doing, path(name), answer)
    where = f"{name.namespace}/{name.name}" if name.namespace else name.name
    return f"{doing} {name.kind} {where} was answered {answer.status}: {said(answer)}"


def _failed(doing: str, path: str, answer: Answer) -> ClusterUnavailable:
    return ClusterUnavailable(f"{doing} {path} was answered {answer.status}: {said(answer)}")
