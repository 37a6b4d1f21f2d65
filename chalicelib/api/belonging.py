"""Which project a namespace belongs to. Every kind that lives in a project asks here, and nowhere else.

Lariat asks the cluster by itself: a caller who may see a namespace's workloads need not be able to list namespaces.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from chalicelib.api.conversation import PAGE, Object, understood
from chalicelib.clusters.client import Answer, ClusterClient
from chalicelib.errors import NotFound, TooLarge
from chalicelib.mapping.namespaces import NAMESPACE, project_of

MOST_PAGES = 40


def project(client: ClusterClient, cluster: str, namespace: str) -> str:
    """The project of one namespace, empty for none."""
    answer = client.ask(cluster, "GET", NAMESPACE.served.path("v1", name=namespace))
    return project_of(understood(answer)) or "" if answer.status != NotFound.status else ""


def projects(client: ClusterClient, cluster: str) -> Mapping[str, str]:
    """Each namespace that is in a project, with the project."""
    return {each["metadata"]["name"]: belongs for each in everything(client, cluster) if (belongs := project_of(each))}


def members(client: ClusterClient, cluster: str, project: str) -> list[Object]:
    """The namespaces of one project, the oldest first, as quotas are given out."""
    found = [each for each in everything(client, cluster) if project_of(each) == project]
    return sorted(found, key=lambda each: (each["metadata"]["creationTimestamp"], each["metadata"]["name"]))


def everything(client: ClusterClient, cluster: str) -> Iterator[Object]:
    """The cluster's namespaces. Raises ``TooLarge``."""
    token = ""
    for _ in range(MOST_PAGES):
        page = understood(_page(client, cluster, token))
        yield from page.get("items") or ()
        token = str((page.get("metadata") or {}).get("continue") or "")
        if not token:
            return
    raise TooLarge(f"the cluster has more than {MOST_PAGES * PAGE} namespaces")


def _page(client: ClusterClient, cluster: str, token: str) -> Answer:
    follow = f"&continue={token}" if token else ""
    return client.ask(cluster, "GET", f"{NAMESPACE.served.path('v1')}?limit={PAGE}{follow}")
