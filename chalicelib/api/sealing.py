"""Keep secrets apart: what a caller sends in a secret field is sealed before anything is stored.

``behaviour.py`` calls this for every kind; who needs a secret opens it with the same purpose.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.schema.kind import Kind
from chalicelib.schema.secrets import split, void
from chalicelib.types import Resource, Seal


class Sealing:
    def __init__(self, seal: Seal) -> None:
        self._seal = seal

    def part(
        self, kind: Kind, id: str, values: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, str], tuple[str, ...]]:
        """Return the values without secrets, the secrets sealed, and the paths whose earlier secrets are void."""
        plain, secrets, dropped = split(kind, values)
        return plain, {path: self._seal.seal(text, purpose(id, path)) for path, text in secrets.items()}, dropped

    def open(self, resource: Resource, path: str) -> str:
        """Return a secret, or nothing if none was set."""
        sealed = resource.sealed.get(path)
        return self._seal.open(sealed, purpose(resource.id, path)) if sealed else ""


def purpose(id: str, path: str) -> str:
    return f"{id}/{path}"


def kept(sealed: Mapping[str, str], dropped: tuple[str, ...]) -> dict[str, str]:
    return {path: value for path, value in sealed.items() if not void(path, dropped)}
