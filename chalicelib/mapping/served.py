"""Which Kubernetes resource a kind is, in which version a cluster serves it, and under which path."""

from __future__ import annotations

import re
from dataclasses import dataclass

from chalicelib.errors import NotFound, Unavailable

NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", re.ASCII)
"""No name of these kinds has a slash or begins with a dot, so none leads to another path."""


@dataclass(frozen=True, slots=True)
class Version:
    """An ``apiVersion`` and the minor releases of Kubernetes 1 that serve it; ``until`` is the last of them."""

    name: str
    since: int = 0
    until: int = 1000


@dataclass(frozen=True, slots=True)
class Served:
    """``versions`` are in the order of preference."""

    kind: str
    plural: str
    versions: tuple[Version, ...] = (Version("v1"),)
    namespaced: bool = True

    def version(self, minor: int) -> str:
        """Choose the ``apiVersion`` to ask a cluster of Kubernetes 1.``minor`` for."""
        for version in self.versions:
            if version.since <= minor <= version.until:
                return version.name
        raise Unavailable(f"Kubernetes 1.{minor} serves no {self.plural} that Lariat knows")

    def path(self, version: str, namespace: str = "", name: str = "") -> str:
        """The URL path of an object or, without a name, of a collection; without a namespace, of all namespaces."""
        parts = ["apis" if "/" in version else "api", version]
        parts += ["namespaces", _checked(namespace)] if namespace else []
        parts += [self.plural, *([_checked(name)] if name else [])]
        return "/" + "/".join(parts)


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise NotFound(f"no Kubernetes object is called {name[:63]!r}")
    return name


def minor(version: str) -> int:
    """Read the minor release out of ``gitVersion`` (``v1.20.2``) or ``minor`` (``20+``)."""
    found = re.search(r"(?:^v?1\.|^)(\d+)", version)
    if found is None:
        raise Unavailable(f"the cluster says that it is Kubernetes {version[:40]!r}, which is none that Lariat knows")
    return int(found[1])
