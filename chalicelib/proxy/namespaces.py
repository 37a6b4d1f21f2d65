"""Writes to namespaces through the proxy: nobody puts one into a project of others, and Lariat looks at it at once.

A namespace says by an annotation which project it is to be in. Kubernetes lets whoever may write a namespace write that
too, so it is read here, before the cluster sees it, and asked about as the API's ``move`` is. Both edges call ``judge``
before such a write and ``done`` after it.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote

from chalicelib.clusters import moves
from chalicelib.clusters.client import ClusterClient, parsed
from chalicelib.controllers.objects import Document
from chalicelib.controllers.placement import PROJECT
from chalicelib.errors import ClusterUnavailable, Conflict, Invalid, LariatError
from chalicelib.proxy.gatekeeper import Admitted
from chalicelib.store.resources import Resources
from chalicelib.tunnel import attributes

log = logging.getLogger("lariat.proxy")

LARGEST = 1024 * 1024
"""Bytes of a write to a namespace, which holds no more than a quarter of that."""

_READS = ("GET", "HEAD", "OPTIONS")
_REMOVALS = ("delete", "deletecollection")
_WRITES = ("create", "update", "patch", *_REMOVALS)
_PROTOBUF = b"k8s\x00"
_MERGED = "<<"
"""What parsers of YAML may take for more names."""

_POINTER = ("metadata", "annotations", PROJECT)


class Write(NamedTuple):
    """A write that was let through. It moves ``namespace``, if there is one, from ``source`` to ``project``, or none."""

    cluster: str
    namespace: Document | None = None
    project: str = ""
    source: str = ""


def concerns(admitted: Admitted) -> bool:
    """Is a request a write to namespaces?"""
    if admitted.head.method in _READS:
        return False
    meant = _meant(admitted)
    return (meant.group, meant.resource) == ("", "namespaces") and meant.verb in _WRITES


class Namespaces:
    """``client`` is asked for when it is needed."""

    def __init__(self, resources: Resources, client: Callable[[], ClusterClient]) -> None:
        self._resources = resources
        self._client = client

    def judge(self, admitted: Admitted, body: bytes) -> Write:
        """Raises ``Forbidden``, ``NotFound``, ``Invalid`` or ``ClusterUnavailable``; then nothing may be sent."""
        cluster, meant = admitted.target.cluster, _meant(admitted)
        wish = None if meant.verb in _REMOVALS else _wish(admitted, body)
        if wish is None:
            return Write(cluster)
        there = self._find(cluster, meant.name) if meant.name else None
        if there is None:
            if wish:
                moves.enter(self._resources, admitted.identity, cluster, wish)
            return Write(cluster)
        source = moves.current(self._resources, cluster, there)
        if wish == source:
            return Write(cluster)
        moves.check(self._resources, admitted.identity, cluster, source, wish)
        return Write(cluster) if _is_tried(admitted.target.query) else Write(cluster, there, wish, source)

    def done(self, write: Write, status: int) -> None:
        """The cluster has answered. What fails here must not hide that it has done as it was told."""
        if not 200 <= status < 300:
            return
        try:
            self._settle(write)
        except LariatError as error:
            log.warning("cluster %s: a changed namespace is not looked at yet: %s", write.cluster, error.message)

    def _settle(self, write: Write) -> None:
        if write.namespace is not None:
            # If somebody else was faster, it is to say again where that one has put it.
            with contextlib.suppress(Conflict):
                moves.move(self._resources, write.cluster, write.namespace, write.project, write.source)
                return
        self._resources.touch(write.cluster)

    def _find(self, cluster: str, name: str) -> Document | None:
        answer = self._client().ask(cluster, "GET", f"/api/v1/namespaces/{quote(name, safe='')}")
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise ClusterUnavailable(f"the cluster answers {answer.status} when asked for the namespace")
        return parsed(answer)


def _is_tried(query: str) -> bool:
    return any(name == "dryRun" for name, _ in parse_qsl(query, keep_blank_values=True))


def _meant(admitted: Admitted) -> attributes.Attributes:
    return attributes.parse(admitted.head.method, admitted.target.path, admitted.target.query)


def _wish(admitted: Admitted, body: bytes) -> str | None:
    """The project that a write names, ``""`` for none at all; ``None`` if it says nothing of that. Raises ``Invalid``."""
    if any(name == "content-encoding" for name, _ in admitted.head.headers):
        raise Invalid("namespaces are written without a content encoding", code="BadRequest")
    if body.startswith(_PROTOBUF) and PROJECT.encode() not in body:
        # Texts stand in protobuf as they are.
        return None
    document = _read(body)
    return _patched(document) if isinstance(document, list) else _named(document)


def _read(body: bytes) -> Any:
    """JSON that everybody reads alike."""
    try:
        return json.loads(body.decode(), object_pairs_hook=_unambiguous)
    except (ValueError, RecursionError):
        raise Invalid(
            "Lariat has to see which project a namespace is put into: write it as JSON, each name once",
            code="BadRequest",
        ) from None


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs) or _MERGED in found:
        raise ValueError("a name stands twice, or may")
    return found


def _named(document: Any) -> str | None:
    for name in _POINTER[:-1]:
        document = document.get(name) if isinstance(document, Mapping) else None
    if not isinstance(document, Mapping) or PROJECT not in document:
        return None
    return _text(document[PROJECT])


def _patched(operations: list[Any]) -> str | None:
    """What a JSON patch does to the annotation, which it has to name to touch it."""
    wish = None
    for each in operations:
        operation = each if isinstance(each, Mapping) else {}
        if operation.get("op") == "move" and _leads_there(_steps(operation.get("from"))):
            raise Invalid("a patch of a namespace takes its annotation away by removing it", code="BadRequest")
        steps = _steps(operation.get("path"))
        if not _leads_there(steps) or operation.get("op") == "test":
            continue
        if steps != _POINTER or operation.get("op") not in ("add", "replace", "remove"):
            raise Invalid("a patch of a namespace changes its annotations one by one", code="BadRequest")
        wish = "" if operation["op"] == "remove" else _text(operation.get("value"))
    return wish


def _steps(pointer: Any) -> tuple[str, ...]:
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in str(pointer).split("/")[1:])


def _leads_there(steps: tuple[str, ...]) -> bool:
    """Is it the annotation that a pointer means, or something that it is in?"""
    return steps == _POINTER[: len(steps)]


def _text(value: Any) -> str:
    if value is not None and not isinstance(value, str):
        raise Invalid(f"the annotation {PROJECT} is a text", code="BadRequest")
    return value or ""
