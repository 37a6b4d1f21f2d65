"""What is in namespaces, as one Kubernetes ``List`` to apply elsewhere; ``namespaces.py`` and ``projects.py`` call it.

It is read as the caller: what the cluster does not let him list is left out, as in every list. Secrets are left out, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from chalicelib.api.conversation import Conversation, Object
from chalicelib.errors import Forbidden, LariatError, NotFound, TooLarge
from chalicelib.mapping.export import CONTENTS, is_own, written
from chalicelib.mapping.namespaces import NAMESPACE
from chalicelib.mapping.served import Served

LARGEST = 4 * 1024 * 1024
"""Bytes of JSON in an export: what Lambda returns is limited."""


def of_namespace(talk: Conversation, namespace: str) -> Object:
    """Raises ``TooLarge``."""
    return _list(_contents(talk, namespace))


def of_project(talk: Conversation, namespaces: Iterable[str]) -> Object:
    """Each namespace that the caller may read, and what is in it. Raises ``TooLarge``."""
    return _list(each for namespace in namespaces for each in _whole(talk, namespace))


def text(document: Object) -> bytes:
    return yaml.safe_dump(document, sort_keys=False).encode()


def _list(found: Iterator[Object]) -> Object:
    items: list[Any] = []
    size = 0
    for each in found:
        size += len(json.dumps(each))
        if size > LARGEST:
            raise TooLarge(
                f"the export is larger than {LARGEST // 1024} KB: export single namespaces, or use kubectl get"
            )
        items.append(each)
    return {"apiVersion": "v1", "kind": "List", "items": items}


def _whole(talk: Conversation, namespace: str) -> Iterator[Object]:
    try:
        found = talk.ask("GET", talk.path(NAMESPACE.served, name=namespace))
    except LariatError as error:
        if error.status not in (Forbidden.status, NotFound.status):
            raise
        return
    made = {name: value for name, value in found["metadata"].items() if name in ("name", "labels")}
    yield {"apiVersion": "v1", "kind": NAMESPACE.served.kind, "metadata": made}
    yield from _contents(talk, namespace)


def _contents(talk: Conversation, namespace: str) -> Iterator[Object]:
    for served in CONTENTS:
        yield from (written(each, served.kind) for each in _listed(talk, served, namespace) if is_own(each))


def _listed(talk: Conversation, served: Served, namespace: str) -> Iterator[Object]:
    try:
        yield from talk.items(talk.path(served, namespace))
    except LariatError as error:
        if error.status != Forbidden.status:
            raise
